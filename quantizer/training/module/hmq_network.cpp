#include "hmq_network.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/base/random.hpp"

namespace dyad::training {
namespace {
using quantizer::HmqChoice;
using quantizer::HmqSpace;

// Streams of Random: noise of (step, quantizer), and the published start's; their ranges don't meet those of Batches.
constexpr std::uint64_t kNoiseStreams = std::uint64_t{1} << 61, kStartStreams = std::uint64_t{3} << 60,
                        kQuantizers = std::uint64_t{1} << 20;
constexpr std::int64_t kSamples = 16384;  // of one layer input, for the error of its thresholds
constexpr double kLeastFactor = .05;

std::span<const float> span_of(const at::Tensor& tensor) { return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())}; }

at::Tensor uniform_tensor(std::uint64_t seed, std::uint64_t stream, std::int64_t rows, std::int64_t options) {
  at::Tensor tensor = at::empty({rows, options}, at::kFloat);
  Random random(seed, stream);
  float* const values = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) values[i] = static_cast<float>(random.uniform());
  return tensor;
}

at::Tensor marginal(const at::Tensor& logits, const HmqSpace& space) {
  return at::softmax(logits, 0).reshape({static_cast<std::int64_t>(space.bits.size()), space.shifts}).sum(1);
}

/// The row of one bit-width as a space and logits of its own.
std::pair<HmqSpace, at::Tensor> restricted(const HmqSpace& space, const at::Tensor& logits, std::size_t bits_index) {
  return {{{space.bits[bits_index]}, space.shifts}, logits.narrow(0, static_cast<std::int64_t>(bits_index) * space.shifts, space.shifts)};
}

std::size_t index_of(const std::vector<int>& bits, int wanted) {
  return static_cast<std::size_t>(std::find(bits.begin(), bits.end(), wanted) - bits.begin());
}

/// Logits that favour small rounding errors: ln P(bits) + 2 ln(least error of these bits / error), no lower than -8.
at::Tensor start_by_error(const HmqSpace& space, const std::vector<double>& bits_probability, const at::Tensor& values, double maximum,
                          bool is_signed, quantizer::HmqRanges ranges) {
  constexpr double kSharpness = 2, kLowest = -8;
  at::Tensor logits = at::empty({static_cast<std::int64_t>(space.size())}, at::kFloat);
  for (std::size_t b = 0; b < space.bits.size(); ++b) {
    std::vector<double> errors;
    for (int shift = 0; shift < space.shifts; ++shift) {
      const at::Tensor rounded = hmq_fake_quantize(values, hmq_hard_step({space.bits[b], shift}, maximum, is_signed), is_signed, ranges);
      errors.push_back((rounded - values).square().mean().item<double>() + 1e-30);
    }
    const double least = *std::min_element(errors.begin(), errors.end());
    std::vector<double> row;
    double sum = 0;
    for (const double error : errors) {
      row.push_back(std::max(kLowest, kSharpness * std::log(least / error)));
      sum += std::exp(row.back());
    }
    for (std::size_t v = 0; v < row.size(); ++v)
      logits.data_ptr<float>()[b * row.size() + v] = static_cast<float>(std::log(bits_probability[b]) + row[v] - std::log(sum));
  }
  return logits;
}

/// P(bits) proportional to exp(-(bits - centre)^2 / 2): one peak, so that the likeliest bits cost about what is expected.
std::vector<double> peaked(const std::vector<int>& bits, double centre) {
  std::vector<double> exponents, result;
  for (const int b : bits) exponents.push_back(-(b - centre) * (b - centre) / 2);
  const double highest = *std::max_element(exponents.begin(), exponents.end());
  double sum = 0;
  for (const double exponent : exponents) sum += result.emplace_back(std::exp(exponent - highest) + 1e-6);
  for (double& p : result) p /= sum;
  return result;
}

}  // namespace

HmqNetwork::HmqNetwork(const network::Network& folded, const std::vector<HmqLayer>& layers, const std::vector<HmqTarget>& targets,
                       const HmqOptions& options)
    : targets_(targets), options_(options), teacher_(folded), network_(folded) {
  const at::NoGradGuard no_gradient;
  DYAD_EXPECT(layers.size() == network_.layer_names().size(), "every weighted layer has its options");
  for (std::size_t l = 0; l < layers.size(); ++l) {
    DYAD_EXPECT(layers[l].name == network_.layer_names()[l], "layers are in execution order");
    Layer layer;
    layer.options = layers[l];
    layer.weight_space = {layers[l].weight_bits, options.shifts};
    layer.input_space = {layers[l].activation_bits, options.shifts};
    const at::Tensor weight = network_.layer_weights()[l].detach();
    std::vector<std::int64_t> shape(static_cast<std::size_t>(weight.dim()), 1);
    shape[0] = weight.size(0);
    at::Tensor largest = weight.abs().flatten(1).amax(1);
    largest = at::where(largest > 0, largest, at::ones_like(largest));
    layer.initial_factor = (options.channel_scales ? largest : at::ones_like(largest)).reshape(shape);
    layer.values = (weight / layer.initial_factor).set_requires_grad(true);
    layer.factor = at::ones_like(layer.initial_factor).set_requires_grad(true);
    for (const Parameter& parameter : network_.parameters())
      if (parameter.kind == ParameterKind::kBias && parameter.name == layers[l].name + ".bias") layer.bias = parameter.value;
    layers_.push_back(std::move(layer));
  }
}

