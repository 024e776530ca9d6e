/// \file Deep deterministic policy gradient with one action in [0, 1], as HAQ searches with it.
/// Source: Lillicrap et al., 2016; constants of HAQ (Wang et al., CVPR 2019), docs/quantizer/haq.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad::quantizer {

struct DdpgOptions {
  std::int64_t states = 10;  ///< length of a state
  std::int64_t hidden = 300;
  double actor_rate = 1e-4, critic_rate = 1e-3;  ///< of Adam
  double tau = 0.01;                             ///< share of the new weights in the targets, each update
  double discount = 1;
  std::int64_t batch = 64;
  std::int64_t capacity = 128;  ///< transitions kept
  std::int64_t warmup = 20;     ///< the last episode of uniform actions, without learning
  double noise = 0.5;           ///< standard deviation of the truncated normal at the end of the warm-up
  double noise_decay = 0.99;    ///< a factor each episode
  double baseline_share = 0.5;  ///< of the new batch in the moving average that rewards are measured from
  bool operator==(const DdpgOptions&) const = default;
};

struct DdpgStep {
  std::vector<double> state;
  double action = 0;
};

/// The same seed and rewards give the same actions with any number of threads.
class DdpgAgent {
 public:
  DdpgAgent(const DdpgOptions& options, std::uint64_t seed);
  ~DdpgAgent();
  DdpgAgent(DdpgAgent&&) noexcept;
  DdpgAgent& operator=(DdpgAgent&&) noexcept;

  /// The actor's action without noise.
  double policy(std::span<const double> state) const;
  /// Uniform in [0, 1) up to the warm-up's last episode, then around the policy by a normal cut to [0, 1]. `step` counts the actions of
  /// the episode: the same (episode, step) draws the same.
  double act(std::span<const double> state, std::int64_t episode, std::int64_t step) const;
  /// Stores an episode, every step with its one reward, and learns once a step after the warm-up. `end`: the state after the last step.
  void learn(std::int64_t episode, const std::vector<DdpgStep>& steps, std::span<const double> end, double reward);

  /// Everything that later actions depend on, little-endian.
  std::vector<std::uint8_t> save() const;
  /// An Error at `place` when the bytes are of another agent.
  Result<void> load(std::span<const std::uint8_t> bytes, const std::string& place);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dyad::quantizer
