// Regularized evolution: the oldest of the population goes, whatever it was worth.
#include <algorithm>

#include "proposers.hpp"

namespace dyad::workflow {
namespace {

constexpr std::uint64_t kStream = 0x65766f6c'00000000;
constexpr std::size_t kPopulation = 24;
constexpr std::size_t kTournament = 6;
constexpr int kTries = 10;  ///< to make a child that was not scored before

class EvolutionProposer final : public Proposer {
 public:
  EvolutionProposer(const BitSpace& space, std::uint64_t seed) : space_(space), seed_(seed) {}

  Result<Bits> propose(std::span<const ScoredBits> history) override {
    Random random(seed_, kStream + history.size());
    const auto known = [&](const Bits& bits) {
      return std::any_of(history.begin(), history.end(), [&](const ScoredBits& one) { return one.bits == bits; });
    };
    for (int round = 1;; ++round) {
      DYAD_TRY(Bits inside, space_.repaired(history.size() < kPopulation ? space_.drawn(random) : child(history, random), random));
      DYAD_TRY(Bits bits, space_.raised(std::move(inside)));
      if (round == kTries || !known(bits)) return bits;
    }
  }

 private:
  static const ScoredBits& parent(std::span<const ScoredBits> population, Random& random) {
    const ScoredBits* best = nullptr;
    for (std::size_t i = 0; i < kTournament; ++i) {
      const ScoredBits& one = population[random.below(population.size())];
      if (best == nullptr || one.better_than(*best)) best = &one;
    }
    return *best;
  }

  Bits child(std::span<const ScoredBits> history, Random& random) const {
    const auto population = history.last(kPopulation);
    Bits bits = parent(population, random).bits;
    if (random.coin()) {
      const Bits& other = parent(population, random).bits;
      for (std::size_t i = 0; i < bits.size(); ++i)
        if (random.coin()) bits[i] = other[i];
    }
    // Two operands on average, at least one: half of them one choice up or down, the others anywhere.
    const std::vector<std::size_t>& free = space_.free();
    if (free.empty()) return bits;
    const std::uint64_t operands = 2 * free.size();
    for (bool changed = false; !changed;)
      for (const std::size_t i : free)
        for (int LayerBits::*operand : {&LayerBits::weight, &LayerBits::activation})
          if (random.below(operands) < 2) {
            changed = true;
            bits[i].*operand =
                mutated(bits[i].*operand, operand == &LayerBits::weight ? space_.weight_choices() : space_.activation_choices(), random);
          }
    return bits;
  }

  static int mutated(int bits, const std::vector<int>& choices, Random& random) {
    if (random.coin()) return choices[random.below(choices.size())];
    const auto at = std::find(choices.begin(), choices.end(), bits);
    if (at == choices.end()) return bits;
    if (random.coin()) return at == choices.begin() ? bits : *(at - 1);
    return at + 1 == choices.end() ? bits : *(at + 1);
  }

  const BitSpace& space_;
  std::uint64_t seed_;
};

}  // namespace

std::unique_ptr<Proposer> make_evolution_proposer(const BitSpace& space, std::uint64_t seed) {
  return std::make_unique<EvolutionProposer>(space, seed);
}

}  // namespace dyad::workflow
