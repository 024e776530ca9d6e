#include "dyad/quantizer/lowering.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "dyad/network/summary.hpp"
#include "dyad/quantizer/lowering_plan.hpp"
#include "dyad/quantizer/uniform.hpp"

namespace dyad::quantizer {
namespace {

using network::Node;
using network::NodeId;
using network::OpKind;

constexpr BitWidth kInt32{32, true};
// A bias may use a quarter of int32; a channel whose weights are so small that it would need more gets a coarser step.
constexpr double kMostBias = 0x1.0p29;
// Logits get up to this many bits below the coarsest class's step, so that rounding them to one common step changes no order.
constexpr int kLogitFractionBits = 8;

// Raw sums: real value = integer * scale_in * scale_weight[c].
struct AccumulatorScale {
  float scale_in = 1;
  std::vector<float> scale_weight;
  std::vector<double> fractions = {};  ///< of biases, in steps
};

class Lowering {
 public:
  Lowering(const network::Network& folded, const network::Normalization& normalization, const NetworkNumbers& numbers,
           const LoweringPlan& plan, const LoweringOptions& options)
      : net_(folded), normalization_(normalization), numbers_(numbers), plan_(plan), options_(options) {}

  Result<IntegerNetwork> run() {
    result_.name = net_.name;
    for (const auto& [layer, layer_numbers] : numbers_.layers) result_.assignment[net_.node(layer).name] = layer_numbers.bits;
    tensor_index_.assign(net_.size(), -1);
    for (NodeId id = 0; id < net_.size(); ++id) names_.insert(net_.node(id).name);
    for (const NodeId id : net_.execution_order()) {
      if (plan_.tensors[plan_.written_by(id)].role == TensorRole::kNone || plan_.source[id] != id ||
          tensor_index_[plan_.written_by(id)] >= 0)
        continue;
      DYAD_CHECK(add_node(id));
    }
    DYAD_CHECK(finish_logits());
    DYAD_CHECK(prove_no_overflow(result_));
    DYAD_CHECK(validate(result_, result_.name.empty() ? "network" : result_.name));
    return std::move(result_);
  }

 private:
  Error fail(const std::string& layer, const std::string& message, const std::string& hint) const {
    return Error{(net_.name.empty() ? "network" : net_.name) + ":/" + layer, "layer '" + layer + "': " + message, hint};
  }

  NodeId input_of(NodeId id, std::size_t argument = 0) const { return plan_.source[net_.inputs(id)[argument]]; }

  std::string unused_name(const std::string& wanted) {
    std::string name = wanted;
    for (int n = 2; !names_.insert(name).second; ++n) name = wanted + "#" + std::to_string(n);
    return name;
  }

  int add_layer(IntegerLayer layer, std::vector<int> inputs) {
    bool has_levels = false;
    std::vector<LevelSet> levels;
    for (const int input : inputs) {
      layer.inputs.push_back(input == 0 ? result_.input.format : result_.layers[static_cast<std::size_t>(input) - 1].output);
      levels.push_back(input == 0 ? LevelSet{} : result_.layers[static_cast<std::size_t>(input) - 1].output_levels);
      has_levels = has_levels || !levels.back().is_uniform();
    }
    if (has_levels) layer.input_levels = std::move(levels);
    layer.shape.name = layer.name;
    result_.layers.push_back(std::move(layer));
    result_.inputs.push_back(std::move(inputs));
    return static_cast<int>(result_.layers.size());
  }

