#include "dyad/quantizer/onnx_qdq.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "dyad/base/json.hpp"
#include "dyad/network/metadata.hpp"
#include "onnx_qdq_nodes.hpp"
#include "raw_layout.hpp"
#include "tensor_scales.hpp"

namespace dyad::quantizer {
namespace {

using network::OnnxModel;
using network::RawSafetensors;

constexpr const char* kDocumentKey = "dyad";         ///< as in a .dyad file
constexpr const char* kTensorsKey = "dyad.tensors";  ///< what no initializer holds
constexpr const char* kInputName = "image";
constexpr const char* kOutputName = "logits";
// Ratios of scales are 31-bit mantissas: scales that differ by less are the same.
constexpr double kSameScale = 1e-6;

class QdqWriter {
 public:
  QdqWriter(const IntegerNetwork& network, OnnxModel& model)
      : net_(network), nodes_(model), model_(model), scales_(tensor_scales(network)), values_(network.layers.size() + 1) {}

  Result<void> run() {
    values_[0] = nodes_.quantize("input", kInputName, scales_[0], net_.input.format, 0, net_.input.format.lowest());
    for (std::size_t i = 0; i < net_.layers.size(); ++i) DYAD_CHECK(add_layer(i));
    finish();
    if (clash_.empty()) return {};
    return Error{net_.name + ":/" + clash_, "another tensor of the file would have the name '" + clash_ + "'", "rename the layer"};
  }

 private:
  const IntegerLayer& layer(std::size_t index) const { return net_.layers[index]; }
  std::size_t source(std::size_t index, std::size_t argument) const { return static_cast<std::size_t>(net_.inputs[index][argument]); }
  BitWidth format(std::size_t tensor) const { return tensor == 0 ? net_.input.format : layer(tensor - 1).output; }
  const std::string& tensor_name(std::size_t tensor) const {
    static const std::string input = "input";
    return tensor == 0 ? input : layer(tensor - 1).name;
  }
  bool is_last(std::size_t index) const { return index + 1 == net_.layers.size(); }

  Result<void> add_layer(std::size_t index) {
    switch (layer(index).op) {
      case IntegerOp::kConv: add_conv(index); return {};
      case IntegerOp::kAdd: add_addition(index); return {};
      case IntegerOp::kConcat: add_concatenation(index); return {};
      case IntegerOp::kRequantize: write(index, rescaled(index, 0)); return {};
      case IntegerOp::kMaxPool: add_max_pool(index); return {};
      case IntegerOp::kAveragePool: return add_average_pool(index);
      case IntegerOp::kSubsample: add_subsample(index); return {};
      default: add_flatten(index); return {};
    }
  }

  // Real values of `tensor` as (q - zero_point) * scale, one scale or one a channel; each kind once.
  std::string real(std::size_t tensor, const std::vector<double>& scale, std::int64_t zero_point) {
    if (const auto found = accumulator_scales_.find(tensor); found != accumulator_scales_.end()) {
      // The convolution's own real output, on another scale when a second reader wants one.
      const std::vector<double>& made = found->second;
      std::vector<float> factor(std::max(made.size(), scale.size()));
      bool same = true;
      for (std::size_t c = 0; c < factor.size(); ++c) {
        const double ratio = scale[scale.size() == 1 ? 0 : c] / made[made.size() == 1 ? 0 : c];
        same = same && std::fabs(ratio - 1) < kSameScale;
        factor[c] = static_cast<float>(ratio);
      }
      if (same) return values_[tensor];
      const auto channels = static_cast<std::int64_t>(factor.size());
      const std::string factors = nodes_.constant<float>(tensor_name(tensor) + ".factor", {1, channels, 1, 1}, factor);
      return nodes_.add("Mul", tensor_name(tensor) + ".rescaled", {values_[tensor], factors});
    }
    std::vector<double> exact = scale;
    if (exact.size() == 1 && scales_[tensor] > 0 && std::fabs(exact[0] / scales_[tensor] - 1) < kSameScale) exact[0] = scales_[tensor];
    for (const Dequantized& known : dequantized_)
      if (known.tensor == tensor && known.scale == exact && known.zero_point == zero_point) return known.name;
    std::string name = nodes_.dequantize(tensor_name(tensor) + ".real", values_[tensor], format(tensor), exact, zero_point);
    dequantized_.push_back({tensor, exact, zero_point, name});
    return name;
  }

