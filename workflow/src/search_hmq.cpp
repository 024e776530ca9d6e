#include "search_hmq.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "dyad/network/summary.hpp"

namespace dyad::workflow {
namespace {
using quantizer::CalibratedNetwork;
using quantizer::ChoiceProblem;
using training::HmqProbabilities;

constexpr const char* kActivations = "activations";
constexpr double kLeastProbability = 1e-12;  // what a choice counts as that no number can hold, or that a rule left out
constexpr double kBitsPerMib = 8.0 * (1 << 20);

/// The choices of one layer: bits in the searcher's order.
struct LayerChoices {
  std::vector<int> weight, activation;
};

class HmqSearch {
 public:
  HmqSearch(const SearchRequest& request, const CalibratedNetwork& calibrated, const CostedNetwork& costed, const CostTotals& at_8_bits,
            Progress& progress)
      : request_(request), calibrated_(calibrated), costed_(costed), at_8_bits_(at_8_bits), progress_(progress) {}

  Result<std::variant<HmqFound, quantizer::Infeasible, Cancelled>> run() {
    using Answer = std::variant<HmqFound, quantizer::Infeasible, Cancelled>;
    DYAD_CHECK(training::open_module());
    list_choices();
    DYAD_CHECK(make_problem());
    DYAD_TRY(limits_, resolve_search_limits(request_, problem_, at_8_bits_));
    if (auto conflict = restrict_activations()) return Answer(std::move(*conflict));
    DYAD_TRY(auto possible, solve_within(problem_, costed_, summed_limits()));
    if (auto* infeasible = std::get_if<quantizer::Infeasible>(&possible)) return Answer(std::move(*infeasible));
    DYAD_TRY(const training::HmqResult trained, train(std::get<Solved>(possible)));
    if (trained.was_cancelled) return Answer(Cancelled{"hmq"});
    HmqFound found;
    DYAD_TRY(found.solved, choose(trained.probabilities));
    DYAD_EXPECT(found.solved.allocation.assignment == trained.assignment, "probabilities changed after the choice");
    DYAD_TRY(found.network, lower(trained));
    DYAD_TRY(found.record, record(trained, found.solved));
    found.problem = std::move(problem_);
    found.limits = std::move(limits_);
    return Answer(std::move(found));
  }

 private:
  void list_choices() {
    const BitAssignment free_at_4 = quantizer::uniform_assignment(calibrated_.folded(), {4, 4}, request_.all_layers);
    for (const LayerShape& shape : costed_.weighted())
      choices_.push_back(free_at_4.at(shape.name) == LayerBits{8, 8} ? LayerChoices{{8}, {8}} : LayerChoices{request_.bits, request_.bits});
  }

  Result<void> make_problem() {
    DYAD_TRY(problem_.fixed_costs, costed_.fixed());
    for (std::size_t l = 0; l < choices_.size(); ++l) {
      const LayerShape& shape = costed_.weighted()[l];
      quantizer::ChoiceLayer layer{shape.name, {}};
      for (const int w : choices_[l].weight)
        for (const int a : choices_[l].activation) {
          quantizer::Choice choice{w, a, 0, {}};
          DYAD_TRY(choice.costs, costed_.separable(shape, {w, a}));
          layer.choices.push_back(std::move(choice));
        }
      problem_.layers.push_back(std::move(layer));
    }
    all_choices_ = problem_;
    return {};
  }

  static double activation_mib(const LayerShape& shape, int bits) { return static_cast<double>(shape.input_count()) * bits / kBitsPerMib; }

  /// A limit on the largest tensor removes choices; sums know nothing of it.
  std::optional<quantizer::Infeasible> restrict_activations() {
    for (const ResolvedLimit& limit : limits_) {
      if (limit.request.name != kActivations) continue;
      for (std::size_t l = 0; l < problem_.layers.size(); ++l) {
        const LayerShape& shape = costed_.weighted()[l];
        auto& choices = problem_.layers[l].choices;
        int least = 8;
        for (const quantizer::Choice& choice : choices) least = std::min(least, choice.a);
        std::erase_if(choices,
                      [&](const quantizer::Choice& choice) { return activation_mib(shape, choice.a) > limit.absolute * (1 + 1e-12); });
        if (choices.empty()) return quantizer::Infeasible{{{kActivations, limit.absolute, activation_mib(shape, least)}}};
      }
    }
    return std::nullopt;
  }

  std::vector<ResolvedLimit> summed_limits() const {
    std::vector<ResolvedLimit> summed;
    std::copy_if(limits_.begin(), limits_.end(), std::back_inserter(summed),
                 [](const ResolvedLimit& limit) { return limit.request.name != kActivations; });
    return summed;
  }

