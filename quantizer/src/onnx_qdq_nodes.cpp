#include "onnx_qdq_nodes.hpp"

#include <algorithm>

namespace dyad::quantizer {
namespace {

// Element types of ONNX's Cast.
constexpr std::int64_t kFloat = 1, kUint8 = 2, kInt8 = 3;

std::vector<float> to_float(const std::vector<double>& values) { return {values.begin(), values.end()}; }

}  // namespace

std::string OnnxNodes::unused(const std::string& name) {
  std::string candidate = name;
  for (int count = 2; model_.initializers.contains(candidate) || !used_.insert(candidate).second; ++count)
    candidate = name + "#" + std::to_string(count);
  return candidate;
}

std::string OnnxNodes::add(const std::string& op, const std::string& name, std::vector<std::string> inputs,
                           std::map<std::string, network::OnnxAttribute> attributes) {
  std::string output = unused(name);
  model_.nodes.push_back({op, output, std::move(inputs), {output}, std::move(attributes)});
  return output;
}

template <typename T>
std::string OnnxNodes::constant(const std::string& name, Shape shape, const std::vector<T>& values) {
  network::RawTensor tensor = network::raw_tensor<T>(std::move(shape), std::span<const T>(values));
  for (int count = 1;; ++count) {
    std::string candidate = count == 1 ? name : name + "#" + std::to_string(count);
    if (used_.contains(candidate)) continue;
    const auto [found, added] = model_.initializers.emplace(candidate, tensor);
    if (added || found->second == tensor) return candidate;
  }
}
template std::string OnnxNodes::constant(const std::string&, Shape, const std::vector<float>&);
template std::string OnnxNodes::constant(const std::string&, Shape, const std::vector<std::int8_t>&);
template std::string OnnxNodes::constant(const std::string&, Shape, const std::vector<std::uint8_t>&);
template std::string OnnxNodes::constant(const std::string&, Shape, const std::vector<std::int32_t>&);
template std::string OnnxNodes::constant(const std::string&, Shape, const std::vector<std::int64_t>&);

std::string OnnxNodes::zero_point_of(BitWidth format, std::int64_t zero_point) {
  if (format.is_signed) return constant<std::int8_t>("zero_point_i8", {}, {static_cast<std::int8_t>(zero_point)});
  return constant<std::uint8_t>("zero_point_u8", {}, {static_cast<std::uint8_t>(zero_point)});
}

std::string OnnxNodes::quantize(const std::string& name, std::string real, double scale, BitWidth format, std::int64_t zero_point,
                                std::int64_t lowest) {
  const auto step = static_cast<float>(scale);
  const std::string scale_name = constant<float>(name + ".scale", {}, {step});
  if (!is_byte(format)) {
    real = add("Round", name + ".round", {add("Div", name + ".steps", {std::move(real), scale_name})});
    if (zero_point != 0) real = add("Add", name + ".offset", {real, scalar(static_cast<float>(zero_point))});
    if (format.bits >= 32 && lowest <= INT32_MIN) return real;
    return add("Clip", name, {real, scalar(static_cast<float>(lowest)), scalar(static_cast<float>(format.highest()))});
  }
  const BitWidth stored{8, format.is_signed};
  if (lowest == zero_point && lowest > stored.lowest() && format.highest() == stored.highest()) {
    real = add("Relu", name + ".relu", {std::move(real)});
  } else if (lowest > stored.lowest() || format.highest() < stored.highest()) {
    const auto bound = [&](std::int64_t value) { return scalar(static_cast<float>(value - zero_point) * step); };
    real = add("Clip", name + ".clip", {std::move(real), bound(lowest), bound(format.highest())});
  }
  return add("QuantizeLinear", name, {std::move(real), scale_name, zero_point_of(format, zero_point)});
}

std::string OnnxNodes::dequantize(const std::string& name, const std::string& integers, BitWidth format, const std::vector<double>& scale,
                                  std::int64_t zero_point) {
  const auto count = static_cast<std::int64_t>(scale.size());
  if (!is_byte(format)) {
    std::string whole = integers;
    if (zero_point != 0) whole = add("Sub", name + ".offset", {whole, scalar(static_cast<float>(zero_point))});
    const Shape shape = count == 1 ? Shape{} : Shape{1, count, 1, 1};
    return add("Mul", name, {whole, constant<float>(name + ".scale", shape, to_float(scale))});
  }
  const std::string scale_name = constant<float>(name + ".scale", count == 1 ? Shape{} : Shape{count}, to_float(scale));
  if (count == 1) return add("DequantizeLinear", name, {integers, scale_name, zero_point_of(format, zero_point)});
  const std::string zeros = format.is_signed
                                ? constant<std::int8_t>(name + ".zero_point", {count},
                                                        std::vector<std::int8_t>(scale.size(), static_cast<std::int8_t>(zero_point)))
                                : constant<std::uint8_t>(name + ".zero_point", {count},
                                                         std::vector<std::uint8_t>(scale.size(), static_cast<std::uint8_t>(zero_point)));
  return add("DequantizeLinear", name, {integers, scale_name, zeros}, {{"axis", std::int64_t{1}}});
}

std::string OnnxNodes::as_float(const std::string& name, const std::string& integers, BitWidth format) {
  return is_byte(format) ? add("Cast", name, {integers}, {{"to", kFloat}}) : integers;
}

std::string OnnxNodes::as_stored(const std::string& name, const std::string& whole, BitWidth format) {
  return is_byte(format) ? add("Cast", name, {whole}, {{"to", format.is_signed ? kInt8 : kUint8}}) : whole;
}

}  // namespace dyad::quantizer
