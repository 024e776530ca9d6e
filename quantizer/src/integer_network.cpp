#include "dyad/quantizer/integer_network.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <set>

namespace dyad::quantizer {
namespace {

constexpr std::int64_t kMaxExtent = std::int64_t{1} << 24;
constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;

bool is_storable(BitWidth format) { return format.bits >= 1 && format.bits <= (format.is_signed ? 32 : 31); }
constexpr BitWidth kInt32{32, true};

LevelSet input_levels(const IntegerLayer& layer, std::size_t input) {
  return layer.input_levels.empty() ? LevelSet{} : layer.input_levels[input];
}

// Checks one layer; every error points below "<place>/layers/<index>".
class LayerCheck {
 public:
  LayerCheck(const IntegerNetwork& network, std::size_t index, const std::string& place)
      : network_(network), index_(index), layer_(network.layers[index]), place_(place + ":/layers/" + std::to_string(index)) {}

  Result<void> run() const {
    DYAD_CHECK(check_extents());
    DYAD_CHECK(check_inputs());
    DYAD_CHECK(check_geometry());
    DYAD_CHECK(check_weights());
    DYAD_CHECK(check_levels());
    return check_requantizations();
  }

 private:
  Error wrong(const std::string& key, const std::string& message, const std::string& hint) const {
    return Error{place_ + "/" + key, "layer '" + layer_.name + "': " + message, hint};
  }

  Result<void> check_extents() const {
    const LayerShape& s = layer_.shape;
    for (const std::int64_t extent : {s.in_h, s.in_w, s.in_channels, s.out_h, s.out_w, s.out_channels})
      if (extent < 1 || extent > kMaxExtent) return wrong("shape", "an extent is outside 1 to 2^24", "the file is damaged");
    if (s.in_h * s.in_w > kMaxElements / s.in_channels || s.out_h * s.out_w > kMaxElements / s.out_channels)
      return wrong("shape", "a tensor has more than 2^31 elements", "the file is damaged");
    const Window& w = s.window;
    for (const int extent : {w.kernel_h, w.kernel_w, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w})
      if (extent < 1 || extent > kMaxExtent)
        return wrong("shape", "a kernel, stride or dilation is outside 1 to 2^24", "the file is damaged");
    for (const int pad : {w.pad_top, w.pad_left, w.pad_bottom, w.pad_right, layer_.channel_pad_before, layer_.channel_pad_after})
      if (pad < 0 || pad > kMaxExtent) return wrong("shape", "a padding is outside 0 to 2^24", "the file is damaged");
    if (s.groups < 1 || s.in_channels % s.groups != 0 || s.out_channels % s.groups != 0)
      return wrong("shape/groups", "groups don't divide the channels", "the file is damaged");
    return {};
  }

  Result<void> check_inputs() const {
    const std::vector<int>& sources = network_.inputs[index_];
    const bool several = layer_.op == IntegerOp::kAdd || layer_.op == IntegerOp::kConcat;
    if (layer_.op == IntegerOp::kAdd ? sources.size() != 2 : (several ? sources.empty() : sources.size() != 1))
      return wrong("inputs",
                   "an operation '" + std::string(to_string(layer_.op)) + "' does not read " + std::to_string(sources.size()) + " tensors",
                   "add reads two, concat one or more, others one");
    if (layer_.inputs.size() != sources.size()) return wrong("input_formats", "not one format an input", "name the format of each input");
    if (!is_storable(layer_.output)) return wrong("output", "a format is outside 1 to 32 bits", "unsigned formats have at most 31 bits");
    std::int64_t channels = 0;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const std::string key = "inputs/" + std::to_string(i);
      const int source = sources[i];
      if (source < 0 || static_cast<std::size_t>(source) > index_)
        return wrong(key, "reads tensor " + std::to_string(source) + ", which no earlier layer writes",
                     "tensor i + 1 is written by layer i");
      const auto producer = static_cast<std::size_t>(source) - 1;
      const BitWidth format = source == 0 ? network_.input.format : network_.layers[producer].output;
      if (!(layer_.inputs[i] == format))
        return wrong("input_formats/" + std::to_string(i), "is not the format of the tensor it reads", "the file is damaged");
      const std::array<std::int64_t, 3> have =
          source == 0 ? std::array{network_.input.height, network_.input.width, network_.input.channels}
                      : std::array{network_.layers[producer].shape.out_h, network_.layers[producer].shape.out_w,
                                   network_.layers[producer].shape.out_channels};
      const LayerShape& s = layer_.shape;
      if (have[0] != s.in_h || have[1] != s.in_w || (layer_.op != IntegerOp::kConcat && have[2] != s.in_channels))
        return wrong(key, "reads a tensor of another shape", "the file is damaged");
      channels += have[2];
    }
    if (layer_.op == IntegerOp::kConcat && (channels != layer_.shape.in_channels || channels != layer_.shape.out_channels))
      return wrong("shape", "the concatenated inputs have " + std::to_string(channels) + " channels",
                   "in_channels and out_channels are their sum");
    return {};
  }