  // Operand `argument` of a layer in real values such that one step of the output is its scale.
  std::string rescaled(std::size_t index, std::size_t argument) {
    const Requantization& r = layer(index).requantizations[argument];
    std::vector<double> scale(ratio_count(r));
    for (std::size_t c = 0; c < scale.size(); ++c) scale[c] = real_ratio(r, c) * scales_[index + 1];
    return real(source(index, argument), scale, 0);
  }

  // Real values become the integers of the layer's output.
  void write(std::size_t index, const std::string& real_value) {
    const IntegerLayer& l = layer(index);
    std::int64_t zero_point = 0;
    for (const Requantization& r : l.requantizations) zero_point += l.op == IntegerOp::kConcat ? 0 : r.zero_point;
    if (l.op == IntegerOp::kConcat) zero_point = l.requantizations[0].zero_point;
    const std::int64_t lowest = l.relu ? std::max(l.output.lowest(), zero_point) : l.output.lowest();
    values_[index + 1] = nodes_.quantize(l.name + ".q", real_value, scales_[index + 1], l.output, zero_point, lowest);
  }

  static std::map<std::string, network::OnnxAttribute> window_attributes(const Window& w, bool dilations) {
    std::map<std::string, network::OnnxAttribute> attributes{
        {"kernel_shape", std::vector<std::int64_t>{w.kernel_h, w.kernel_w}},
        {"strides", std::vector<std::int64_t>{w.stride_h, w.stride_w}},
        {"pads", std::vector<std::int64_t>{w.pad_top, w.pad_left, w.pad_bottom, w.pad_right}}};
    if (dilations) attributes["dilations"] = std::vector<std::int64_t>{w.dilation_h, w.dilation_w};
    return attributes;
  }

  // Steps of the accumulators that a reader wants: those with which the first addition that reads them adds.
  std::vector<double> wanted_accumulator_scale(std::size_t index) const {
    for (std::size_t i = index + 1; i < net_.layers.size(); ++i)
      for (std::size_t j = 0; j < net_.inputs[i].size(); ++j) {
        if (source(i, j) != index + 1 || layer(i).requantizations.size() <= j) continue;
        const Requantization& r = layer(i).requantizations[j];
        std::vector<double> scale(ratio_count(r));
        for (std::size_t c = 0; c < scale.size(); ++c) scale[c] = real_ratio(r, c) * scales_[i + 1];
        return scale;
      }
    return net_.output_scales;
  }