  // Integers of steps scale_in * scale_weight[c] become integers of step out.scale, or half steps of a level.
  Result<Requantization> requantization(const std::string& layer, float scale_in, const std::vector<float>& scale_weight,
                                        const ScaledFormat& out, const std::vector<double>& fractions = {}) const {
    Requantization r;
    r.rounding = out.levels.is_uniform() ? options_.rounding : Rounding::kFloor;
    const float scale_out = out.levels.is_uniform() ? out.scale : out.scale / 2;
    if (r.rounding == Rounding::kFloat32Scale) {
      for (const float weight : scale_weight) r.float32_scales.push_back(scale_in * weight / scale_out);
      return r;
    }
    std::vector<double> ratios;
    for (const float weight : scale_weight)
      ratios.push_back(options_.exact_affine ? static_cast<double>(scale_in) * static_cast<double>(weight) / static_cast<double>(scale_out)
                                             : requantization_ratio(scale_in, weight, scale_out));
    // Layers whose ratios reach 1/2 cannot have the fast form, whichever is preferred.
    const bool fast = options_.form == RequantizationForm::kShift32 && std::all_of(ratios.begin(), ratios.end(), [](double ratio) {
                        return dyadic_from_ratio(ratio, RequantizationForm::kShift32).has_value();
                      });
    for (const double ratio : ratios) {
      const auto dyadic = dyadic_from_ratio(ratio, fast ? RequantizationForm::kShift32 : RequantizationForm::kNormalized);
      if (!dyadic)
        return fail(layer, "the ratio " + std::to_string(ratio) + " of its scales does not fit a multiplier and shift",
                    "its output is much smaller than its sums: check the weights");
      r.ratios.push_back(*dyadic);
    }
    for (std::size_t i = 0; i < fractions.size(); ++i)
      r.offsets.push_back(static_cast<std::int32_t>(std::nearbyint(fractions[i] * r.ratios[i].multiplier)));
    return r;
  }

  LayerShape elementwise_shape(NodeId id, LayerKind kind) const {
    const Shape& shape = net_.node(id).output_shape;
    LayerShape result;
    result.kind = kind;
    result.in_h = result.out_h = shape[0];
    result.in_w = result.out_w = shape[1];
    result.in_channels = result.out_channels = shape[2];
    return result;
  }

  // The index of the integer tensor of `id` in `format`; a carrier is requantized once for each format asked of it.
  Result<int> tensor_in(NodeId id, const ScaledFormat& format) {
    const TensorPlan& plan = plan_.tensors[id];
    if (plan.format == format) return tensor_index_[id];
    DYAD_EXPECT(plan.role == TensorRole::kCarrier, "a tensor is read in a format that nobody made");
    for (const auto& [known, index] : requantized_[id])
      if (known == format) return index;
    IntegerLayer layer;
    const std::string sign = format.format.is_signed ? ".to_s" : ".to_u";
    layer.name =
        unused_name(net_.node(id).name + sign + std::to_string(format.format.bits) + (format.levels.is_uniform() ? "" : "_levels"));
    layer.op = IntegerOp::kRequantize;
    layer.shape = elementwise_shape(id, LayerKind::kRescale);
    layer.output = format.format;
    layer.output_levels = format.levels;
    DYAD_TRY(Requantization r, requantization(layer.name, plan.format.scale, {1.0f}, format));
    layer.requantizations.push_back(std::move(r));
    const int index = add_layer(std::move(layer), {tensor_index_[id]});
    requantized_[id].emplace_back(format, index);
    return index;
  }

  Result<void> add_node(NodeId id) {
    switch (net_.node(id).kind) {
      case OpKind::kInput: return add_input(id);
      case OpKind::kConv:
      case OpKind::kLinear: return add_weighted(id);
      case OpKind::kAdd: return add_addition(id);
      case OpKind::kConcat: return add_concatenation(id);
      case OpKind::kRelu:
      case OpKind::kRelu6: return add_activation(id);
      default: return add_moving(id);
    }
  }

  Result<void> add_input(NodeId id) {
    const ScaledFormat& format = plan_.tensors[id].format;
    const Shape& shape = net_.node(id).output_shape;
    InputQuantization& input = result_.input;
    input.height = shape[0];
    input.width = shape[1];
    input.channels = shape[2];
    input.format = format.format;
    input.scale = format.scale;
    input.mean = normalization_.mean;
    input.stddev = normalization_.stddev;
    input.make_table();
    tensor_index_[id] = 0;
    return {};
  }

