/// \file Runs an integer network on a backend, layer by layer, images in parallel.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dyad/base/integer_backend.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/quantizer/integer_network.hpp"

namespace dyad::kernels {

/// Makes `scalar` and `cpu` (dyad/kernels/backends.hpp) known to the registry; further calls do nothing.
void register_cpu_backends();

/// An integer network prepared for one backend. The network must outlive it; the backend need not.
class Executor {
 public:
  /// An Error names the layer whose inputs don't fit the tensors they read, or that the backend refuses.
  static Result<Executor> create(const quantizer::IntegerNetwork& network, const IntegerBackend& backend);
  Executor(Executor&&) noexcept;
  ~Executor();

  /// int32 logits (N, classes) of u8 images (N, H, W, C), on all threads; the result does not depend on their number.
  Tensor<std::int32_t> run(const Tensor<std::uint8_t>& images) const;
  /// Every layer's output for one batch, in layer order (for `compare` and tests). Runs on the calling thread.
  std::vector<IntegerTensor> run_all(const Tensor<std::uint8_t>& images) const;

 private:
  struct State;
  explicit Executor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dyad::kernels