  /// The cost tables as the search sees them; a limit on the network becomes one on its table by their quotient at `possible`.
  std::vector<training::HmqTarget> targets(const Solved& possible) const {
    std::vector<training::HmqTarget> result;
    for (const ResolvedLimit& limit : limits_) {
      const std::string& name = limit.request.name;
      training::HmqTarget target;
      target.name = name;
      target.is_largest = name == kActivations;
      const double network = possible.cost.totals.get(name);
      const double table_per_network = target.is_largest || network <= 0 ? 1 : possible.allocation.totals.at(name) / network;
      target.limit = limit.absolute * table_per_network;
      target.at_most_bits = at_8_bits_.get(name) * table_per_network;
      if (const auto fixed = problem_.fixed_costs.find(name); fixed != problem_.fixed_costs.end()) target.fixed = fixed->second;
      for (std::size_t l = 0; l < choices_.size(); ++l) {
        auto& grid = target.cost.emplace_back(choices_[l].weight.size(), std::vector<double>(choices_[l].activation.size()));
        for (std::size_t i = 0; i < grid.size(); ++i)
          for (std::size_t j = 0; j < grid[i].size(); ++j)
            grid[i][j] = target.is_largest ? activation_mib(costed_.weighted()[l], choices_[l].activation[j])
                                           : all_choices_.layers[l].choices[i * grid[i].size() + j].costs.at(name);
      }
      result.push_back(std::move(target));
    }
    return result;
  }

  std::vector<training::HmqLayer> layers() const {
    const network::Network& folded = calibrated_.folded();
    std::vector<training::HmqLayer> result;
    for (std::size_t l = 0; l < choices_.size(); ++l) {
      const network::NodeId id = calibrated_.layers()[l];
      DYAD_EXPECT(folded.node(id).name == costed_.weighted()[l].name, "costed layers are in execution order");
      training::HmqLayer layer{
          folded.node(id).name, choices_[l].weight, choices_[l].activation, false, std::nullopt, costed_.weighted()[l].input_count()};
      layer.is_input_signed = calibrated_.input_format(id, 8).is_signed;
      if (folded.node(folded.inputs(id).at(0)).kind == network::OpKind::kInput && layer.activation_bits == std::vector<int>{8})
        layer.input_step = calibrated_.input_scale(id, 8);
      result.push_back(std::move(layer));
    }
    return result;
  }

  Result<training::HmqResult> train(const Solved& possible) {
    training::HmqOptions options = request_.hmq;
    options.seed = request_.seed;
    options.choose = [&](const std::vector<HmqProbabilities>& probabilities) -> Result<BitAssignment> {
      DYAD_TRY(const Solved solved, choose(probabilities));
      return solved.allocation.assignment;
    };
    int entered = 0;
    options.progress = [&, entered](const training::HmqProgress& at) mutable {
      if (at.epoch != entered) {
        entered = at.epoch;
        progress_.stage("hmq epoch " + std::to_string(at.epoch) + " of " + std::to_string(at.epochs));
      }
      progress_.update(at.step, at.steps);
    };
    options.cancelled = [&] { return progress_.cancelled(); };
    return training::hmq_search(calibrated_.folded(), request_.calibration, request_.normalization, layers(), targets(possible), options);
  }

  /// Bits within the limits that are likeliest enough: the integer program with -ln P(no more bits than these) as losses.
  Result<Solved> choose(const std::vector<HmqProbabilities>& probabilities) {
    for (std::size_t l = 0; l < problem_.layers.size(); ++l)
      for (quantizer::Choice& choice : problem_.layers[l].choices) choice.loss = loss(l, {choice.w, choice.a}, probabilities[l]);
    DYAD_TRY(auto outcome, solve_within(problem_, costed_, summed_limits()));
    if (auto* solved = std::get_if<Solved>(&outcome)) return std::move(*solved);
    return Error{"limit", "was kept by some bits before the search and by none after it", "report this"};
  }

  double loss(std::size_t layer, LayerBits bits, const HmqProbabilities& probabilities) const {
    const auto part = [](const std::vector<int>& choices, const std::vector<double>& probability, int wanted) {
      double enough = 0;
      for (std::size_t i = 0; i < choices.size(); ++i)
        if (choices[i] <= wanted) enough += probability[i];
      return -std::log(std::clamp(enough, kLeastProbability, 1.0));
    };
    return part(choices_[layer].weight, probabilities.weight, bits.weight) +
           part(choices_[layer].activation, probabilities.activation, bits.activation);
  }

  LayerBits likeliest(std::size_t layer, const HmqProbabilities& probabilities) const {
    const auto best = [](const std::vector<int>& choices, const std::vector<double>& probability) {
      return choices[static_cast<std::size_t>(std::max_element(probability.begin(), probability.end()) - probability.begin())];
    };
    return {best(choices_[layer].weight, probabilities.weight), best(choices_[layer].activation, probabilities.activation)};
  }

