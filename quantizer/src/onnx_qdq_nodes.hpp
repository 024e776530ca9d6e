/// \file The ONNX nodes and initializers that an integer network becomes: a small vocabulary over OnnxModel.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/network/onnx_model.hpp"

namespace dyad::quantizer {

/// Adds nodes and constants to a model. Every value gets the name of its node; names are made unique.
class OnnxNodes {
 public:
  explicit OnnxNodes(network::OnnxModel& model) : model_(model) {}

  /// One node with one output, which is returned.
  std::string add(const std::string& op, const std::string& name, std::vector<std::string> inputs,
                  std::map<std::string, network::OnnxAttribute> attributes = {});
  /// An initializer, which is returned; the same content has one initializer.
  template <typename T>
  std::string constant(const std::string& name, Shape shape, const std::vector<T>& values);
  std::string scalar(float value) { return constant<float>("scalar", {}, {value}); }

  /// Real values to integers of `format` with steps of `scale`, at most `highest` and at least `lowest`: int8 or uint8 behind
  /// QuantizeLinear, or whole numbers in float32 when the format has more than 8 bits.
  std::string quantize(const std::string& name, std::string real, double scale, BitWidth format, std::int64_t zero_point,
                       std::int64_t lowest);
  /// Integers back to real values: (q - zero_point) * scale, one scale or one a channel.
  std::string dequantize(const std::string& name, const std::string& integers, BitWidth format, const std::vector<double>& scale,
                         std::int64_t zero_point);
  /// The integers as float32, and whole float32 numbers as the storage of `format`.
  std::string as_float(const std::string& name, const std::string& integers, BitWidth format);
  std::string as_stored(const std::string& name, const std::string& whole, BitWidth format);

 private:
  std::string unused(const std::string& name);
  std::string zero_point_of(BitWidth format, std::int64_t zero_point);
  network::OnnxModel& model_;
  std::set<std::string> used_;  ///< names of values
};

/// A format that int8 or uint8 stores.
inline bool is_byte(BitWidth format) { return format.bits <= 8; }

}  // namespace dyad::quantizer
