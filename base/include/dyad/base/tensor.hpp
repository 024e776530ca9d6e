/// \file Dense row-major tensors, channel innermost: activations (N, H, W, C), weights (K, R, S, C / groups).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad {

using Shape = std::vector<std::int64_t>;

/// Product of the extents; 1 for a scalar shape.
std::int64_t element_count(const Shape& shape);
/// "(1, 32, 32, 3)".
std::string to_string(const Shape& shape);

/// Owns its elements; the last extent varies fastest.
template <typename T>
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Shape shape) : shape_(std::move(shape)), data_(static_cast<std::size_t>(element_count(shape_))) {}
  Tensor(Shape shape, std::vector<T> data) : shape_(std::move(shape)), data_(std::move(data)) {
    DYAD_EXPECT(static_cast<std::int64_t>(data_.size()) == element_count(shape_), "data does not fill " + to_string(shape_));
  }

  const Shape& shape() const { return shape_; }
  std::int64_t extent(std::size_t axis) const { return shape_.at(axis); }
  std::int64_t size() const { return static_cast<std::int64_t>(data_.size()); }
  bool empty() const { return data_.empty(); }
  std::span<T> values() { return data_; }
  std::span<const T> values() const { return data_; }
  T* data() { return data_.data(); }
  const T* data() const { return data_.data(); }
  T& operator[](std::int64_t index) { return data_[static_cast<std::size_t>(index)]; }
  const T& operator[](std::int64_t index) const { return data_[static_cast<std::size_t>(index)]; }
  /// The same elements under another shape of equal size.
  Tensor reshaped(Shape shape) && { return Tensor(std::move(shape), std::move(data_)); }
  bool operator==(const Tensor&) const = default;

 private:
  Shape shape_;
  std::vector<T> data_;
};

}  // namespace dyad