void HmqNetwork::observe(const at::Tensor& images) {
  const at::NoGradGuard no_gradient;
  ForwardHooks hooks;
  hooks.input = [&](std::size_t index, const at::Tensor& input) {
    Layer& layer = layers_[index];
    layer.tracked = quantizer::hmq_track(layer.tracked, input.abs().max().item<double>());
    if (layer.samples.empty()) {
      const at::Tensor flat = input.contiguous().flatten();
      const std::int64_t stride = std::max<std::int64_t>(1, flat.numel() / kSamples);
      for (std::int64_t i = 0; i < flat.numel(); i += stride) layer.samples.push_back(flat.data_ptr<float>()[i]);
    }
    return input;
  };
  teacher_.forward(images, false, hooks);
}

void HmqNetwork::start() {
  const at::NoGradGuard no_gradient;
  const double centre = options_.start == HmqStart::kBalanced ? balance() : 0;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    layer.weight_maximum = quantizer::hmq_maximum(layer.values.abs().max().item<double>(), true);
    layer.input_maximum = quantizer::hmq_maximum(layer.tracked, false);
    const at::Tensor samples = at::from_blob(layer.samples.data(), {static_cast<std::int64_t>(layer.samples.size())}, at::kFloat);
    const auto make = [&](const HmqSpace& space, const at::Tensor& values, double maximum, bool is_signed, std::uint64_t quantizer) {
      if (options_.start == HmqStart::kBalanced)
        return start_by_error(space, peaked(space.bits, centre), values, maximum, is_signed, options_.ranges).set_requires_grad(true);
      Random random(options_.seed, kStartStreams + quantizer);
      std::vector<double> uniforms;
      for (std::size_t i = 0; i < space.size(); ++i) uniforms.push_back(random.uniform());
      const std::vector<float> logits = quantizer::hmq_published_start(space, uniforms);
      return at::from_blob(const_cast<float*>(logits.data()), {static_cast<std::int64_t>(logits.size())}, at::kFloat)
          .clone()
          .set_requires_grad(true);
    };
    layer.weight_logits = make(layer.weight_space, layer.values, layer.weight_maximum, true, 2 * l);
    layer.input_logits = make(layer.input_space, samples, layer.input_maximum, layer.options.is_input_signed, 2 * l + 1);
  }
}

/// The largest centre of P(bits) at which no expected cost is above its limit.
double HmqNetwork::balance() const {
  constexpr double kLowest = 0, kHighest = 10;  // beyond 2 and 8 bits
  constexpr int kHalvings = 40;
  const auto keeps = [&](double centre) {
    return std::all_of(targets_.begin(), targets_.end(), [&](const HmqTarget& target) {
      double total = 0, largest = 0;
      for (std::size_t l = 0; l < layers_.size(); ++l) {
        const std::vector<double> w = peaked(layers_[l].options.weight_bits, centre),
                                  a = peaked(layers_[l].options.activation_bits, centre);
        double cost = 0;
        for (std::size_t i = 0; i < w.size(); ++i)
          for (std::size_t j = 0; j < a.size(); ++j) cost += w[i] * a[j] * target.cost[l][i][j];
        total += cost;
        largest = std::max(largest, cost);
      }
      return target.fixed + (target.is_largest ? largest : total) <= target.limit;
    });
  };
  if (keeps(kHighest)) return kHighest;
  double low = kLowest, high = kHighest;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (keeps(middle) ? low : high) = middle;
  }
  return low;
}

at::Tensor HmqNetwork::float_probabilities(const at::Tensor& images) const {
  const at::NoGradGuard no_gradient;
  return at::softmax(teacher_.forward(images, false), 1);
}

HmqChoice HmqNetwork::weight_choice(const Layer& layer) const {
  const std::size_t index = index_of(layer.options.weight_bits, layer.chosen->weight);
  return {layer.chosen->weight, quantizer::hmq_choose_shift(layer.weight_space, span_of(layer.weight_logits), index)};
}