  void add_conv(std::size_t index) {
    const IntegerLayer& l = layer(index);
    const LayerShape& s = l.shape;
    const std::size_t in = source(index, 0);
    const auto channels = static_cast<std::size_t>(s.out_channels);
    const double scale_in = scales_[in];
    std::vector<double> out_scale;  // of the raw sums, or of the output
    if (l.requantize) {
      out_scale = {scales_[index + 1] > 0 ? scales_[index + 1] : 1.0};
      if (is_last(index) && net_.output_scales.size() > 1) out_scale = net_.output_scales;
    } else {
      out_scale = wanted_accumulator_scale(index);
    }
    std::vector<float> weight_scale(channels), bias_scale(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      const double out = out_scale[out_scale.size() == 1 ? 0 : c];
      const double product = l.requantize ? real_ratio(l.requantizations[0], c) * out : out;
      weight_scale[c] = static_cast<float>(product / scale_in);
      bias_scale[c] = static_cast<float>(product);
    }
    const bool linear = s.kind == LayerKind::kLinear;
    const std::string weights = dequantized_weights(index, weight_scale, linear);
    std::string input = real(in, {scale_in}, l.input_zero_point);
    const std::vector<std::int32_t> bias = centred_bias(l);
    std::vector<std::string> inputs;
    if (linear) input = nodes_.add("Flatten", l.name + ".flat", {input}, {{"axis", std::int64_t{1}}});
    inputs = {input, weights};
    if (!bias.empty()) {
      const std::string values = nodes_.constant<std::int32_t>(l.name + ".bias", {s.out_channels}, bias);
      const std::string steps = nodes_.constant<float>(l.name + ".bias_scale", {s.out_channels}, bias_scale);
      inputs.push_back(nodes_.add("DequantizeLinear", l.name + ".bias.real", {values, steps}, {{"axis", std::int64_t{0}}}));
    }
    std::string sums;
    if (linear) {
      sums = nodes_.add("Gemm", l.name, std::move(inputs), {{"transB", std::int64_t{1}}});
      const std::string shape = nodes_.constant<std::int64_t>(l.name + ".shape", {4}, {-1, s.out_channels, 1, 1});
      sums = nodes_.add("Reshape", l.name + ".as_image", {sums, shape});
    } else {
      auto attributes = window_attributes(s.window, true);
      attributes["group"] = std::int64_t{s.groups};
      sums = nodes_.add("Conv", l.name, std::move(inputs), std::move(attributes));
    }
    if (l.requantize && out_scale.size() == 1) {
      write(index, sums);
    } else {
      values_[index + 1] = l.relu ? nodes_.add("Relu", l.name + ".relu", {sums}) : sums;
      accumulator_scales_[index + 1] = out_scale;
    }
  }

  std::string dequantized_weights(std::size_t index, const std::vector<float>& scale, bool linear) {
    const IntegerLayer& l = layer(index);
    const std::vector<std::int8_t> values = channels_first(l.weights);
    const Shape& krsc = l.weights.shape();
    const Shape shape = linear ? Shape{krsc[0], krsc[1] * krsc[2] * krsc[3]} : Shape{krsc[0], krsc[3], krsc[1], krsc[2]};
    const std::string integers = nodes_.constant<std::int8_t>(weight_name(l), shape, values);
    if (integers != weight_name(l)) clash_ = integers;
    const std::string scales = nodes_.constant<float>(l.name + ".weight_scale", {krsc[0]}, scale);
    std::vector<std::int8_t> zeros(scale.size(), 0);
    for (std::size_t c = 0; c < zeros.size() && !l.weight_zero_points.empty(); ++c)
      zeros[c] = static_cast<std::int8_t>(l.weight_zero_points[l.weight_zero_points.size() == 1 ? 0 : c]);
    const std::string points = nodes_.constant<std::int8_t>(l.name + ".weight_zero_point", {krsc[0]}, zeros);
    return nodes_.add("DequantizeLinear", l.name + ".weight.real", {integers, scales, points}, {{"axis", std::int64_t{0}}});
  }

  // The bias when the input's zero point is subtracted from the activations instead of being folded into it.
  static std::vector<std::int32_t> centred_bias(const IntegerLayer& l) {
    if (l.input_zero_point == 0) return l.bias;
    std::vector<std::int32_t> bias(static_cast<std::size_t>(l.shape.out_channels), 0);
    const std::int64_t taps = l.shape.reduction();
    for (std::size_t k = 0; k < bias.size(); ++k) {
      std::int64_t sum = 0;
      const std::size_t points = l.weight_zero_points.size();
      const std::int64_t zero = points == 0 ? 0 : l.weight_zero_points[points == 1 ? 0 : k];
      for (std::int64_t i = 0; i < taps; ++i) sum += l.weights[static_cast<std::int64_t>(k) * taps + i] - zero;
      bias[k] = static_cast<std::int32_t>((l.bias.empty() ? 0 : l.bias[k]) + l.input_zero_point * sum);
    }
    return bias;
  }

