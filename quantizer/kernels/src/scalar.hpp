/// \file The scalar loops: each is the definition in base/integer_layer.hpp written down, for tensors already checked.
#pragma once

#include <span>

#include "dyad/base/integer_layer.hpp"

namespace dyad::kernels {

void scalar_conv(const IntegerLayer& layer, const IntegerTensor& input, IntegerTensor& output);

}  // namespace dyad::kernels
