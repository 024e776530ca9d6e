/// \file A layer, and the addition behind it, through the scalar backend.
#pragma once

#include <utility>
#include <vector>

#include "dyad/kernels/backends.hpp"
#include "support/random_tiled.hpp"

namespace dyad::testing_support {

inline IntegerTensor run_scalar(const IntegerLayer& layer, const std::vector<const IntegerTensor*>& inputs) {
  const LayerShape& s = layer.shape;
  IntegerTensor output({inputs[0]->shape()[0], s.out_h, s.out_w, s.out_channels}, layer.output);
  const auto prepared = kernels::make_scalar_backend()->prepare(layer);
  if (!prepared) throw InternalError(prepared.error().place + ": " + prepared.error().message);
  (*prepared)->run(inputs, output);
  return output;
}

inline IntegerTensor run_scalar(const TiledCase& one) {
  const auto operands = one.operands();
  IntegerTensor result = run_scalar(one.layer, operands.inputs);
  if (!one.adds) return result;
  std::vector<const IntegerTensor*> inputs{&result, &one.other};
  if (one.addition_operand == 1) std::swap(inputs[0], inputs[1]);
  return run_scalar(one.addition, inputs);
}

}  // namespace dyad::testing_support
