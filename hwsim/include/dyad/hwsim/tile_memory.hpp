/// \file A multi-buffered on-chip memory: one stage fills slots while another reads the ones that are full.
#pragma once

#include "dyad/hwsim/channel.hpp"

namespace dyad::hwsim {

/// An SRAM cut into `slots` buffers of equal size (2: the classic double buffer). Filling stage and reading stage pass ownership
/// by tokens, each visible one cycle after it was given: a slot is acquired, filled and committed, then taken, read and released.
/// Slots are used in rotation. Accesses are counted in bits.
class TileMemory {
 public:
  explicit TileMemory(std::int64_t slots);
  /// The stages to wake when a slot becomes free, and when one becomes full.
  void connect(Stage* filler, Stage* reader);

  bool can_acquire() { return free_.can_pop(); }
  void acquire() { free_.pop(); }
  /// The tile is complete at the end of cycle `complete_at` (>= now): the reader sees it one cycle later. `parts` tokens can be given
  /// for one slot, so that the reader can start on a part.
  void commit(std::int64_t complete_at, std::int64_t bits_written);
  bool can_take() { return full_.can_pop(); }
  void take() { full_.pop(); }
  void count_read(std::int64_t bits) { bits_read_ += bits; }
  void release();

  std::int64_t bits_written() const { return bits_written_; }
  std::int64_t bits_read() const { return bits_read_; }

 private:
  struct Token {};
  Channel<Token> free_;
  Channel<Token> full_;
  std::int64_t bits_written_ = 0, bits_read_ = 0;
};

}  // namespace dyad::hwsim
