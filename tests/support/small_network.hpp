/// \file A small residual network and images made from a seed, for tests of whole workflows that must stay quick.
#pragma once

#include <cstdint>

#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"

namespace dyad::testing_support {

/// 8 x 8 x 3 images; conv 3x3 to 6, a residual block of two 3x3 convolutions, conv 3x3 stride 2 to 8, average, linear to 5.
/// Weights are normal, scaled to keep activations' size.
network::Network small_residual_network(std::uint64_t seed);

/// Random u8 images with spatial structure; every label is the class that `net` gives the image in float32.
network::Dataset images_labelled_by(const network::Network& net, const network::Normalization& normalization, std::int64_t count,
                                    std::uint64_t seed);

}  // namespace dyad::testing_support
