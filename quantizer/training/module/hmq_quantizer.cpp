#include "hmq_quantizer.hpp"

#include <torch/csrc/autograd/custom_function.h>

namespace dyad::training {
namespace {
using quantizer::HmqRanges;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Bounds {
  at::Tensor lowest, highest;
};

Bounds bounds_of(const at::Tensor& levels, bool is_signed, bool is_exact) {
  const double sign = is_signed ? 1 : 0;
  if (is_exact) return {-sign * levels, levels - 1};
  return {-sign * (levels - 1), levels};
}

/// Sums a gradient down to the shape that was broadcast.
at::Tensor reduce(const at::Tensor& gradient, const at::Tensor& parameter) { return at::sum_to(gradient, parameter.sizes()); }

class FakeQuantize : public torch::autograd::Function<FakeQuantize> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& values, const at::Tensor& step, const at::Tensor& levels,
                            bool is_signed, bool is_exact) {
    context->save_for_backward({values, step, levels});
    context->saved_data["is_signed"] = is_signed;
    context->saved_data["is_exact"] = is_exact;
    const Bounds bounds = bounds_of(levels, is_signed, is_exact);
    return (values / step).round_().clamp_(bounds.lowest, bounds.highest).mul_(step);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &values = saved[0], &step = saved[1], &levels = saved[2], &upstream = gradients[0];
    const bool is_signed = context->saved_data["is_signed"].toBool(), is_exact = context->saved_data["is_exact"].toBool();
    const Bounds bounds = bounds_of(levels, is_signed, is_exact);
    const at::Tensor scaled = values / step, rounded = scaled.round();
    const at::Tensor above = rounded.gt(bounds.highest), below = rounded.lt(bounds.lowest);
    const at::Tensor passed = upstream.masked_fill(above.logical_or(below), 0);
    at::Tensor step_gradient, levels_gradient;
    if (step.requires_grad() || levels.requires_grad()) {
      step_gradient = reduce(upstream * rounded.clamp(bounds.lowest, bounds.highest) - passed * scaled, step);
      at::Tensor outside = upstream * above;
      if (is_signed) outside = outside - upstream * below;
      levels_gradient = reduce(outside, levels) * step;
    }
    return {passed, step_gradient, levels_gradient, at::Tensor(), at::Tensor()};
  }
};

/// Steps and thresholds of all options.
std::pair<at::Tensor, at::Tensor> option_tables(const quantizer::HmqSpace& space, double maximum, bool is_signed) {
  at::Tensor steps = at::empty({static_cast<std::int64_t>(space.size())}, at::kFloat), thresholds = at::empty_like(steps);
  std::size_t i = 0;
  for (const int bits : space.bits)
    for (int shift = 0; shift < space.shifts; ++shift, ++i) {
      steps.data_ptr<float>()[i] = quantizer::hmq_format({bits, shift}, maximum, is_signed).scale;
      thresholds.data_ptr<float>()[i] = static_cast<float>(std::ldexp(maximum, -shift));
    }
  return {steps, thresholds};
}

}  // namespace

at::Tensor hmq_fake_quantize(const at::Tensor& values, const HmqStep& step, bool is_signed, HmqRanges ranges) {
  return FakeQuantize::apply(values, step.step, step.levels, is_signed, ranges == HmqRanges::kHardwareExact);
}

HmqStep hmq_mixed_step(const at::Tensor& logits, const quantizer::HmqSpace& space, double maximum, bool is_signed,
                       const at::Tensor& uniforms, double temperature, std::int64_t dimension, std::int64_t rank) {
  constexpr double kTiny = 1e-6;
  const at::Tensor noise = -at::log(-at::log(uniforms + kTiny) + kTiny);
  const at::Tensor p = at::softmax((at::log_softmax(logits, 0) + noise) / temperature, 1);
  const auto [steps, thresholds] = option_tables(space, maximum, is_signed);
  std::vector<std::int64_t> shape(static_cast<std::size_t>(rank), 1);
  shape[static_cast<std::size_t>(dimension)] = uniforms.size(0);
  const at::Tensor step = at::matmul(p, steps);
  return {step.reshape(shape), (at::matmul(p, thresholds) / step).reshape(shape)};
}

HmqStep hmq_hard_step(quantizer::HmqChoice choice, double maximum, bool is_signed) {
  return {at::full({1}, quantizer::hmq_format(choice, maximum, is_signed).scale, at::kFloat),
          at::full({1}, quantizer::hmq_levels(choice.bits, is_signed), at::kFloat)};
}

Result<HmqProbeResult> run_hmq_probe(const HmqProbe& probe) {
  const auto as_tensor = [](const Tensor<float>& values) {
    const Shape& shape = values.shape();
    return at::from_blob(const_cast<float*>(values.data()), std::vector<std::int64_t>(shape.begin(), shape.end()), at::kFloat).clone();
  };
  const auto options = static_cast<std::int64_t>(probe.space.size());
  at::Tensor values = as_tensor(probe.values).set_requires_grad(true);
  at::Tensor logits = at::from_blob(const_cast<float*>(probe.logits.data()), {options}, at::kFloat).clone().set_requires_grad(true);
  HmqStep step;
  if (probe.uniforms.empty()) {
    step = hmq_hard_step(quantizer::hmq_choose(probe.space, probe.logits), probe.maximum, probe.is_signed);
  } else {
    const at::Tensor uniforms = at::from_blob(const_cast<float*>(probe.uniforms.data()),
                                              {probe.values.shape()[static_cast<std::size_t>(probe.noise_dimension)], options}, at::kFloat);
    step = hmq_mixed_step(logits, probe.space, probe.maximum, probe.is_signed, uniforms, probe.temperature, probe.noise_dimension,
                          values.dim());
  }
  const at::Tensor output = hmq_fake_quantize(values, step, probe.is_signed, probe.ranges);
  const at::Tensor upstream = probe.upstream.size() == 0 ? at::ones_like(output) : as_tensor(probe.upstream);
  const variable_list gradients = torch::autograd::grad({output}, {values, logits}, {upstream}, c10::nullopt, false, true);
  const auto copy = [](const at::Tensor& tensor, float* target) {
    const at::Tensor plain = tensor.detach().contiguous();
    std::copy_n(plain.data_ptr<float>(), plain.numel(), target);
  };
  HmqProbeResult result{Tensor<float>(probe.values.shape()), Tensor<float>(probe.values.shape()),
                        std::vector<float>(probe.logits.size(), 0.0f)};
  copy(output, result.output.data());
  copy(gradients[0], result.gradient_values.data());
  if (gradients[1].defined()) copy(gradients[1], result.gradient_logits.data());
  return result;
}

}  // namespace dyad::training
