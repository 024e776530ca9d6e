#include "fake_quantizers.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

namespace dyad::training {
namespace {
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;
using torch::autograd::Variable;

constexpr std::int64_t kChunk = 1 << 14;  // values whose gradient of the step is summed in one go
constexpr float kMagic = 12582912.0f;     // adding and subtracting it rounds |x| < 2^22 to the nearest, ties to even

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DYAD_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DYAD_VECTOR_CLONES
#endif

DYAD_VECTOR_CLONES void round_values(const float* x, float* out, std::int64_t count, float reciprocal, float step, Levels levels) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float scaled = x[i] * reciprocal;
    const float low = scaled < levels.lowest ? levels.lowest : scaled;
    const float inside = low > levels.highest ? levels.highest : low;
    out[i] = ((inside + kMagic) - kMagic) * step;
  }
}

/// Gradient in x; returns the sum that is the step's gradient. Sixteen partial sums, so that the loop is the same at any vector width.
DYAD_VECTOR_CLONES double gradients(const float* x, const float* upstream, float* out, std::int64_t count, float reciprocal,
                                    Levels levels) {
  constexpr std::int64_t kLanes = 16;
  float sums[kLanes] = {};
  const auto one = [&](std::int64_t i, float& sum) {
    const float scaled = x[i] * reciprocal;
    const float low = scaled < levels.lowest ? levels.lowest : scaled;
    const float inside = low > levels.highest ? levels.highest : low;
    const bool is_inside = inside == scaled;
    out[i] = is_inside ? upstream[i] : 0.0f;
    const float rounded = (inside + kMagic) - kMagic;
    sum += upstream[i] * (rounded - (is_inside ? scaled : 0.0f));
  };
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::int64_t lane = 0; lane < kLanes; ++lane) one(i + lane, sums[lane]);
  for (; i < count; ++i) one(i, sums[0]);
  double sum = 0;
  for (const float part : sums) sum += static_cast<double>(part);
  return sum;
}

at::Tensor dense(const at::Tensor& x) { return x.is_non_overlapping_and_dense() ? x : x.contiguous(); }

/// `gradient` with the strides of `x`.
at::Tensor laid_out_as(const at::Tensor& gradient, const at::Tensor& x) {
  if (gradient.strides() == x.strides()) return gradient;
  return at::empty_like(x).copy_(gradient);
}

void keep(AutogradContext* context, double lowest, double highest, double gradient_scale) {
  context->saved_data["lowest"] = lowest;
  context->saved_data["highest"] = highest;
  context->saved_data["gradient_scale"] = gradient_scale;
}

Levels kept_levels(AutogradContext* context) {
  return {static_cast<float>(context->saved_data["lowest"].toDouble()), static_cast<float>(context->saved_data["highest"].toDouble())};
}

struct TensorQuantizer : torch::autograd::Function<TensorQuantizer> {
  static Variable forward(AutogradContext* context, const Variable& values, const Variable& step, double lowest, double highest,
                          double gradient_scale) {
    const at::Tensor x = dense(values);
    at::Tensor out = at::empty_like(x);
    const Levels levels{static_cast<float>(lowest), static_cast<float>(highest)};
    const float size = step.item<float>(), reciprocal = 1.0f / size;
    const float* const from = x.data_ptr<float>();
    float* const to = out.data_ptr<float>();
    at::parallel_for(0, x.numel(), kChunk, [&](std::int64_t begin, std::int64_t end) {
      round_values(from + begin, to + begin, end - begin, reciprocal, size, levels);
    });
    context->save_for_backward({x, step});
    keep(context, lowest, highest, gradient_scale);
    return out;
  }

  static tensor_list backward(AutogradContext* context, tensor_list upstream) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], step = saved[1];
    const at::Tensor gradient = laid_out_as(upstream[0], x);
    at::Tensor out = at::empty_like(x);
    const Levels levels = kept_levels(context);
    const float reciprocal = 1.0f / step.item<float>();
    const std::int64_t count = x.numel(), chunks = (count + kChunk - 1) / kChunk;
    std::vector<double> sums(static_cast<std::size_t>(chunks));
    const float* const from = x.data_ptr<float>();
    const float* const above = gradient.data_ptr<float>();
    float* const to = out.data_ptr<float>();
    at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        const std::int64_t first = c * kChunk;
        sums[static_cast<std::size_t>(c)] =
            gradients(from + first, above + first, to + first, std::min(kChunk, count - first), reciprocal, levels);
      }
    });
    double sum = 0;
    for (const double part : sums) sum += part;
    const at::Tensor in_step = at::full_like(step, sum * context->saved_data["gradient_scale"].toDouble());
    return {out, in_step, Variable(), Variable(), Variable()};
  }
};

struct ChannelQuantizer : torch::autograd::Function<ChannelQuantizer> {
  static Variable forward(AutogradContext* context, const Variable& values, const Variable& steps, double lowest, double highest,
                          double gradient_scale) {
    const at::Tensor weight = values.contiguous();
    at::Tensor out = at::empty_like(weight);
    const Levels levels{static_cast<float>(lowest), static_cast<float>(highest)};
    const std::int64_t channels = weight.size(0), size = weight.numel() / channels;
    for (std::int64_t k = 0; k < channels; ++k) {
      const float step = steps.data_ptr<float>()[k];
      round_values(weight.data_ptr<float>() + k * size, out.data_ptr<float>() + k * size, size, 1.0f / step, step, levels);
    }
    context->save_for_backward({weight, steps});
    keep(context, lowest, highest, gradient_scale);
    return out;
  }

  static tensor_list backward(AutogradContext* context, tensor_list upstream) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &weight = saved[0], steps = saved[1];
    const at::Tensor gradient = upstream[0].contiguous();
    at::Tensor out = at::empty_like(weight), in_steps = at::empty_like(steps);
    const Levels levels = kept_levels(context);
    const double scale = context->saved_data["gradient_scale"].toDouble();
    const std::int64_t channels = weight.size(0), size = weight.numel() / channels;
    for (std::int64_t k = 0; k < channels; ++k) {
      const double sum = gradients(weight.data_ptr<float>() + k * size, gradient.data_ptr<float>() + k * size,
                                   out.data_ptr<float>() + k * size, size, 1.0f / steps.data_ptr<float>()[k], levels);
      in_steps.data_ptr<float>()[k] = static_cast<float>(sum * scale);
    }
    return {out, in_steps, Variable(), Variable(), Variable()};
  }
};

struct StraightThrough : torch::autograd::Function<StraightThrough> {
  static Variable forward(AutogradContext*, const Variable&, const Variable& value) { return value.clone(); }
  static tensor_list backward(AutogradContext*, tensor_list upstream) { return {upstream[0], Variable()}; }
};

}  // namespace

at::Tensor quantize_tensor(const at::Tensor& x, const at::Tensor& step, Levels levels, double gradient_scale) {
  return TensorQuantizer::apply(x, step, static_cast<double>(levels.lowest), static_cast<double>(levels.highest), gradient_scale);
}

at::Tensor quantize_channels(const at::Tensor& weight, const at::Tensor& steps, Levels levels, double gradient_scale) {
  return ChannelQuantizer::apply(weight, steps, static_cast<double>(levels.lowest), static_cast<double>(levels.highest), gradient_scale);
}

at::Tensor straight_through(const at::Tensor& x, const at::Tensor& value) { return StraightThrough::apply(x, value); }

}  // namespace dyad::training
