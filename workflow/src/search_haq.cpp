// HAQ: an agent sets the bits of one layer after another; the wall brings them inside the limits.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "dyad/quantizer/ddpg.hpp"
#include "dyad/quantizer/haq.hpp"
#include "proposers.hpp"

namespace dyad::workflow {
namespace {

constexpr std::int64_t kMemoryPerLayer = 128;
constexpr double kFirstIndexBits = 4;  ///< the published last column of k-means' first state

/// Columns that do not change, scaled to [0, 1] over the layers where they differ.
std::vector<std::vector<double>> layer_columns(const std::vector<LayerShape>& layers, bool compat) {
  std::vector<std::vector<double>> rows;
  for (const LayerShape& layer : layers) {
    const bool linear = layer.kind == LayerKind::kLinear;
    const bool depthwise = !linear && (compat ? layer.in_channels == layer.groups : layer.is_depthwise());
    const auto features = static_cast<double>(linear ? layer.in_channels : layer.in_h * layer.in_w);
    rows.push_back({depthwise ? 1.0 : 0.0, static_cast<double>(layer.in_channels), static_cast<double>(layer.out_channels),
                    linear ? 0.0 : static_cast<double>(layer.window.stride_h), linear ? 1.0 : static_cast<double>(layer.window.kernel_h),
                    static_cast<double>(layer.weight_count()), features, static_cast<double>(rows.size())});
  }
  for (std::size_t column = 0; column < rows.front().size(); ++column) {
    double least = rows.front()[column], most = least;
    for (const auto& row : rows) {
      least = std::min(least, row[column]);
      most = std::max(most, row[column]);
    }
    if (most > least)
      for (auto& row : rows) row[column] = (row[column] - least) / (most - least);
  }
  return rows;
}

class HaqProposer final : public Proposer {
 public:
  HaqProposer(const BitSpace& space, std::uint64_t seed, bool compat)
      : space_(space),
        compat_(compat),
        pairs_(space.activation_choices().size() > 1),
        most_(static_cast<double>(space.weight_choices().back())),
        columns_(layer_columns(space.layers(), compat)),
        agent_(options(space), seed) {
    for (std::size_t i = 0; i < space.layers().size(); ++i)
      if (compat || !space.fixed()[i]) visited_.push_back(i);
  }

  Result<Bits> propose(std::span<const ScoredBits> history) override {
    episode_ = static_cast<std::int64_t>(history.size());
    steps_.clear();
    Bits bits = space_.feasible();
    double last = pairs_ ? 1 : (compat_ ? kFirstIndexBits : kFirstIndexBits / most_);
    if (compat_ && pairs_ && episode_ > 0) last = first_weight_;  // the published state of layer 0 is not reset
    for (const std::size_t layer : visited_) {
      bits[layer].weight = act(layer, true, last, space_.weight_choices());
      if (layer == visited_.front()) first_weight_ = last;
      bits[layer].activation = space_.activation_choices().back();
      if (pairs_) bits[layer].activation = act(layer, false, last, space_.activation_choices());
    }
    for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = space_.fixed()[i].value_or(bits[i]);
    DYAD_CHECK(build_wall(bits));
    if (compat_) return bits;
    return space_.raised(std::move(bits));
  }

  void learn(const ScoredBits& scored) override {
    if (!steps_.empty()) agent_.learn(episode_, steps_, end_, scored.reward);
  }

  std::vector<std::uint8_t> save() const override {
    static_assert(std::endian::native == std::endian::little);
    std::vector<std::uint8_t> bytes(sizeof(first_weight_));
    std::memcpy(bytes.data(), &first_weight_, sizeof(first_weight_));
    const std::vector<std::uint8_t> agent = agent_.save();
    bytes.insert(bytes.end(), agent.begin(), agent.end());
    return bytes;
  }

  Result<void> load(std::span<const std::uint8_t> bytes, const std::string& place) override {
    if (bytes.size() < sizeof(first_weight_)) return Error{place, "holds no agent", "remove it to begin again"};
    std::memcpy(&first_weight_, bytes.data(), sizeof(first_weight_));
    return agent_.load(bytes.subspan(sizeof(first_weight_)), place);
  }

 private:
  static quantizer::DdpgOptions options(const BitSpace& space) {
    quantizer::DdpgOptions options;
    options.states = space.activation_choices().size() > 1 ? 10 : 9;
    options.capacity = kMemoryPerLayer * static_cast<std::int64_t>(space.layers().size());
    return options;
  }

  /// One action of the agent; `last` becomes what the next state says of it.
  int act(std::size_t layer, bool is_weight, double& last, const std::vector<int>& choices) {
    std::vector<double> state = columns_[layer];
    state.push_back(last);
    if (pairs_) state.push_back(compat_ ? (!is_weight || layer == visited_.front() ? 1.0 : 0.0) : (is_weight ? 1.0 : 0.0));
    const double action = agent_.act(state, episode_, static_cast<std::int64_t>(steps_.size()));
    steps_.push_back({state, action});
    int bits = choices[quantizer::haq_action_choice(action, choices.size())];
    if (compat_) {  // as published; 0 bits and gaps between choices go to the nearest choice below, or the lowest
      const int asked = quantizer::haq_action_bits(action, choices.front(), choices.back());
      bits = asked < choices.front() ? choices.front() : quantizer::next_lower(choices, asked + 1);
    }
    end_ = std::move(state);
    last = compat_ && !pairs_ ? bits : bits / most_;
    return bits;
  }

  Result<void> build_wall(Bits& bits) const {
    std::optional<Error> failed;
    const auto keeps = [&](std::span<const LayerBits> now) {
      const auto inside = space_.keeps({now.begin(), now.end()});
      if (!inside) failed = inside.error();
      return !inside || *inside;
    };
    const bool done = quantizer::haq_wall(bits, {space_.weight_choices(), space_.activation_choices(), space_.fixed(), keeps});
    if (failed) return *failed;
    if (!done) bits = space_.feasible();  // the lowest bits are not the cheapest on this hardware
    return {};
  }

  const BitSpace& space_;
  bool compat_, pairs_;
  double most_;
  std::vector<std::vector<double>> columns_;
  std::vector<std::size_t> visited_;
  quantizer::DdpgAgent agent_;
  std::int64_t episode_ = 0;
  std::vector<quantizer::DdpgStep> steps_;
  std::vector<double> end_;
  double first_weight_ = 1;  ///< what the last episode's first action left in the state of layer 0
};

}  // namespace

std::unique_ptr<Proposer> make_haq_proposer(const BitSpace& space, std::uint64_t seed, bool compat) {
  return std::make_unique<HaqProposer>(space, seed, compat);
}

}  // namespace dyad::workflow
