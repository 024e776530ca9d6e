#include "dyad/hwsim/tile_memory.hpp"

namespace dyad::hwsim {
namespace {
constexpr std::int64_t kManyTokens = std::int64_t{1} << 40;  // the free slots bound the full ones
}

TileMemory::TileMemory(std::int64_t slots) : free_(kManyTokens), full_(kManyTokens) {
  DYAD_EXPECT(slots >= 1, "a memory needs a slot");
  // A slot that is free from reset can be acquired in cycle 0.
  for (std::int64_t slot = 0; slot < slots; ++slot) free_.preload(Token{});
}

void TileMemory::connect(Stage* filler, Stage* reader) {
  free_.set_reader(filler);
  full_.set_reader(reader);
}

void TileMemory::commit(std::int64_t complete_at, std::int64_t bits_written) {
  bits_written_ += bits_written;
  full_.push(Token{}, complete_at + 1);
}

void TileMemory::release() { free_.push(Token{}); }

}  // namespace dyad::hwsim
