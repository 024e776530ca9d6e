#include "integer_rounding.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <type_traits>

#include "dyad/base/dyadic.hpp"

namespace dyad::training {
namespace {
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;
using torch::autograd::Variable;

constexpr std::int64_t kPositionsPerTask = 256;

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DYAD_VECTOR_CLONES __attribute__((target_clones("arch=skylake-avx512", "avx2", "default")))
#else
#define DYAD_VECTOR_CLONES
#endif

/// total += (values * multiplier + nudge) >> shift. The product is below 2^62 and the nudge at most 2^61: no overflow.
DYAD_VECTOR_CLONES void add_half_up(const float* values, std::int64_t count, const std::int64_t* multiplier, const std::int64_t* shift,
                                    const std::int64_t* nudge, std::int64_t* total) {
  for (std::int64_t c = 0; c < count; ++c) total[c] += (static_cast<std::int64_t>(values[c]) * multiplier[c] + nudge[c]) >> shift[c];
}
DYAD_VECTOR_CLONES void add_half_up(const double* values, std::int64_t count, const std::int64_t* multiplier, const std::int64_t* shift,
                                    const std::int64_t* nudge, std::int64_t* total) {
  for (std::int64_t c = 0; c < count; ++c) total[c] += (static_cast<std::int64_t>(values[c]) * multiplier[c] + nudge[c]) >> shift[c];
}

DYAD_VECTOR_CLONES void saturate(const std::int64_t* total, std::int64_t count, std::int64_t lowest, std::int64_t highest, float* out) {
  for (std::int64_t c = 0; c < count; ++c) {
    const std::int64_t low = total[c] < lowest ? lowest : total[c];
    out[c] = static_cast<float>(low > highest ? highest : low);
  }
}

/// One source of a sum, its ratios spread over channels.
struct Source {
  const Requantization* requantization;
  std::vector<std::int64_t> multiplier, shift, nudge;
  bool is_half_up = false;  ///< (value * multiplier + nudge) >> shift is the definition

  Source(const Requantization& r, std::int64_t channels)
      : requantization(&r), is_half_up(r.rounding == Rounding::kHalfUp && r.offsets.empty()) {
    if (!is_half_up) return;
    for (std::int64_t c = 0; c < channels; ++c) {
      const Dyadic ratio = r.ratio(c);
      multiplier.push_back(ratio.multiplier);
      shift.push_back(ratio.shift);
      nudge.push_back(ratio.shift == 0 ? 0 : std::int64_t{1} << (ratio.shift - 1));
    }
  }

  /// The real factor of a channel, for gradients.
  double factor(std::int64_t c) const {
    if (requantization->rounding != Rounding::kFloat32Scale) return requantization->ratio(c).value();
    const auto& scales = requantization->float32_scales;
    return static_cast<double>(scales[scales.size() == 1 ? 0 : static_cast<std::size_t>(c)]);
  }

  /// Adds the requantized row to `total`.
  template <typename T>
  void add_row(const T* values, std::int64_t channels, std::int64_t* total) const {
    if (is_half_up) {
      add_half_up(values, channels, multiplier.data(), shift.data(), nudge.data(), total);
      if (requantization->zero_point != 0)
        for (std::int64_t c = 0; c < channels; ++c) total[c] += requantization->zero_point;
      return;
    }
    for (std::int64_t c = 0; c < channels; ++c) total[c] += requantization->apply(static_cast<std::int32_t>(values[c]), c);
  }
};

template <typename Out>
void write_row(const std::int64_t* total, std::int64_t channels, std::int64_t lowest, std::int64_t highest, Out* out, float* mask) {
  if constexpr (std::is_same_v<Out, float>)
    saturate(total, channels, lowest, highest, out);
  else
    for (std::int64_t c = 0; c < channels; ++c) out[c] = static_cast<Out>(std::clamp(total[c], lowest, highest));
  if (mask)
    for (std::int64_t c = 0; c < channels; ++c) mask[c] = total[c] >= lowest && total[c] <= highest ? 1.0f : 0.0f;
}

struct Requantize : torch::autograd::Function<Requantize> {
  static Variable forward(AutogradContext* context, at::TensorList sums, const std::vector<const Requantization*>* requantizations,
                          std::int64_t lowest, std::int64_t highest, bool needs_gradient) {
    std::vector<at::Tensor> values;
    std::vector<Source> sources;
    const std::int64_t channels = sums[0].size(1), positions = sums[0].numel() / channels;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      values.push_back(channels_fastest(sums[i]));
      sources.emplace_back(*(*requantizations)[i], channels);
    }
    const at::ScalarType type = integer_type(lowest, highest);
    at::Tensor out = at::empty_like(values[0], values[0].options().dtype(type), at::MemoryFormat::ChannelsLast);
    at::Tensor mask;
    if (needs_gradient) mask = at::empty_like(values[0], values[0].options().dtype(at::kFloat), at::MemoryFormat::ChannelsLast);
    at::parallel_for(0, positions, kPositionsPerTask, [&](std::int64_t begin, std::int64_t end) {
      std::vector<std::int64_t> total(static_cast<std::size_t>(channels));
      for (std::int64_t p = begin; p < end; ++p) {
        std::fill(total.begin(), total.end(), 0);
        for (std::size_t i = 0; i < sources.size(); ++i) {
          if (values[i].scalar_type() == at::kFloat)
            sources[i].add_row(values[i].data_ptr<float>() + p * channels, channels, total.data());
          else
            sources[i].add_row(values[i].data_ptr<double>() + p * channels, channels, total.data());
        }
        float* const mask_row = needs_gradient ? mask.data_ptr<float>() + p * channels : nullptr;
        if (type == at::kFloat)
          write_row(total.data(), channels, lowest, highest, out.data_ptr<float>() + p * channels, mask_row);
        else
          write_row(total.data(), channels, lowest, highest, out.data_ptr<double>() + p * channels, mask_row);
      }
    });
    if (needs_gradient) {
      std::vector<at::Tensor> saved{mask};
      std::vector<std::int64_t> types;
      for (std::size_t i = 0; i < sources.size(); ++i) {
        at::Tensor factors = at::empty({1, channels, 1, 1}, at::kFloat);
        for (std::int64_t c = 0; c < channels; ++c) factors.data_ptr<float>()[c] = static_cast<float>(sources[i].factor(c));
        saved.push_back(factors);
        types.push_back(static_cast<std::int64_t>(values[i].scalar_type()));
      }
      context->save_for_backward(saved);
      context->saved_data["types"] = types;
    }
    return out;
  }