HmqChoice HmqNetwork::input_choice(const Layer& layer) const {
  const std::size_t index = index_of(layer.options.activation_bits, layer.chosen->activation);
  return {layer.chosen->activation, quantizer::hmq_choose_shift(layer.input_space, span_of(layer.input_logits), index)};
}

at::Tensor HmqNetwork::quantized_weight(std::size_t index, const HmqPass& pass) const {
  const Layer& layer = layers_[index];
  HmqStep step;
  if (pass.is_hard) {
    step = hmq_hard_step(weight_choice(layer), layer.weight_maximum, true);
  } else {
    const std::uint64_t stream = kNoiseStreams + static_cast<std::uint64_t>(pass.step) * kQuantizers + 2 * index;
    const at::Tensor uniforms =
        uniform_tensor(pass.seed, stream, layer.values.size(1), static_cast<std::int64_t>(layer.weight_space.size()));
    step = hmq_mixed_step(layer.weight_logits, layer.weight_space, layer.weight_maximum, true, uniforms, pass.temperature, 1,
                          layer.values.dim());
  }
  return hmq_fake_quantize(layer.values, step, true, options_.ranges) * (layer.factor * layer.initial_factor);
}

at::Tensor HmqNetwork::quantized_input(std::size_t index, const at::Tensor& input, const HmqPass& pass) const {
  const Layer& layer = layers_[index];
  const bool is_signed = layer.options.is_input_signed;
  HmqStep step;
  if (layer.options.input_step) {
    step = {at::full({1}, *layer.options.input_step, at::kFloat),
            at::full({1}, quantizer::hmq_levels(layer.options.activation_bits.front(), is_signed), at::kFloat)};
    return hmq_fake_quantize(input, step, is_signed, quantizer::HmqRanges::kHardwareExact);
  }
  if (pass.is_hard) {
    step = hmq_hard_step(input_choice(layer), layer.input_maximum, is_signed);
  } else {
    const auto [space, logits] = layer.rule_bits ? restricted(layer.input_space, layer.input_logits, *layer.rule_bits)
                                                 : std::pair(layer.input_space, layer.input_logits);
    const std::uint64_t stream = kNoiseStreams + static_cast<std::uint64_t>(pass.step) * kQuantizers + 2 * index + 1;
    const at::Tensor uniforms = uniform_tensor(pass.seed, stream, input.size(0), static_cast<std::int64_t>(space.size()));
    step = hmq_mixed_step(logits, space, layer.input_maximum, is_signed, uniforms, pass.temperature, 0, input.dim());
  }
  return hmq_fake_quantize(input, step, is_signed, options_.ranges);
}

at::Tensor HmqNetwork::forward(const at::Tensor& images, const HmqPass& pass) const {
  ForwardHooks hooks;
  hooks.weight = [&](std::size_t layer, const at::Tensor&) { return quantized_weight(layer, pass); };
  hooks.input = [&](std::size_t layer, const at::Tensor& input) { return quantized_input(layer, input, pass); };
  return network_.forward(images, true, hooks);
}

at::Tensor HmqNetwork::input_marginal(const Layer& layer) const {
  if (!layer.options.input_step && !layer.rule_bits) return marginal(layer.input_logits, layer.input_space);
  at::Tensor one = at::zeros({static_cast<std::int64_t>(layer.options.activation_bits.size())}, at::kFloat);
  one.data_ptr<float>()[layer.rule_bits.value_or(0)] = 1;
  return one;
}

std::vector<at::Tensor> HmqNetwork::expected_costs() const {
  std::vector<at::Tensor> result;
  for (const HmqTarget& target : targets_) {
    std::vector<at::Tensor> costs;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const auto rows = static_cast<std::int64_t>(target.cost[l].size()), columns = static_cast<std::int64_t>(target.cost[l][0].size());
      at::Tensor table = at::empty({rows, columns}, at::kDouble);
      for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < columns; ++j)
          table.data_ptr<double>()[i * columns + j] = target.cost[l][static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
      const at::Tensor w = marginal(layers_[l].weight_logits, layers_[l].weight_space).to(at::kDouble);
      costs.push_back(at::dot(w, at::mv(table, input_marginal(layers_[l]).to(at::kDouble))));
    }
    const at::Tensor all = at::stack(costs);
    result.push_back((target.is_largest ? all.max() : all.sum()) + target.fixed);
  }
  return result;
}

std::vector<HmqProbabilities> HmqNetwork::probabilities() const {
  const at::NoGradGuard no_gradient;
  const auto list = [](const at::Tensor& tensor) {
    const at::Tensor plain = tensor.to(at::kDouble).contiguous();
    return std::vector<double>(plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel());
  };
  std::vector<HmqProbabilities> result;
  for (const Layer& layer : layers_)
    result.push_back({layer.options.name, list(marginal(layer.weight_logits, layer.weight_space)), list(input_marginal(layer))});
  return result;
}