  Result<void> check_geometry() const {
    const LayerShape& s = layer_.shape;
    const auto fits = [&](std::int64_t h, std::int64_t w, std::int64_t c) -> Result<void> {
      if (s.out_h == h && s.out_w == w && s.out_channels == c) return {};
      return wrong("shape", "the output should be " + to_string(Shape{h, w, c}), "the file is damaged");
    };
    const bool same_format = layer_.output == layer_.inputs[0];
    const auto keeps_format = [&]() -> Result<void> {
      if (same_format) return {};
      return wrong("output", "'" + std::string(to_string(layer_.op)) + "' can't change the format",
                   "its output has the format of its input");
    };
    switch (layer_.op) {
      case IntegerOp::kConv: return fits(s.window.output_h(s.in_h), s.window.output_w(s.in_w), s.out_channels);
      case IntegerOp::kMaxPool:
      case IntegerOp::kAveragePool:
        DYAD_CHECK(keeps_format());
        return fits(s.window.output_h(s.in_h), s.window.output_w(s.in_w), s.in_channels);
      case IntegerOp::kSubsample:
        DYAD_CHECK(keeps_format());
        return fits((s.in_h - 1) / s.window.stride_h + 1, (s.in_w - 1) / s.window.stride_w + 1,
                    s.in_channels + layer_.channel_pad_before + layer_.channel_pad_after);
      case IntegerOp::kFlatten: DYAD_CHECK(keeps_format()); return fits(1, 1, s.in_h * s.in_w * s.in_channels);
      default: return fits(s.in_h, s.in_w, s.in_channels);
    }
  }

  Result<void> check_weights() const {
    const LayerShape& s = layer_.shape;
    const auto k = static_cast<std::size_t>(s.out_channels);
    if (layer_.op != IntegerOp::kConv) {
      if (!layer_.weights.empty() || !layer_.bias.empty() || !layer_.weight_zero_points.empty())
        return wrong("op", "only a convolution has weights", "the file is damaged");
      return {};
    }
    const Shape expected{s.out_channels, s.window.kernel_h, s.window.kernel_w, s.in_channels / s.groups};
    if (layer_.weights.shape() != expected) return wrong("weights", "the weights are not " + to_string(expected), "the file is damaged");
    if (!layer_.weight_levels.is_uniform()) {
      DYAD_CHECK(check_weight_levels());
    } else if (!layer_.weight_bits.is_signed || layer_.weight_bits.bits < 1 || layer_.weight_bits.bits > 8)
      return wrong("weight_bits", "weights are not signed with 1 to 8 bits", "kernels hold weights as int8");
    for (const std::int8_t value : layer_.weights.values())
      if (layer_.weight_levels.is_uniform() && (value < layer_.weight_bits.lowest() || value > layer_.weight_bits.highest()))
        return wrong("weights",
                     "a weight of " + std::to_string(value) + " does not fit " + std::to_string(layer_.weight_bits.bits) + " bits",
                     "the file is damaged");
    if (layer_.inputs[0].bits > kMaxOperandBits)
      return wrong("input_formats/0", "a convolution reads at most 16 bits", "requantize its input");
    if (!layer_.bias.empty() && layer_.bias.size() != k) return wrong("bias", "not one bias an output channel", "the file is damaged");
    const std::size_t zero_points = layer_.weight_zero_points.size();
    if (zero_points > 1 && zero_points != k)
      return wrong("weight_zero_points", "neither one nor one an output channel", "the file is damaged");
    for (const std::int32_t zero_point : layer_.weight_zero_points)
      if (zero_point < -128 || zero_point > 127)
        return wrong("weight_zero_points", "a zero point is outside -128 to 127", "it lives in the format of the weights");
    if (layer_.input_zero_point < layer_.inputs[0].lowest() || layer_.input_zero_point > layer_.inputs[0].highest())
      return wrong("input_zero_point", "is outside the input's format", "the file is damaged");
    return {};
  }

