/// \file The Verilated modules as an implementation of vector files.
#pragma once

#include "dyad/workflow/vectors.hpp"

namespace dyad::tools {

/// "rtl": dyadic_requantizer (requantize, concat), residual_adder, average_divider, in the five integer roundings and the four of
/// averages. It doesn't have a file with an average outside the sums that the divider is for (docs/rtl/average_divider.md); that is said on
/// stderr.
workflow::VectorImplementation rtl_vector_implementation();

}  // namespace dyad::tools