  Result<void> add_weighted(NodeId id) {
    const Node& node = net_.node(id);
    const LayerNumbers& numbers = numbers_.layers.at(id);
    const ScaledFormat& in = numbers.input;
    DYAD_TRY(const int input, tensor_in(input_of(id), in));
    IntegerLayer layer;
    layer.name = node.name;
    layer.op = IntegerOp::kConv;
    layer.shape = network::layer_shape(net_, id);
    layer.weight_bits = {numbers.bits.weight, true};
    QuantizedWeights weights = numbers.weights;
    coarsen_small_channels(in.scale, numbers.bias, weights, layer.weight_bits);
    layer.bias = quantize_bias(numbers.bias, in.scale, weights.scales);
    const std::vector<double> fractions = bias_fractions(layer.bias, numbers.bias, in.scale, weights.scales);
    layer.weights = std::move(weights.values);
    layer.weight_levels = weights.levels;
    layer.weight_zero_points = std::move(weights.zero_points);
    const NodeId tensor = plan_.written_by(id);
    const TensorPlan& plan = plan_.tensors[tensor];
    layer.relu = tensor != id;
    layer.output = kInt32;
    layer.requantize = plan.role != TensorRole::kAccumulator;
    if (plan.role == TensorRole::kAccumulator) {
      accumulators_[tensor] = {in.scale, std::move(weights.scales), fractions};
    } else {
      ScaledFormat out = plan.format;
      if (plan.role == TensorRole::kLogits) {
        out = {kInt32, logits_scale(layer, in, weights.scales)};
        result_.output_scales = {static_cast<double>(out.scale)};
      }
      layer.output = out.format;
      layer.output_levels = out.levels;
      DYAD_TRY(Requantization r, requantization(layer.name, in.scale, weights.scales, out, fractions));
      layer.requantizations.push_back(std::move(r));
    }
    tensor_index_[tensor] = add_layer(std::move(layer), {input});
    return {};
  }

  // What the integers of the biases leave, in accumulator steps: at most a half, 0 where a bias saturates. Empty unless asked for.
  std::vector<double> bias_fractions(const std::vector<std::int32_t>& integers, const std::vector<float>& biases, float scale_in,
                                     const std::vector<float>& scale_weight) const {
    std::vector<double> result;
    if (!options_.exact_affine) return result;
    for (std::size_t c = 0; c < integers.size(); ++c) {
      const double step = static_cast<double>(scale_in) * static_cast<double>(scale_weight[c]);
      const double fraction = step == 0 ? 0 : static_cast<double>(biases[c]) / step - integers[c];
      result.push_back(std::clamp(fraction, -0.5, 0.5));
    }
    return result;
  }

  // Channels that batch normalization almost switched off have weights so small that their bias would not fit; the bias decides their step.
  static void coarsen_small_channels(float scale_in, const std::vector<float>& bias, QuantizedWeights& weights, BitWidth format) {
    const std::int64_t size = weights.values.size() / weights.values.extent(0);
    for (std::size_t c = 0; c < weights.scales.size(); ++c) {
      const double least = std::fabs(static_cast<double>(bias[c])) / (static_cast<double>(scale_in) * kMostBias);
      if (static_cast<double>(std::fabs(weights.scales[c])) >= least) continue;
      const float finer = weights.scales[c];
      weights.scales[c] = std::copysign(static_cast<float>(least), finer);
      const float ratio = finer / weights.scales[c];
      const std::int32_t zero_point = weights.zero_points.empty() ? 0 : weights.zero_points[c];
      const LevelTable table = weights.levels.is_uniform() ? LevelTable{} : level_table(weights.levels, true);
      for (std::int64_t i = static_cast<std::int64_t>(c) * size; i < static_cast<std::int64_t>(c + 1) * size; ++i) {
        const float value = static_cast<float>(weights.values[i] - zero_point) * ratio;
        weights.values[i] = static_cast<std::int8_t>(table.values.empty() ? quantize_value(value, 1.0f, format)
                                                                          : table.level(static_cast<std::int64_t>(std::floor(2 * value))));
      }
      if (zero_point != 0) weights.zero_points[c] = 0;
    }
  }

