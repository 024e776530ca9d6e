/// \file A real value of one step for every tensor of an integer network, recovered from the ratios between them.
#pragma once

#include <vector>

#include "dyad/quantizer/integer_network.hpp"

namespace dyad::quantizer {

/// By tensor index. An integer network knows ratios only: the input's step and the logits' are given; steps that no addition,
/// concatenation, requantization or pooling ties to these are free and are the power of two that puts the format's largest value just
/// below 1. Raw accumulators have no step of their own here: 0.
std::vector<double> tensor_scales(const IntegerNetwork& network);

/// The real ratio of `requantization` for a channel.
double real_ratio(const Requantization& requantization, std::size_t channel);
/// 1 or one a channel.
std::size_t ratio_count(const Requantization& requantization);

}  // namespace dyad::quantizer