  // Each operand is rounded to steps of the sum before it is added, as the integers are.
  void add_addition(std::size_t index) {
    const IntegerLayer& l = layer(index);
    const std::string step = nodes_.constant<float>(l.name + ".scale", {}, {static_cast<float>(scales_[index + 1])});
    std::vector<std::string> steps;
    for (std::size_t j = 0; j < 2; ++j) {
      const std::string suffix = std::to_string(j);
      steps.push_back(
          nodes_.add("Round", l.name + ".round" + suffix, {nodes_.add("Div", l.name + ".steps" + suffix, {rescaled(index, j), step})}));
    }
    const std::string sum = nodes_.add("Add", l.name, steps);
    write(index, nodes_.add("Mul", l.name + ".sum", {sum, step}));
  }

  void add_concatenation(std::size_t index) {
    std::vector<std::string> parts;
    for (std::size_t j = 0; j < net_.inputs[index].size(); ++j) parts.push_back(rescaled(index, j));
    write(index, nodes_.add("Concat", layer(index).name, parts, {{"axis", std::int64_t{1}}}));
  }

  void add_max_pool(std::size_t index) {
    const IntegerLayer& l = layer(index);
    values_[index + 1] = nodes_.add("MaxPool", l.name, {values_[source(index, 0)]}, window_attributes(l.shape.window, true));
  }

  // Sums of integers and their quotient by the window's area, moved by less than a step of 1 / area so that float32 decides as integers do.
  Result<void> add_average_pool(std::size_t index) {
    const IntegerLayer& l = layer(index);
    const Window& w = l.shape.window;
    const bool padded = w.pad_top > 0 || w.pad_left > 0 || w.pad_bottom > 0 || w.pad_right > 0;
    if (padded && l.count_include_pad && l.input_zero_point != 0)
      return Error{net_.name + ":/" + l.name, "layer '" + l.name + "': its padding counts and is not zero", "ONNX pads with zero only"};
    if (w.dilation_h != 1 || w.dilation_w != 1)
      return Error{net_.name + ":/" + l.name, "layer '" + l.name + "': a dilated average pooling has no form before opset 19",
                   "use dilation 1"};
    auto attributes = window_attributes(w, false);
    attributes["count_include_pad"] = std::int64_t{l.count_include_pad ? 1 : 0};
    const std::string whole = nodes_.as_float(l.name + ".whole", values_[source(index, 0)], l.inputs[0]);
    std::string mean = nodes_.add("AveragePool", l.name, {whole}, attributes);
    const float nudge = 0.25f / static_cast<float>(w.kernel_h * w.kernel_w);
    const auto plus = [&](const std::string& value, float amount) {
      return nodes_.add("Add", l.name + ".moved", {value, nodes_.scalar(amount)});
    };
    const auto floor = [&](const std::string& value) { return nodes_.add("Floor", l.name + ".floor", {value}); };
    const auto of_magnitude = [&](const std::string& value, float amount) {
      const std::string magnitude = floor(plus(nodes_.add("Abs", l.name + ".magnitude", {value}), amount));
      return nodes_.add("Mul", l.name + ".signed", {magnitude, nodes_.add("Sign", l.name + ".sign", {value})});
    };
    switch (l.average_rounding) {
      case AverageRounding::kHalfUp: mean = floor(plus(mean, 0.5f + nudge)); break;
      case AverageRounding::kFloor: mean = floor(plus(mean, nudge)); break;
      case AverageRounding::kHalfAway: mean = of_magnitude(mean, 0.5f + nudge); break;
      default: mean = of_magnitude(plus(mean, 0.01f), 0); break;
    }
    values_[index + 1] = nodes_.as_stored(l.name + ".q", mean, l.output);
    return {};
  }