void HmqNetwork::set_rule_bits(double compression) {
  std::int64_t largest = 1;
  for (const Layer& layer : layers_) largest = std::max(largest, layer.options.input_elements);
  for (Layer& layer : layers_) {
    const std::vector<int>& bits = layer.options.activation_bits;
    const int wanted = quantizer::hmq_activation_bits(layer.options.input_elements, largest, compression);
    std::size_t best = index_of(bits, *std::min_element(bits.begin(), bits.end()));  // the most bits that the rule allows
    for (std::size_t i = 0; i < bits.size(); ++i)
      if (bits[i] <= wanted && bits[i] > bits[best]) best = i;
    layer.rule_bits = best;
  }
}

Result<void> HmqNetwork::choose(const BitAssignment& assignment) {
  for (Layer& layer : layers_) {
    const auto found = assignment.find(layer.options.name);
    const bool is_known = found != assignment.end() &&
                          index_of(layer.options.weight_bits, found->second.weight) < layer.options.weight_bits.size() &&
                          index_of(layer.options.activation_bits, found->second.activation) < layer.options.activation_bits.size();
    if (!is_known)
      return Error{"bits:/layers/" + layer.options.name, "are not among the layer's choices", "choose from the bits that were searched"};
    layer.chosen = found->second;
  }
  return {};
}

std::vector<RAdamTensor> HmqNetwork::trained_tensors() const {
  std::vector<RAdamTensor> tensors;
  for (const Layer& layer : layers_) {
    tensors.push_back({layer.options.name + ".values", layer.values, options_.weight_rate, options_.weight_decay});
    tensors.push_back({layer.options.name + ".factor", layer.factor, options_.weight_rate});
    if (layer.bias.defined()) tensors.push_back({layer.options.name + ".bias", layer.bias, options_.weight_rate});
  }
  for (const Layer& layer : layers_) {
    tensors.push_back({layer.options.name + ".weight_logits", layer.weight_logits, options_.logits_rate});
    tensors.push_back({layer.options.name + ".input_logits", layer.input_logits, options_.logits_rate});
  }
  return tensors;
}

void HmqNetwork::limit_factors() {
  const at::NoGradGuard no_gradient;
  for (Layer& layer : layers_) layer.factor.clamp_(kLeastFactor);
}

std::vector<HmqTrainedLayer> HmqNetwork::layers() const {
  const at::NoGradGuard no_gradient;
  std::vector<HmqTrainedLayer> result;
  for (const Layer& layer : layers_) {
    DYAD_EXPECT(layer.chosen.has_value(), "bits are chosen before layers are exported");
    const HmqChoice choice = weight_choice(layer);
    const quantizer::ScaledFormat format = quantizer::hmq_format(choice, layer.weight_maximum, true);
    HmqTrainedLayer trained;
    trained.name = layer.options.name;
    trained.numbers.bits = *layer.chosen;
    trained.weight_threshold = std::ldexp(layer.weight_maximum, -choice.shift);
    at::Tensor integers = (layer.values / format.scale)
                              .round_()
                              .clamp_(static_cast<double>(format.format.lowest()), static_cast<double>(format.format.highest()));
    if (integers.dim() == 4) integers = integers.permute({0, 2, 3, 1});
    if (integers.dim() == 2) integers = integers.unsqueeze(1).unsqueeze(1);
    const at::Tensor plain = integers.to(at::kChar).contiguous();
    trained.numbers.weights.values = Tensor<std::int8_t>(Shape(plain.sizes().begin(), plain.sizes().end()));
    std::copy_n(plain.data_ptr<std::int8_t>(), plain.numel(), trained.numbers.weights.values.data());
    const at::Tensor scales = (layer.factor * layer.initial_factor * format.scale).flatten().contiguous();
    trained.numbers.weights.scales.assign(scales.data_ptr<float>(), scales.data_ptr<float>() + scales.numel());
    trained.numbers.bias.assign(static_cast<std::size_t>(plain.size(0)), 0.0f);
    if (layer.bias.defined()) std::copy_n(layer.bias.data_ptr<float>(), layer.bias.numel(), trained.numbers.bias.data());
    if (layer.options.input_step) {
      trained.numbers.input = {{layer.chosen->activation, layer.options.is_input_signed}, *layer.options.input_step};
    } else {
      const HmqChoice input = input_choice(layer);
      trained.numbers.input = quantizer::hmq_format(input, layer.input_maximum, layer.options.is_input_signed);
      trained.input_threshold = std::ldexp(layer.input_maximum, -input.shift);
    }
    result.push_back(std::move(trained));
  }
  return result;
}

}  // namespace dyad::training
