/// \file A random layer through the scalar backend, and its problem and data on a tiled machine.
#pragma once

#include <gtest/gtest.h>

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

inline accel_models::tiled::LayerData make_data(const accel_models::tiled::LayerOperands& operands,
                                                const accel_models::tiled::Problem& problem, const accel_models::tiled::Schedule& schedule,
                                                const accel_models::tiled::Machine& machine) {
  auto data = accel_models::tiled::LayerData::make(operands, problem, schedule, machine);
  if (!data) throw InternalError(data.error().place + ": " + data.error().message);
  return *std::move(data);
}

inline bool takes(const accel_models::tiled::Machine& machine, const accel_models::tiled::LayerOperands& operands) {
  const OperandBits bits = operand_bits(operands);
  return bits.weight <= machine.largest_bits() && bits.activation <= machine.largest_bits();
}

/// The problem with the layer's own bits, or sometimes with one or two more.
inline accel_models::tiled::Problem problem_of(Random& random, const accel_models::tiled::LayerOperands& operands,
                                               const accel_models::tiled::Machine& machine) {
  OperandBits bits = operand_bits(operands);
  if (random.below(4) == 0 && operands.layer->op == IntegerOp::kConv) {
    const auto largest = static_cast<int>(machine.largest_bits());
    bits.weight = std::min(bits.weight + static_cast<int>(random.below(2)), largest);
    bits.activation = std::min(bits.activation + static_cast<int>(random.below(2)), largest);
  }
  return make_problem(cost_shape(operands), bits, operands.batch(), machine);
}

inline void expect_equal(const IntegerTensor& actual, const IntegerTensor& expected) {
  ASSERT_EQ(actual.shape(), expected.shape());
  ASSERT_EQ(actual.format(), expected.format());
  for (std::int64_t i = 0; i < expected.size(); ++i) ASSERT_EQ(actual.get(i), expected.get(i)) << "element " << i;
}

}  // namespace dyad::testing_support