  void add_subsample(std::size_t index) {
    const IntegerLayer& l = layer(index);
    std::string value = values_[source(index, 0)];
    const auto list = [&](const char* name, std::vector<std::int64_t> values) {
      const auto count = static_cast<std::int64_t>(values.size());
      return nodes_.constant<std::int64_t>(l.name + name, {count}, values);
    };
    if (l.shape.window.stride_h != 1 || l.shape.window.stride_w != 1)
      value = nodes_.add("Slice", l.name,
                         {value, list(".starts", {0, 0}), list(".ends", {INT32_MAX, INT32_MAX}), list(".axes", {2, 3}),
                          list(".steps", {l.shape.window.stride_h, l.shape.window.stride_w})});
    if (l.channel_pad_before != 0 || l.channel_pad_after != 0) {
      const std::string pads = list(".pads", {0, l.channel_pad_before, 0, 0, 0, l.channel_pad_after, 0, 0});
      std::string fill;
      if (!is_byte(l.output)) {
        fill = nodes_.scalar(static_cast<float>(l.input_zero_point));
      } else if (l.output.is_signed) {
        fill = nodes_.constant<std::int8_t>("fill_i8", {}, {static_cast<std::int8_t>(l.input_zero_point)});
      } else {
        fill = nodes_.constant<std::uint8_t>("fill_u8", {}, {static_cast<std::uint8_t>(l.input_zero_point)});
      }
      value = nodes_.add("Pad", l.name + ".pad", {value, pads, fill});
    }
    values_[index + 1] = value;
  }

  // (N, H, W, C) order, as the integers are flattened.
  void add_flatten(std::size_t index) {
    const IntegerLayer& l = layer(index);
    std::string value = values_[source(index, 0)];
    if (l.shape.in_h * l.shape.in_w > 1)
      value = nodes_.add("Transpose", l.name + ".channels_last", {value}, {{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}});
    const std::string shape = nodes_.constant<std::int64_t>(l.name + ".shape", {4}, {-1, l.shape.out_channels, 1, 1});
    values_[index + 1] = nodes_.add("Reshape", l.name, {value, shape});
  }

  void finish() {
    const std::size_t last = net_.layers.size();
    std::string value = values_[last];
    if (!accumulator_scales_.contains(last)) value = real(last, net_.output_scales, 0);
    const std::string shape = nodes_.constant<std::int64_t>(std::string(kOutputName) + ".shape", {2}, {-1, net_.classes()});
    model_.nodes.push_back({"Reshape", kOutputName, {value, shape}, {kOutputName}, {}});
  }

  struct Dequantized {
    std::size_t tensor;
    std::vector<double> scale;
    std::int64_t zero_point;
    std::string name;
  };

  const IntegerNetwork& net_;
  OnnxNodes nodes_;
  OnnxModel& model_;
  std::vector<double> scales_;
  std::vector<std::string> values_;  ///< by tensor: the value that holds its integers, or the real sums of an accumulator
  std::map<std::size_t, std::vector<double>> accumulator_scales_;
  std::vector<Dequantized> dequantized_;
  std::string clash_;  ///< weights that could not get their name
};

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> from_hex(const std::string& text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int value = 0;
    for (const char digit : {text[i], text[i + 1]}) {
      const bool decimal = digit >= '0' && digit <= '9';
      if (!decimal && !(digit >= 'a' && digit <= 'f')) return std::nullopt;
      value = value * 16 + (decimal ? digit - '0' : digit - 'a' + 10);
    }
    bytes.push_back(static_cast<std::uint8_t>(value));
  }
  return bytes;
}

// Everything of a .dyad file but weights: {"name": {"dtype", "shape", "hex"}}.
std::string tensors_document(const RawSafetensors& content) {
  OrderedJson document = OrderedJson::object();
  for (const auto& [name, tensor] : content.tensors)
    if (!is_weight_tensor(name)) document[name] = OrderedJson{{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"hex", hex(tensor.bytes)}};
  return document.dump();
}

Result<network::RawTensor> read_tensor(const JsonReader& reader) {
  network::RawTensor tensor;
  DYAD_TRY(tensor.dtype, reader.string("dtype"));
  DYAD_TRY(const JsonReader shape, reader.member("shape"));
  DYAD_TRY(const std::vector<JsonReader> extents, shape.elements());
  const auto width = network::dtype_bytes(tensor.dtype);
  if (!width) return reader.error("'" + tensor.dtype + "' is no element type", "the file is damaged");
  std::size_t bytes = *width;
  for (const JsonReader& extent : extents) {
    DYAD_TRY(const std::int64_t value, extent.integer(0, INT32_MAX));
    tensor.shape.push_back(value);
    bytes *= static_cast<std::size_t>(value);
  }
  DYAD_TRY(const std::string text, reader.string("hex"));
  DYAD_CHECK(reader.finish());
  auto decoded = from_hex(text);
  if (!decoded || decoded->size() != bytes) return reader.error("the bytes do not fill the shape", "the file is damaged");
  tensor.bytes = std::move(*decoded);
  return tensor;
}

}  // namespace

