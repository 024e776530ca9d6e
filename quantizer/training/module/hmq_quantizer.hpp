/// \file The HMQ quantizer on tensors: expected step and threshold under Gumbel-softmax, and its gradients.
#pragma once

#include "dyad/training/hmq.hpp"
#include "torch_headers.hpp"

namespace dyad::training {

/// Parameters of a quantizer, shaped to broadcast against the values.
struct HmqStep {
  at::Tensor step;    ///< distance of two levels
  at::Tensor levels;  ///< threshold / step: a real number when options are mixed
};

/// step * clip(round(x / step)), ties to even. Gradients: x passes where the rounded value is inside; the step gets q - x / step
/// inside and the bound outside; levels get step * (above - signed * below).
at::Tensor hmq_fake_quantize(const at::Tensor& values, const HmqStep& step, bool is_signed, quantizer::HmqRanges ranges);

/// Mixed parameters: p = softmax((log_softmax(logits) + g) / temperature), g = -ln(-ln(u + 1e-6) + 1e-6); step = sum p step_i,
/// levels = sum p threshold_i / step. `uniforms` (m, options) gives m of each, along `dimension` of `rank` dimensions.
HmqStep hmq_mixed_step(const at::Tensor& logits, const quantizer::HmqSpace& space, double maximum, bool is_signed,
                       const at::Tensor& uniforms, double temperature, std::int64_t dimension, std::int64_t rank);
/// Parameters of one option.
HmqStep hmq_hard_step(quantizer::HmqChoice choice, double maximum, bool is_signed);

Result<HmqProbeResult> run_hmq_probe(const HmqProbe& probe);

}  // namespace dyad::training
