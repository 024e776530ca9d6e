/// \file Interface of activation range observers; calibration/ranges implements it, the quantizer uses it.
#pragma once

#include <memory>
#include <span>

#include "dyad/base/bits.hpp"

namespace dyad {

/// The real interval that an integer format shall cover; lowest <= 0 <= highest.
struct Range {
  float lowest = 0;
  float highest = 0;
};

/// Sees the values of one tensor batch by batch and proposes its range.
class RangeObserver {
 public:
  virtual ~RangeObserver() = default;
  virtual void observe(std::span<const float> values) = 0;
  /// The range for integers of `format`; asking again for another format is allowed.
  virtual Range range(BitWidth format) const = 0;
};

}  // namespace dyad
