/// \file One layer of an integer network: geometry, formats, weights and requantization. All backends run this.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/dyadic.hpp"
#include "dyad/base/layer_shape.hpp"
#include "dyad/base/level_set.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"

namespace dyad {

/// Element types of stored activations; the smallest that holds a format.
enum class Storage { kInt8, kUint8, kInt16, kInt32 };
Storage storage_for(BitWidth format);
std::size_t element_bytes(Storage storage);

/// Activations (N, H, W, C) in the storage of their format. Values are exact integers.
class IntegerTensor {
 public:
  IntegerTensor() = default;
  IntegerTensor(Shape shape, BitWidth format);
  /// Becomes a tensor of that shape and format; memory is kept for reuse and the values are unspecified.
  void reset(const Shape& shape, BitWidth format);

  const Shape& shape() const { return shape_; }
  BitWidth format() const { return format_; }
  Storage storage() const { return storage_for(format_); }
  std::int64_t size() const { return size_; }
  /// Elements as T, which must be the type of storage(): std::int8_t, std::uint8_t, std::int16_t or std::int32_t.
  template <typename T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(bytes_.data()), static_cast<std::size_t>(size_)};
  }
  template <typename T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes_.data()), static_cast<std::size_t>(size_)};
  }
  /// Calls `visit(std::span<T>)` with the type of storage().
  template <typename Visitor>
  decltype(auto) visit(Visitor&& visitor);
  template <typename Visitor>
  decltype(auto) visit(Visitor&& visitor) const;
  std::int32_t get(std::int64_t index) const;
  void set(std::int64_t index, std::int32_t value);

 private:
  Shape shape_;
  BitWidth format_;
  std::int64_t size_ = 0;
  std::vector<std::uint8_t> bytes_;
};

template <typename Visitor>
decltype(auto) IntegerTensor::visit(Visitor&& visitor) {
  switch (storage()) {
    case Storage::kInt8: return visitor(as<std::int8_t>());
    case Storage::kUint8: return visitor(as<std::uint8_t>());
    case Storage::kInt16: return visitor(as<std::int16_t>());
    default: return visitor(as<std::int32_t>());
  }
}
template <typename Visitor>
decltype(auto) IntegerTensor::visit(Visitor&& visitor) const {
  switch (storage()) {
    case Storage::kInt8: return visitor(as<std::int8_t>());
    case Storage::kUint8: return visitor(as<std::uint8_t>());
    case Storage::kInt16: return visitor(as<std::int16_t>());
    default: return visitor(as<std::int32_t>());
  }
}

/// Accumulator to output. One ratio for the tensor, or one per output channel.
struct Requantization {
  std::vector<Dyadic> ratios;         ///< size 1 or channels
  std::vector<float> float32_scales;  ///< Rounding::kFloat32Scale only: size 1 or channels
  Rounding rounding = Rounding::kHalfUp;
  std::int32_t zero_point = 0;
  /// What the rounding of a bias to whole accumulator steps left: added to acc * multiplier. One for each ratio, |offset| <= 2^30; empty:
  /// none. With kHalfUp and kFloor only.
  std::vector<std::int32_t> offsets = {};

  Dyadic ratio(std::int64_t channel) const { return ratios[ratios.size() == 1 ? 0 : static_cast<std::size_t>(channel)]; }
  /// round(acc * ratio) + zero_point, not clamped; with offsets round((acc * multiplier + offset) / 2^shift) + zero_point.
  std::int64_t apply(std::int32_t acc, std::int64_t channel) const {
    if (rounding == Rounding::kFloat32Scale)
      return round_float32_scale(acc, float32_scales[float32_scales.size() == 1 ? 0 : static_cast<std::size_t>(channel)]) + zero_point;
    const Dyadic r = ratio(channel);
    if (!offsets.empty())
      return round_shift(std::int64_t{acc} * r.multiplier + offsets[ratios.size() == 1 ? 0 : static_cast<std::size_t>(channel)], r.shift,
                         rounding) +
             zero_point;
    return round_multiply(acc, r.multiplier, r.shift, rounding) + zero_point;
  }
  bool operator==(const Requantization&) const = default;
};

/// What an integer layer computes from its inputs.
enum class IntegerOp {
  kConv,         ///< weights (K, R, S, C / groups); also linear layers (1 x 1 window on 1 x 1 input)
  kAdd,          ///< sum of two inputs, each through its own Requantization
  kConcat,       ///< channel concatenation, each input through its own Requantization
  kRequantize,   ///< one input through one Requantization
  kMaxPool,      ///< over the window; padding never wins
  kAveragePool,  ///< integer average over the window, padding counted when count_include_pad
  kSubsample,    ///< strides of the window, kernel 1, and channel_pad_* zero channels (ResNet's option A shortcut)
  kFlatten,      ///< (N, H, W, C) to (N, 1, 1, H W C)
};
std::string_view to_string(IntegerOp op);
std::optional<IntegerOp> integer_op_from_name(std::string_view name);

/// One layer of an integer network.
///
/// kConv: acc = bias[k] + sum a * w - weight_zero_point[k] * sum a, over the window; positions outside the input
/// read `input_zero_point`. Without `requantize` the accumulator itself is the output (int32).
/// Otherwise the output is requantization.apply(acc), then clamp to `output`. With `relu`, the lower bound is
/// max(lowest, requantization zero point).
/// kAdd's sum is clamped to `output`; with output 32 bits signed it is HAWQ-V3's unclamped sum. Its zero point is the sum of
/// both requantizations' (give one of them 0). kConcat's ratios are indexed by the channel of the input they belong to.
/// Pools, kSubsample and kFlatten have no requantization and no relu; padding of kAveragePool and of kSubsample's channels
/// is `input_zero_point`. Every result is clamped to `output`.
///
/// Level sets (docs/quantizer/apot.md): with `output_levels` not uniform, kConv, kConcat and kRequantize decide for the nearest level.
/// Their requantizations round kFloor with zero point 0 to half steps of a level, g; the output is level_table(...).level(g), after
/// max(g, 0) with `relu`, and `output` is level_format(...). Pools that choose, kSubsample and kFlatten pass levels on. With
/// `weight_levels` not uniform every weight is a level with its sign, so a product is that many shifted copies of the activation;
/// arithmetic is the same.
struct IntegerLayer {
  std::string name;
  IntegerOp op = IntegerOp::kConv;
  LayerShape shape;
  std::vector<BitWidth> inputs;  ///< format of each input
  BitWidth output;
  bool relu = false;
  std::vector<LevelSet> input_levels;  ///< of each input's values; empty: all uniform
  LevelSet output_levels;              ///< of the output's values

  LevelSet weight_levels;
  BitWidth weight_bits;                          ///< of a weight's code: 1 + magnitude bits where weights are levels
  Tensor<std::int8_t> weights;                   ///< (K, R, S, C / groups)
  std::vector<std::int32_t> bias;                ///< K, or empty for zero
  std::vector<std::int32_t> weight_zero_points;  ///< K, 1 or empty for zero
  std::int32_t input_zero_point = 0;             ///< value of padding; already folded into the bias for in-range positions

  bool requantize = true;
  std::vector<Requantization> requantizations;  ///< one; kAdd, kConcat: one per input

  AverageRounding average_rounding = AverageRounding::kHalfUp;
  bool count_include_pad = false;
  int channel_pad_before = 0, channel_pad_after = 0;  ///< kSubsample
};

}  // namespace dyad