  Result<void> check_weight_levels() const {
    const LevelSet set = layer_.weight_levels;
    if (!is_known(set) || level_magnitudes(set).back() > INT8_MAX)
      return wrong("weight_levels", describe(set) + " are no set of weights",
                   "weights are APoT of 1 to 5, powers of two of 1 to 3 magnitude bits");
    if (!(layer_.weight_bits == BitWidth{set.magnitude_bits + 1, true}))
      return wrong("weight_bits", "are not a sign and " + std::to_string(set.magnitude_bits) + " magnitude bits", "the file is damaged");
    if (!layer_.weight_zero_points.empty()) return wrong("weight_levels", "levels have no zero points", "the file is damaged");
    const std::vector<std::int32_t> magnitudes = level_magnitudes(set);
    for (const std::int8_t value : layer_.weights.values())
      if (!std::binary_search(magnitudes.begin(), magnitudes.end(), std::abs(static_cast<int>(value))))
        return wrong("weights", "a weight of " + std::to_string(value) + " is no level (" + describe(set) + ")", "the file is damaged");
    return {};
  }

  // What the layer says of its inputs' and its output's levels; the decision itself is exact only in one form.
  Result<void> check_levels() const {
    if (layer_.op != IntegerOp::kConv && !layer_.weight_levels.is_uniform())
      return wrong("weight_levels", "only a convolution has weights", "the file is damaged");
    if (!layer_.input_levels.empty() && layer_.input_levels.size() != layer_.inputs.size())
      return wrong("input_levels", "not one set an input", "one set an input, or none");
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
      const int source = network_.inputs[index_][i];
      const LevelSet have = source == 0 ? LevelSet{} : network_.layers[static_cast<std::size_t>(source) - 1].output_levels;
      if (!(have == input_levels(layer_, i)))
        return wrong("input_levels/" + std::to_string(i), "is not the set of the tensor it reads", "the file is damaged");
      if (!have.is_uniform() && layer_.input_zero_point != 0)
        return wrong("input_zero_point", "an input of levels is padded with 0", "the file is damaged");
    }
    const LevelSet set = layer_.output_levels;
    if (layer_.op == IntegerOp::kMaxPool || layer_.op == IntegerOp::kSubsample || layer_.op == IntegerOp::kFlatten) {
      if (set == input_levels(layer_, 0)) return {};
      return wrong("output_levels", "'" + std::string(to_string(layer_.op)) + "' can't change the levels",
                   "its output has those of its input");
    }
    if (set.is_uniform()) return {};
    const bool decides =
        layer_.op == IntegerOp::kConcat || layer_.op == IntegerOp::kRequantize || (layer_.op == IntegerOp::kConv && layer_.requantize);
    if (!decides || set.scheme != LevelScheme::kApot || !is_known(set))
      return wrong("output_levels", "'" + std::string(to_string(layer_.op)) + "' can't decide for " + describe(set),
                   "APoT of 1 to 6 magnitude bits behind a convolution, concatenation or requantization");
    if (!(layer_.output == level_format(set, layer_.output.is_signed)))
      return wrong("output", "is not the format of its levels", "the smallest that holds them");
    for (std::size_t i = 0; i < layer_.requantizations.size(); ++i)
      if (layer_.requantizations[i].rounding != Rounding::kFloor || layer_.requantizations[i].zero_point != 0)
        return wrong("requantizations/" + std::to_string(i), "a decision for a level does not round floor with zero point 0",
                     "half steps of a level are rounded down");
    return {};
  }

