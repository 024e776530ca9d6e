// Random search: every episode a fresh draw.
#include "proposers.hpp"

namespace dyad::workflow {
namespace {

constexpr std::uint64_t kStream = 0x72616e64'00000000;

class RandomProposer final : public Proposer {
 public:
  RandomProposer(const BitSpace& space, std::uint64_t seed) : space_(space), seed_(seed) {}

  Result<Bits> propose(std::span<const ScoredBits> history) override {
    Random random(seed_, kStream + history.size());
    DYAD_TRY(Bits inside, space_.repaired(space_.drawn(random), random));
    return space_.raised(std::move(inside));
  }

 private:
  const BitSpace& space_;
  std::uint64_t seed_;
};

}  // namespace

std::unique_ptr<Proposer> make_random_proposer(const BitSpace& space, std::uint64_t seed) {
  return std::make_unique<RandomProposer>(space, seed);
}

}  // namespace dyad::workflow
