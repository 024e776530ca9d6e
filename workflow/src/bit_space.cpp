#include "bit_space.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/quantizer/haq.hpp"

namespace dyad::workflow {
namespace {

/// Bits of one layer's indices and of its codebook of int8 levels, in MiB.
double kmeans_size_mib(const LayerShape& layer, int bits) {
  const double indices = static_cast<double>(layer.weight_count()) * bits;
  const double codebook = 8 * std::min(std::ldexp(1.0, bits), static_cast<double>(layer.weight_count()));
  return (indices + codebook) / 8 / (1 << 20);
}

/// A sensitivity that has every bit lost count the same: its optimum is some assignment within the limits, if there is any.
quantizer::SensitivityTable lost_bits(const std::vector<LayerShape>& layers) {
  quantizer::SensitivityTable table;
  for (const LayerShape& shape : layers) {
    quantizer::LayerSensitivity layer;
    layer.name = shape.name;
    for (int bits = 2; bits <= 8; ++bits) layer.error[bits] = layer.input_error[bits] = 8 - bits;
    table.layers.push_back(std::move(layer));
  }
  return table;
}

}  // namespace

BitSpace::BitSpace(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated, const CostedNetwork& costed)
    : kmeans_(request.episodes.kmeans), costed_(&costed), weight_choices_(request.bits) {
  std::sort(weight_choices_.begin(), weight_choices_.end());
  activation_choices_ = kmeans_ ? std::vector<int>{8} : weight_choices_;
  const BitAssignment free_at_4 = quantizer::uniform_assignment(calibrated.folded(), {4, 4}, request.all_layers);
  for (std::size_t i = 0; i < layers().size(); ++i) {
    const bool is_free = free_at_4.at(layers()[i].name) == LayerBits{4, 4};
    if (is_free) free_.push_back(i);
    fixed_.push_back(is_free ? std::nullopt : std::optional(LayerBits{8, 8}));
  }
}

Result<std::variant<BitSpace, quantizer::Infeasible>> BitSpace::create(const SearchRequest& request,
                                                                       const quantizer::CalibratedNetwork& calibrated,
                                                                       const CostedNetwork& costed, const CostTotals& at_8_bits) {
  using Answer = std::variant<BitSpace, quantizer::Infeasible>;
  BitSpace space(request, calibrated, costed);
  if (space.kmeans_) {
    for (const quantizer::LimitRequest& limit : request.limits) {
      if (limit.name != "size" || limit.kind == quantizer::LimitKind::kFraction)
        return Error{"limit",
                     "k-means quantization changes the size of weights only, so a limit on " + limit.name + " can't be searched for",
                     "for example --limit-ratio size=0.4"};
      const bool ratio = limit.kind == quantizer::LimitKind::kRatio;
      space.limits_.push_back({limit, ratio ? limit.value * at_8_bits.size_mib : limit.value});
    }
    for (const auto& fixed : space.fixed_) space.feasible_.push_back(fixed.value_or(LayerBits{space.weight_choices_.front(), 8}));
    DYAD_TRY(const NetworkCost least, space.cost(space.feasible_));
    quantizer::Infeasible infeasible;
    for (const ResolvedLimit& limit : space.limits_)
      if (!within(least.totals, std::span(&limit, 1))) infeasible.conflicts.push_back({"size", limit.absolute, least.totals.size_mib});
    if (!infeasible.conflicts.empty()) return Answer(std::move(infeasible));
    return Answer(std::move(space));
  }
  SearchRequest free_pairs = request;
  free_pairs.method = SearchMethod::kExact;
  DYAD_TRY(const quantizer::ChoiceProblem problem, make_choice_problem(free_pairs, calibrated, costed, lost_bits(space.layers())));
  DYAD_TRY(space.limits_, resolve_search_limits(request, problem, at_8_bits));
  DYAD_TRY(auto outcome, solve_within(problem, costed, space.limits_));
  if (auto* infeasible = std::get_if<quantizer::Infeasible>(&outcome)) return Answer(std::move(*infeasible));
  space.feasible_ = space.bits_of(std::get<Solved>(outcome).allocation.assignment);
  return Answer(std::move(space));
}

BitAssignment BitSpace::assignment(const Bits& bits) const {
  BitAssignment assignment;
  for (std::size_t i = 0; i < bits.size(); ++i) assignment[layers()[i].name] = bits[i];
  return assignment;
}

Bits BitSpace::bits_of(const BitAssignment& assignment) const {
  Bits bits;
  for (const LayerShape& layer : layers()) bits.push_back(assignment.at(layer.name));
  return bits;
}

Result<NetworkCost> BitSpace::cost(const Bits& bits) const {
  if (!kmeans_) return costed_->cost(assignment(bits));
  Bits run_as = bits;  // the codebooks' levels have 8 bits
  for (LayerBits& layer : run_as) layer.weight = 8;
  DYAD_TRY(NetworkCost network, costed_->cost(assignment(run_as)));
  network.totals.size_mib = 0;
  for (std::size_t i = 0; i < bits.size(); ++i) network.totals.size_mib += kmeans_size_mib(layers()[i], bits[i].weight);
  return network;
}

Result<bool> BitSpace::keeps(const Bits& bits) const {
  DYAD_TRY(const NetworkCost network, cost(bits));
  return within(network.totals, limits_);
}

Bits BitSpace::drawn(Random& random) const {
  const auto one_of = [&](const std::vector<int>& choices) { return choices[random.below(choices.size())]; };
  Bits bits;
  for (const auto& fixed : fixed_) {
    const int weight = one_of(weight_choices_), activation = one_of(activation_choices_);
    bits.push_back(fixed.value_or(LayerBits{weight, activation}));
  }
  return bits;
}

Result<Bits> BitSpace::repaired(Bits bits, Random& random) const {
  for (;;) {
    DYAD_TRY(const bool inside, keeps(bits));
    if (inside) return bits;
    std::vector<int*> operands;
    std::vector<int> lower;
    for (const std::size_t i : free_) {
      const std::pair<int*, const std::vector<int>*> both[] = {{&bits[i].weight, &weight_choices_},
                                                               {&bits[i].activation, &activation_choices_}};
      for (const auto& [operand, choices] : both)
        if (const int less = quantizer::next_lower(*choices, *operand); less != *operand) {
          operands.push_back(operand);
          lower.push_back(less);
        }
    }
    if (operands.empty()) return feasible_;  // the lowest bits are not the cheapest on this hardware
    const std::size_t k = random.below(operands.size());
    *operands[k] = lower[k];
  }
}

Result<Bits> BitSpace::raised(Bits bits) const {
  for (bool changed = true; changed;) {
    changed = false;
    for (int LayerBits::*operand : {&LayerBits::weight, &LayerBits::activation}) {
      const std::vector<int>& choices = operand == &LayerBits::weight ? weight_choices_ : activation_choices_;
      for (const std::size_t i : free_) {
        const auto more = std::upper_bound(choices.begin(), choices.end(), bits[i].*operand);
        if (more == choices.end()) continue;
        Bits wider = bits;
        wider[i].*operand = *more;
        DYAD_TRY(const bool inside, keeps(wider));
        if (!inside) continue;
        bits = std::move(wider);
        changed = true;
      }
    }
  }
  return bits;
}

}  // namespace dyad::workflow