  Result<void> check_requantizations() const {
    std::size_t expected = 0;
    if (layer_.op == IntegerOp::kAdd || layer_.op == IntegerOp::kConcat) expected = layer_.inputs.size();
    if (layer_.op == IntegerOp::kRequantize || (layer_.op == IntegerOp::kConv && layer_.requantize)) expected = 1;
    if (layer_.op == IntegerOp::kConv && !layer_.requantize && !(layer_.output == kInt32))
      return wrong("output", "raw accumulators are not signed 32-bit", "set output to 32 signed bits");
    if (layer_.requantizations.size() != expected)
      return wrong("requantizations", std::to_string(layer_.requantizations.size()) + " found, " + std::to_string(expected) + " expected",
                   "the file is damaged");
    for (std::size_t i = 0; i < expected; ++i) {
      const Requantization& r = layer_.requantizations[i];
      const std::string key = "requantizations/" + std::to_string(i);
      const bool in_float = r.rounding == Rounding::kFloat32Scale;
      const std::size_t count = in_float ? r.float32_scales.size() : r.ratios.size();
      std::size_t channels = static_cast<std::size_t>(layer_.shape.out_channels);
      if (layer_.op == IntegerOp::kConcat) {
        const int source = network_.inputs[index_][i];
        channels = static_cast<std::size_t>(source == 0 ? network_.input.channels
                                                        : network_.layers[static_cast<std::size_t>(source) - 1].shape.out_channels);
      }
      if (count != 1 && count != channels) return wrong(key, "neither one ratio nor one a channel", "the file is damaged");
      if (in_float != r.ratios.empty())
        return wrong(key, "ratios and rounding don't agree", "float32_scale has float32 scales, the others dyadic ratios");
      for (const Dyadic& ratio : r.ratios)
        if (ratio.multiplier == INT32_MIN || ratio.shift < 0 || ratio.shift > 62)
          return wrong(key, "a ratio is out of range", "|multiplier| < 2^31 and 0 <= shift <= 62");
      const bool plain = r.rounding == Rounding::kHalfUp || r.rounding == Rounding::kFloor;
      if (!r.offsets.empty() && (!plain || r.offsets.size() != r.ratios.size()))
        return wrong(key, "offsets without a ratio each, or with another rounding than half_up or floor", "the file is damaged");
      for (const std::int32_t offset : r.offsets)
        if (offset < -(1 << 30) || offset > 1 << 30) return wrong(key, "an offset is beyond 2^30", "the file is damaged");
      for (const float scale : r.float32_scales)
        if (!std::isfinite(scale)) return wrong(key, "a scale is not finite", "the file is damaged");
      if (r.zero_point < layer_.output.lowest() || r.zero_point > layer_.output.highest())
        return wrong(key + "/zero_point", "is outside the output's format", "the file is damaged");
    }
    return {};
  }

  const IntegerNetwork& network_;
  std::size_t index_;
  const IntegerLayer& layer_;
  std::string place_;
};

Result<void> check_input(const InputQuantization& input, const std::string& place) {
  const auto wrong = [&](const std::string& key, const std::string& message) {
    return Error{place + ":/input" + key, message, "the file is damaged"};
  };
  for (const std::int64_t extent : {input.height, input.width, input.channels})
    if (extent < 1 || extent > 65536) return wrong("", "an extent of the image is outside 1 to 65536");
  if (input.format.bits < 1 || input.format.bits > kMaxOperandBits) return wrong("/bits", "the input has not 1 to 16 bits");
  if (!(input.scale > 0) || !std::isfinite(input.scale)) return wrong("/scale", "the scale is not a positive number");
  const auto channels = static_cast<std::size_t>(input.channels);
  if (input.mean.size() != channels || input.stddev.size() != channels) return wrong("/mean", "not one mean and stddev a channel");
  for (std::size_t c = 0; c < channels; ++c)
    if (!std::isfinite(input.mean[c]) || !std::isfinite(input.stddev[c]) || !(input.stddev[c] > 0))
      return wrong("/stddev", "a stddev is not a positive number");
  if (input.table.shape() != Shape{input.channels, 256})
    return wrong("/table", "the table is not " + to_string(Shape{input.channels, 256}));
  for (const std::int32_t value : input.table.values())
    if (value < input.format.lowest() || value > input.format.highest()) return wrong("/table", "an entry does not fit the input's format");
  return {};
}

Result<void> check_assignment(const IntegerNetwork& network, const std::string& place) {
  std::set<std::string> weighted;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const IntegerLayer& layer = network.layers[i];
    if (layer.op != IntegerOp::kConv) continue;
    const auto fail = [&](const std::string& message) {
      return Error{place + ":/assignment/" + layer.name, "layer '" + layer.name + "': " + message,
                   "every weighted layer has its own name and bits there"};
    };
    if (!weighted.insert(layer.name).second) return fail("two weighted layers have this name");
    const auto found = network.assignment.find(layer.name);
    if (found == network.assignment.end()) return fail("is not in the assignment");
    const LevelSet levels = input_levels(layer, 0);
    const int activation = levels.is_uniform() ? layer.inputs[0].bits : levels.magnitude_bits + (layer.inputs[0].is_signed ? 1 : 0);
    if (found->second.weight != layer.weight_bits.bits || found->second.activation != activation)
      return fail("its bits are not those of the assignment");
  }
  for (const auto& [name, bits] : network.assignment)
    if (!weighted.contains(name))
      return Error{place + ":/assignment/" + name, "no weighted layer has the name '" + name + "'", "remove it"};
  return {};
}

}  // namespace

void InputQuantization::make_table() {
  DYAD_EXPECT(scale > 0 && static_cast<std::int64_t>(mean.size()) == channels && mean.size() == stddev.size(),
              "input quantization is incomplete");
  table = Tensor<std::int32_t>({channels, 256});
  const float reciprocal = 1.0f / scale;
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t v = 0; v < 256; ++v) {
      const float x = (static_cast<float>(v) / 255.0f - mean[static_cast<std::size_t>(c)]) / stddev[static_cast<std::size_t>(c)];
      const float q = std::nearbyintf(x * reciprocal);
      table[c * 256 + v] =
          static_cast<std::int32_t>(std::clamp(q, static_cast<float>(format.lowest()), static_cast<float>(format.highest())));
    }
}

