/// \file The methods that search by episodes: what each proposes next, and what it learns from the score.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bit_space.hpp"

namespace dyad::workflow {

/// A scored episode as proposers see it.
struct ScoredBits {
  Bits bits;
  double reward = 0;
  double logits_mse = 0;
  /// More reward, or as much with less error of the logits.
  bool better_than(const ScoredBits& other) const { return reward != other.reward ? reward > other.reward : logits_mse < other.logits_mse; }
};

/// Proposals depend on the seed and on the episodes before, on nothing else.
class Proposer {
 public:
  virtual ~Proposer() = default;
  /// Bits within the limits; `history` holds all episodes before this one.
  virtual Result<Bits> propose(std::span<const ScoredBits> history) = 0;
  /// Hears the score of its last proposal.
  virtual void learn(const ScoredBits& /*scored*/) {}
  /// What it knows beside the history, and knows again after `load`.
  virtual std::vector<std::uint8_t> save() const { return {}; }
  virtual Result<void> load(std::span<const std::uint8_t> /*bytes*/, const std::string& /*place*/) { return {}; }
};

/// Uniform draws, repaired to the limits.
std::unique_ptr<Proposer> make_random_proposer(const BitSpace& space, std::uint64_t seed);
/// Regularized evolution (Real et al., AAAI 2019): of the last 24 networks, the best of 6 drawn ones is the parent, in half of the
/// episodes crossed with a second one; mutated, repaired to the limits.
std::unique_ptr<Proposer> make_evolution_proposer(const BitSpace& space, std::uint64_t seed);
/// HAQ's agent (docs/quantizer/haq.md); `compat`: with the published implementation's quirks.
std::unique_ptr<Proposer> make_haq_proposer(const BitSpace& space, std::uint64_t seed, bool compat);

}  // namespace dyad::workflow
