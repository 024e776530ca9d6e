/// \file Single layers as users write them on the command line.
#pragma once

#include <optional>
#include <string_view>

#include "dyad/base/layer_shape.hpp"
#include "dyad/base/result.hpp"

namespace dyad::workflow {

/// A layer and, where the text says it, the images of a batch.
struct RequestedLayer {
  LayerShape shape;
  std::optional<int> batch;
};

/// "M,N,K": an (M x K) by (K x N) product, batch 1.
Result<RequestedLayer> parse_gemm(std::string_view text);
/// "kernel=3,output=56,stride=1,in=64,out=64,groups=1,batch=16"; output is height and width. Needed: kernel, output, in, out; stride and
/// groups default to 1, batch to the accelerator's. The input is output * stride wide, padded by max(0, kernel - stride).
Result<RequestedLayer> parse_conv(std::string_view text);

}  // namespace dyad::workflow