  // One step for all classes, so that int32 logits compare: the coarsest class's, made finer while the largest sum still fits.
  static float logits_scale(const IntegerLayer& layer, const ScaledFormat& in, const std::vector<float>& scale_weight) {
    IntegerLayer bounded = layer;
    bounded.inputs = {in.format};
    bounded.input_levels = {in.levels};
    std::int64_t largest = 1;
    for (const AccumulatorBounds& b : accumulator_bounds(bounded)) largest = std::max({largest, b.highest, -b.lowest});
    int fraction_bits = 0;
    while (fraction_bits < kLogitFractionBits && (largest << (fraction_bits + 1)) <= INT32_MAX) ++fraction_bits;
    const float coarsest = in.scale * *std::max_element(scale_weight.begin(), scale_weight.end(),
                                                        [](float a, float b) { return std::fabs(a) < std::fabs(b); });
    return std::ldexp(coarsest, -fraction_bits);
  }

  Result<void> add_addition(NodeId id) {
    const NodeId tensor = plan_.written_by(id);
    const TensorPlan& plan = plan_.tensors[tensor];
    IntegerLayer layer;
    layer.name = net_.node(id).name;
    layer.op = IntegerOp::kAdd;
    layer.shape = elementwise_shape(id, LayerKind::kAdd);
    layer.relu = tensor != id;
    layer.output = plan.format.format;
    std::vector<int> inputs;
    for (std::size_t argument = 0; argument < 2; ++argument) {
      const NodeId source = input_of(id, argument);
      inputs.push_back(tensor_index_[source]);
      const auto accumulator = accumulators_.find(source);
      const AccumulatorScale scale =
          accumulator != accumulators_.end() ? accumulator->second : AccumulatorScale{plan_.tensors[source].format.scale, {1.0f}};
      DYAD_TRY(Requantization r, requantization(layer.name, scale.scale_in, scale.scale_weight, plan.format, scale.fractions));
      layer.requantizations.push_back(std::move(r));
    }
    tensor_index_[tensor] = add_layer(std::move(layer), std::move(inputs));
    return {};
  }

  Result<void> add_concatenation(NodeId id) {
    const TensorPlan& plan = plan_.tensors[id];
    IntegerLayer layer;
    layer.name = net_.node(id).name;
    layer.op = IntegerOp::kConcat;
    layer.shape = elementwise_shape(id, LayerKind::kConcat);
    layer.output = plan.format.format;
    layer.output_levels = plan.format.levels;
    std::vector<int> inputs;
    for (std::size_t argument = 0; argument < net_.inputs(id).size(); ++argument) {
      const NodeId source = input_of(id, argument);
      const ScaledFormat& format = plan.role == TensorRole::kDirect ? plan.format : plan_.tensors[source].format;
      DYAD_TRY(const int input, tensor_in(source, format));
      inputs.push_back(input);
      DYAD_TRY(Requantization r, requantization(layer.name, format.scale, {1.0f}, plan.format));
      layer.requantizations.push_back(std::move(r));
    }
    tensor_index_[id] = add_layer(std::move(layer), std::move(inputs));
    return {};
  }

  // An activation on its own: a requantization of the carrier that cuts at zero.
  Result<void> add_activation(NodeId id) {
    const TensorPlan& plan = plan_.tensors[id];
    const NodeId source = input_of(id);
    IntegerLayer layer;
    layer.name = net_.node(id).name;
    layer.op = IntegerOp::kRequantize;
    layer.shape = elementwise_shape(id, LayerKind::kRescale);
    layer.relu = true;
    layer.output = plan.format.format;
    layer.output_levels = plan.format.levels;
    DYAD_TRY(Requantization r, requantization(layer.name, plan_.tensors[source].format.scale, {1.0f}, plan.format));
    layer.requantizations.push_back(std::move(r));
    tensor_index_[id] = add_layer(std::move(layer), {tensor_index_[source]});
    return {};
  }