Result<OnnxModel> to_onnx(const IntegerNetwork& network) {
  DYAD_CHECK(validate(network, network.name));
  DYAD_CHECK(check_unique_names(network));
  DYAD_CHECK(check_plain_integers(network, "ONNX"));
  OnnxModel model;
  model.name = network.name;
  model.input = kInputName;
  model.output = kOutputName;
  model.channels = network.input.channels;
  model.height = network.input.height;
  model.width = network.input.width;
  model.classes = network.classes();
  DYAD_CHECK(QdqWriter(network, model).run());
  model.metadata["mean"] = network::metadata_list(network.input.mean);
  model.metadata["std"] = network::metadata_list(network.input.stddev);
  const RawSafetensors content = to_safetensors(network);
  model.metadata[kDocumentKey] = content.metadata.at(kDocumentKey);
  model.metadata[kTensorsKey] = tensors_document(content);
  return model;
}

bool holds_integer_network(const network::OnnxContent& content) {
  return content.metadata.contains(kDocumentKey) && content.metadata.contains(kTensorsKey);
}

Result<IntegerNetwork> from_onnx(const network::OnnxContent& content, const std::string& place) {
  if (!holds_integer_network(content))
    return Error{place + ":/metadata_props/" + kDocumentKey, "is no integer network that Dyad wrote",
                 "a float network is read by: dyad run, dyad quantize"};
  RawSafetensors raw;
  raw.metadata[kDocumentKey] = content.metadata.at(kDocumentKey);
  const std::string tensors_place = place + ":/metadata_props/" + kTensorsKey;
  DYAD_TRY(const Json tensors, parse_json(content.metadata.at(kTensorsKey), tensors_place));
  DYAD_TRY(const auto members, JsonReader(tensors, tensors_place).members());
  for (const auto& [name, reader] : members) {
    DYAD_TRY(network::RawTensor tensor, read_tensor(reader));
    raw.tensors.emplace(name, std::move(tensor));
  }
  DYAD_TRY(const std::vector<LayerLayout> layers, layer_layouts(raw, place));
  for (const LayerLayout& layer : layers) {
    if (!layer.is_weighted()) continue;
    const auto found = content.initializers.find(layer.name + ".weight");
    if (found == content.initializers.end())
      return Error{place + ":/graph/" + layer.name, "the weights of layer '" + layer.name + "' are missing", "export the network again"};
    DYAD_TRY(const std::vector<std::int8_t> values, network::raw_values<std::int8_t>(found->second, place + ":/graph/" + layer.name));
    DYAD_TRY(Tensor<std::int8_t> weights, channels_last(values, layer, place));
    raw.tensors.emplace(layer.weight_tensor, network::raw_tensor<std::int8_t>(weights.shape(), weights.values()));
  }
  return from_safetensors(std::move(raw), place);
}

}  // namespace dyad::quantizer
