// Float convolution of a batch without im2col: each output row is cut into tiles, whose pixels are found through pointers.
#pragma once

#include <memory>
#include <span>

#include "convolution_kernels.hpp"
#include "dyad/base/layer_shape.hpp"
#include "dyad/base/tensor.hpp"

namespace dyad::network {

/// A convolution whose weights lie in the kernels' order. Separate threads may run it at once.
class PackedConvolution {
 public:
  /// weight (K, R, S, C / groups), R and S those of the window; bias K, or empty for zero. Both are copied.
  PackedConvolution(const ConvolutionKernels& kernels, const Window& window, int groups, const Tensor<float>& weight,
                    std::span<const float> bias);
  ~PackedConvolution();
  PackedConvolution(PackedConvolution&&) noexcept;

  /// out (N, OH, OW, K) from x (N, H, W, C); `out` has its shape already, and every element is written.
  void run(const Tensor<float>& x, Tensor<float>& out) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace dyad::network
