/// \file An integer network as LibTorch operations: every tensor holds exact integers, requantization is dyad/base/dyadic's on int64.
///
/// The logits are those of the scalar backend bit for bit. Gradients pass straight through every rounding, times its ratio, and stop where
/// a value was saturated or cut at zero. Integers live in float32 where none, no partial sum included, can reach 2^24, else in float64.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dyad/quantizer/integer_network.hpp"
#include "torch_headers.hpp"

namespace dyad::training {

/// Integers of a convolution or fully connected layer as differentiable tensors.
struct TrainedIntegers {
  at::Tensor weight;  ///< (K, C / groups, R, S) integers within the layer's weight format
  at::Tensor bias;    ///< (K) integers
};

class IntegerForward {
 public:
  /// `network` must outlive it.
  explicit IntegerForward(const quantizer::IntegerNetwork& network);

  /// Normalized images (N, C, H, W) to the input's integers: rhe(x * float32(1 / scale)), saturated.
  at::Tensor quantize_images(const at::Tensor& images) const;
  /// int32 logits as float64 (N, classes). `trained` gives the numbers of layer i of the network to use instead of its own; empty: none do.
  using Trained = std::function<TrainedIntegers(std::size_t layer)>;
  at::Tensor forward(const at::Tensor& integers, const Trained& trained = {}) const;
  /// Real logits (N, classes) float32 of integer ones.
  at::Tensor to_real(const at::Tensor& logits) const;

 private:
  struct Layer {
    at::Tensor weight, bias;  ///< the network's own numbers, zero points subtracted; float32 or float64
    bool is_wide = false;     ///< sums are kept in float64
    bool is_wide_when_trained = false;
  };
  at::Tensor evaluate(std::size_t index, const std::vector<at::Tensor>& tensors, const Trained& trained) const;
  at::Tensor convolve(std::size_t index, const at::Tensor& input, const Trained& trained) const;

  const quantizer::IntegerNetwork& network_;
  std::vector<Layer> layers_;
  std::vector<std::vector<std::size_t>> freed_;  ///< by layer: tensors that nobody reads after it
  at::Tensor output_scales_;
};

}  // namespace dyad::training
