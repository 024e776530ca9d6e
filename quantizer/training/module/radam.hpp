/// \file Rectified Adam (Liu et al., ICLR 2020, algorithm 2) for named tensors.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "torch_headers.hpp"

namespace dyad::training {

/// One trained tensor with its state.
struct RAdamTensor {
  std::string name;
  at::Tensor value;
  double rate = 1;   ///< times the step's rate
  double decay = 0;  ///< weight decay apart from the gradient: value -= rate decay value
  at::Tensor mean = at::zeros_like(value), square = at::zeros_like(value);
};

/// Length of the simple moving average minus 4 and what follows from it: the factor of an adaptive step, or 0 for a plain one.
/// `step` is from 1. Adaptive from a length of 5 on, as PyTorch has it.
double radam_rectification(std::int64_t step, double beta2);

/// One step (from 1). Undefined gradients count as zero.
void radam_update(std::span<RAdamTensor> tensors, const std::vector<at::Tensor>& gradients, std::int64_t step, double rate);

}  // namespace dyad::training