  static tensor_list backward(AutogradContext* context, tensor_list upstream) {
    const auto saved = context->get_saved_variables();
    const std::vector<std::int64_t> types = context->saved_data["types"].toIntVector();
    const at::Tensor masked = upstream[0].to(at::kFloat) * saved[0];
    tensor_list gradients;
    for (std::size_t i = 0; i < types.size(); ++i) gradients.push_back((masked * saved[i + 1]).to(static_cast<at::ScalarType>(types[i])));
    for (int i = 0; i < 4; ++i) gradients.emplace_back();
    return gradients;
  }
};

struct Average : torch::autograd::Function<Average> {
  static Variable forward(AutogradContext* context, const Variable& sums, const Variable& counts, std::int64_t rounding,
                          std::int64_t lowest, std::int64_t highest) {
    const at::Tensor values = channels_fastest(sums).to(at::kDouble), number = counts.to(at::kLong).contiguous();
    const std::int64_t channels = values.size(1), area = values.size(2) * values.size(3), positions = values.numel() / channels;
    at::Tensor out = at::empty_like(values, values.options().dtype(integer_type(lowest, highest)), at::MemoryFormat::ChannelsLast);
    const auto write = [&](auto* to) {
      at::parallel_for(0, positions, kPositionsPerTask, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t p = begin; p < end; ++p)
          for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t i = p * channels + c;
            const std::int64_t mean = integer_average(static_cast<std::int64_t>(values.data_ptr<double>()[i]),
                                                      number.data_ptr<std::int64_t>()[p % area], static_cast<AverageRounding>(rounding));
            to[i] = static_cast<std::remove_reference_t<decltype(*to)>>(std::clamp(mean, lowest, highest));
          }
      });
    };
    if (out.scalar_type() == at::kFloat)
      write(out.data_ptr<float>());
    else
      write(out.data_ptr<double>());
    context->save_for_backward({counts});
    context->saved_data["type"] = static_cast<std::int64_t>(sums.scalar_type());
    return out;
  }

  static tensor_list backward(AutogradContext* context, tensor_list upstream) {
    const at::Tensor counts = context->get_saved_variables()[0];
    const auto type = static_cast<at::ScalarType>(context->saved_data["type"].toInt());
    return {(upstream[0] / counts).to(type), Variable(), Variable(), Variable(), Variable()};
  }
};

}  // namespace

at::Tensor channels_fastest(const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

at::ScalarType integer_type(std::int64_t lowest, std::int64_t highest) {
  constexpr std::int64_t kExact = std::int64_t{1} << 24;
  return -lowest <= kExact && highest <= kExact ? at::kFloat : at::kDouble;
}

at::Tensor requantize(const std::vector<at::Tensor>& sums, const std::vector<const Requantization*>& requantizations, std::int64_t lowest,
                      std::int64_t highest) {
  bool needs_gradient = false;
  for (const at::Tensor& each : sums) needs_gradient = needs_gradient || (at::GradMode::is_enabled() && each.requires_grad());
  return Requantize::apply(at::TensorList(sums), &requantizations, lowest, highest, needs_gradient);
}

at::Tensor average(const at::Tensor& sums, const at::Tensor& counts, AverageRounding rounding, BitWidth output) {
  return Average::apply(sums, counts, static_cast<std::int64_t>(rounding), output.lowest(), output.highest());
}

}  // namespace dyad::training
