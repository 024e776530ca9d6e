/// \file `dyad quantize`: a float network and calibration images become an integer network and what it lost.
#pragma once

#include "dyad/base/bits.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"
#include "dyad/quantizer/integer_network.hpp"
#include "dyad/quantizer/post_training.hpp"

namespace dyad::workflow {

struct Quantized {
  quantizer::IntegerNetwork network;
  /// Schema dyad.quantization/1: layers[].{name, w_bits, a_bits, mse}; mse is the mean squared error of a weight.
  OrderedJson document;
};

/// Makes the integer network at these bits and measures each layer's weight error.
Result<Quantized> quantize(const quantizer::CalibratedNetwork& calibrated, const BitAssignment& assignment);

}  // namespace dyad::workflow