  Result<quantizer::IntegerNetwork> lower(const training::HmqResult& trained) const {
    network::Network network = calibrated_.folded();
    quantizer::NetworkNumbers numbers;
    for (const training::HmqTrainedLayer& layer : trained.layers) {
      const network::NodeId id = network.find(layer.name).value();
      network::Node& node = network.node(id);
      const quantizer::QuantizedWeights& weights = layer.numbers.weights;
      const std::int64_t size = weights.values.size() / weights.values.extent(0);
      for (std::int64_t i = 0; i < weights.values.size(); ++i)
        node.weight[i] = static_cast<float>(weights.values[i]) * weights.scales[static_cast<std::size_t>(i / size)];
      node.bias = layer.numbers.bias;
      numbers.layers[id] = layer.numbers;
      numbers.layers[id].weights.values = Tensor<std::int8_t>(
          node.weight.shape(), std::vector<std::int8_t>(weights.values.values().begin(), weights.values.values().end()));
    }
    // The wide formats of residual sums, from the trained network's own tensors.
    DYAD_TRY(const auto observed,
             CalibratedNetwork::calibrate(network, calibrated_.images(), request_.normalization, request_.quantization));
    numbers.carriers = observed.carriers();
    return quantizer::lower(network, request_.normalization, numbers, request_.quantization);
  }

  Result<OrderedJson> record(const training::HmqResult& trained, const Solved& solved) const {
    BitAssignment likely;
    OrderedJson changed = OrderedJson::array();
    std::vector<std::string> names;
    for (std::size_t l = 0; l < choices_.size(); ++l) {
      const std::string& name = problem_.layers[l].name;
      names.push_back(name);
      likely[name] = likeliest(l, trained.probabilities[l]);
      if (likely[name] != trained.assignment.at(name)) changed.push_back(name);
    }
    DYAD_TRY(const NetworkCost likely_cost, costed_.cost(likely));
    OrderedJson epochs = OrderedJson::array();
    for (const training::HmqEpoch& epoch : trained.epochs) {
      OrderedJson compression = OrderedJson::object();
      for (std::size_t k = 0; k < epoch.compression.size(); ++k) compression[limits_[k].request.name] = epoch.compression[k];
      epochs.push_back({{"epoch", epoch.epoch},
                        {"phase", epoch.is_final ? "final" : "search"},
                        {"task_loss", epoch.task_loss},
                        {"target_loss", epoch.target_loss},
                        {"top1_train", epoch.top1_train},
                        {"temperature", epoch.temperature},
                        {"compression", std::move(compression)}});
    }
    OrderedJson thresholds = OrderedJson::object();
    for (const training::HmqTrainedLayer& layer : trained.layers)
      thresholds[layer.name] = {{"weight", layer.weight_threshold},
                                {"input", layer.input_threshold > 0 ? OrderedJson(layer.input_threshold) : OrderedJson()}};
    OrderedJson options = hmq_options_document(request_.hmq);
    return OrderedJson{{"options", std::move(options)},
                       {"epochs", std::move(epochs)},
                       {"likeliest_assignment", quantizer::assignment_to_json(likely, names)},
                       {"likeliest_keeps_limits", within(likely_cost.totals, limits_)},
                       {"changed_layers", std::move(changed)},
                       {"activation_mib", solved.cost.totals.activation_mib},
                       {"thresholds", std::move(thresholds)}};
  }

  const SearchRequest& request_;
  const CalibratedNetwork& calibrated_;
  const CostedNetwork& costed_;
  const CostTotals& at_8_bits_;
  Progress& progress_;
  std::vector<LayerChoices> choices_;
  ChoiceProblem problem_, all_choices_;
  std::vector<ResolvedLimit> limits_;
};

}  // namespace

Result<std::variant<HmqFound, quantizer::Infeasible, Cancelled>> search_hmq(const SearchRequest& request,
                                                                            const CalibratedNetwork& calibrated,
                                                                            const CostedNetwork& costed, const CostTotals& at_8_bits,
                                                                            Progress& progress) {
  return HmqSearch(request, calibrated, costed, at_8_bits, progress).run();
}

OrderedJson hmq_options_document(const training::HmqOptions& options) {
  return {{"ranges", to_string(options.ranges)},
          {"activations", to_string(options.activations)},
          {"start", to_string(options.start)},
          {"teacher", to_string(options.teacher)},
          {"channel_scales", options.channel_scales},
          {"shifts", options.shifts},
          {"epochs", options.epochs},
          {"final_fraction", options.final_fraction},
          {"epoch_images", options.epoch_images},
          {"batch", options.batch},
          {"weight_rate", options.weight_rate},
          {"logits_rate", options.logits_rate},
          {"weight_decay", options.weight_decay},
          {"gamma", options.gamma},
          {"cycles", options.cycles},
          {"target_levels", options.target_levels},
          {"activation_compression", options.activation_compression},
          {"augment", options.augment},
          {"budget_seconds", options.budget_seconds}};
}

}  // namespace dyad::workflow
