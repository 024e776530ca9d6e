/// \file The two sides of a comparison: every layer's output of a float or an integer network, as doubles.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dyad/base/integer_backend.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/integer_network.hpp"

namespace dyad::workflow {

/// One layer's output for some images, (N, H, W, C); integers are exact.
using Values = std::vector<double>;

struct ComparedLayer {
  std::string name;
  Shape shape;  ///< (H, W, C) of one image
  std::string format;
  bool has_activation = false;  ///< an integer layer that cuts at zero
  bool is_accumulator = false;  ///< raw sums, whose steps differ by channel
  bool is_free = false;         ///< a float operation that integers need no layer for
  std::size_t activated = 0;    ///< float: the layer that holds this one's output behind its activation function
};

class ComparedSide {
 public:
  virtual ~ComparedSide() = default;
  virtual bool is_float() const = 0;
  /// The last one holds the logits.
  virtual const std::vector<ComparedLayer>& layers() const = 0;
  /// Every layer's output for images [begin, begin + count); may be called from many threads.
  virtual std::vector<Values> run(std::int64_t begin, std::int64_t count) const = 0;
};

/// Network, backend and images must outlive the side. Errors when images and network don't fit each other.
Result<std::unique_ptr<ComparedSide>> integer_side(const quantizer::IntegerNetwork& network, const IntegerBackend& backend,
                                                   const network::Dataset& images);
Result<std::unique_ptr<ComparedSide>> float_side(const network::Network& network, const network::Normalization& normalization,
                                                 const network::Dataset& images);

}  // namespace dyad::workflow