  // Pooling, flatten, subsampling: the format passes through.
  Result<void> add_moving(NodeId id) {
    const Node& node = net_.node(id);
    const TensorPlan& plan = plan_.tensors[id];
    DYAD_TRY(const int input, tensor_in(input_of(id), plan.format));
    IntegerLayer layer;
    layer.name = node.name;
    layer.output = plan.format.format;
    layer.output_levels = plan.format.levels;
    layer.shape = network::layer_shape(net_, id);
    switch (node.kind) {
      case OpKind::kMaxPool: layer.op = IntegerOp::kMaxPool; break;
      case OpKind::kFlatten: layer.op = IntegerOp::kFlatten; break;
      case OpKind::kSubsample:
        layer.op = IntegerOp::kSubsample;
        layer.shape.window.kernel_h = layer.shape.window.kernel_w = 1;
        break;
      default: layer.op = IntegerOp::kAveragePool; break;
    }
    if (layer.op == IntegerOp::kMaxPool || layer.op == IntegerOp::kAveragePool) pad_to_output(layer.shape);
    layer.average_rounding = options_.average;
    layer.count_include_pad = node.kind == OpKind::kAveragePool && node.count_include_pad;
    layer.channel_pad_before = node.channel_pad_before;
    layer.channel_pad_after = node.channel_pad_after;
    tensor_index_[id] = add_layer(std::move(layer), {input});
    return {};
  }

  // Ceil mode as trailing padding: the window's own formula then gives the output's extent.
  static void pad_to_output(LayerShape& s) {
    Window& w = s.window;
    const auto needed = [](std::int64_t in, std::int64_t out, int kernel, int stride, int dilation, int before) {
      return static_cast<int>((out - 1) * stride + std::int64_t{dilation} * (kernel - 1) + 1 - in - before);
    };
    w.pad_bottom = std::max(w.pad_bottom, needed(s.in_h, s.out_h, w.kernel_h, w.stride_h, w.dilation_h, w.pad_top));
    w.pad_right = std::max(w.pad_right, needed(s.in_w, s.out_w, w.kernel_w, w.stride_w, w.dilation_w, w.pad_left));
  }

  // Logits that no weighted layer writes directly are the carrier itself, widened.
  Result<void> finish_logits() {
    const NodeId tensor = plan_.source[plan_.output];
    const TensorPlan& plan = plan_.tensors[tensor];
    if (plan.role == TensorRole::kLogits) return {};
    DYAD_EXPECT(plan.role == TensorRole::kCarrier, "the output is neither logits nor a carrier");
    DYAD_TRY([[maybe_unused]] const int index, tensor_in(tensor, {kInt32, plan.format.scale}));
    result_.output_scales = {static_cast<double>(plan.format.scale)};
    return {};
  }

  const network::Network& net_;
  const network::Normalization& normalization_;
  const NetworkNumbers& numbers_;
  const LoweringPlan& plan_;
  const LoweringOptions& options_;
  IntegerNetwork result_;
  std::vector<int> tensor_index_;  ///< by node: integer tensor in the plan's format, or -1
  std::map<NodeId, std::vector<std::pair<ScaledFormat, int>>> requantized_;
  std::map<NodeId, AccumulatorScale> accumulators_;
  std::set<std::string> names_;
};

}  // namespace

Result<IntegerNetwork> lower(const network::Network& folded, const network::Normalization& normalization, const NetworkNumbers& numbers,
                             const LoweringOptions& options) {
  std::map<NodeId, ScaledFormat> inputs;
  for (const NodeId layer : network::weighted_nodes(folded)) inputs.emplace(layer, numbers.layers.at(layer).input);
  if (options.exact_affine && options.rounding != Rounding::kHalfUp && options.rounding != Rounding::kFloor)
    return Error{"rounding", std::string(to_string(options.rounding)) + " has no offsets, which keep the biases exact",
                 "use half_up or floor"};
  DYAD_TRY(const LoweringPlan plan, plan_lowering(folded, std::move(inputs), numbers.carriers));
  return Lowering(folded, normalization, numbers, plan, options).run();
}

}  // namespace dyad::quantizer