Result<void> validate(const IntegerNetwork& network, const std::string& place) {
  DYAD_CHECK(check_input(network.input, place));
  if (network.layers.empty()) return Error{place + ":/layers", "the network has no layers", "the file is damaged"};
  DYAD_EXPECT(network.inputs.size() == network.layers.size(), "one list of inputs a layer");
  for (std::size_t i = 0; i < network.layers.size(); ++i) DYAD_CHECK(LayerCheck(network, i, place).run());
  const IntegerLayer& last = network.layers.back();
  if (!(last.output == kInt32) || last.shape.out_h != 1 || last.shape.out_w != 1)
    return Error{place + ":/layers/" + std::to_string(network.layers.size() - 1), "the last layer does not write a vector of 32-bit logits",
                 "the file is damaged"};
  if (network.output_scales.size() != 1 && static_cast<std::int64_t>(network.output_scales.size()) != network.classes())
    return Error{place + ":/output_scales", "neither one scale nor one a class", "the file is damaged"};
  for (const double scale : network.output_scales)
    if (!(scale > 0) || !std::isfinite(scale))
      return Error{place + ":/output_scales", "a scale is not a positive number", "the file is damaged"};
  return check_assignment(network, place);
}

std::vector<AccumulatorBounds> accumulator_bounds(const IntegerLayer& layer) {
  const LayerShape& s = layer.shape;
  const BitWidth format = layer.inputs.at(0);
  if (layer.op == IntegerOp::kAveragePool) {
    const std::int64_t area = std::int64_t{s.window.kernel_h} * s.window.kernel_w;
    return {{std::min<std::int64_t>(0, area * format.lowest()), area * format.highest()}};
  }
  if (layer.op != IntegerOp::kConv) return {};
  const std::int64_t taps = s.reduction();
  // A padded position reads the zero point, which lies inside the format, so the format's range bounds every position.
  std::int64_t low = format.lowest(), high = format.highest();
  if (const LevelSet levels = input_levels(layer, 0); !levels.is_uniform()) {
    high = level_magnitudes(levels).back();
    low = format.is_signed ? -high : 0;
  }
  std::vector<AccumulatorBounds> bounds(static_cast<std::size_t>(s.out_channels));
  for (std::int64_t k = 0; k < s.out_channels; ++k) {
    AccumulatorBounds& b = bounds[static_cast<std::size_t>(k)];
    const std::int64_t bias = layer.bias.empty() ? 0 : layer.bias[static_cast<std::size_t>(k)];
    b.lowest = std::min<std::int64_t>(bias, 0);
    b.highest = std::max<std::int64_t>(bias, 0);
    for (std::int64_t i = 0; i < taps; ++i) {
      const std::int64_t w = layer.weights[k * taps + i];
      b.lowest += std::min({w * low, w * high, std::int64_t{0}});
      b.highest += std::max({w * low, w * high, std::int64_t{0}});
    }
    const std::size_t zero_points = layer.weight_zero_points.size();
    if (zero_points == 0) continue;
    const std::int64_t z = layer.weight_zero_points[zero_points == 1 ? 0 : static_cast<std::size_t>(k)];
    b.lowest += taps * std::min({-z * low, -z * high, std::int64_t{0}});
    b.highest += taps * std::max({-z * low, -z * high, std::int64_t{0}});
  }
  return bounds;
}

Result<void> prove_no_overflow(const IntegerNetwork& network) {
  for (const IntegerLayer& layer : network.layers) {
    const std::vector<AccumulatorBounds> bounds = accumulator_bounds(layer);
    for (std::size_t k = 0; k < bounds.size(); ++k) {
      if (bounds[k].lowest >= INT32_MIN && bounds[k].highest <= INT32_MAX) continue;
      const std::string channel = layer.op == IntegerOp::kConv ? " of output channel " + std::to_string(k) : "";
      return Error{(network.name.empty() ? "network" : network.name) + ":/" + layer.name,
                   "layer '" + layer.name + "': the accumulator" + channel + " can reach [" + std::to_string(bounds[k].lowest) + ", " +
                       std::to_string(bounds[k].highest) + "], beyond int32",
                   "use fewer bits for this layer's weights or input"};
    }
  }
  return {};
}

}  // namespace dyad::quantizer
