#include "dyad/kernels/random_layers.hpp"

#include "dyad/base/random.hpp"

namespace dyad::kernels {
namespace {

template <typename T>
T pick(Random& random, std::initializer_list<T> choices) {
  return *(choices.begin() + random.below(choices.size()));
}

// How values are drawn: over the whole range, only its two ends, one end everywhere, or near zero.
enum class Fill { kUniform, kEnds, kLowest, kHighest, kSmall };

std::int64_t draw(Random& random, Fill fill, std::int64_t lowest, std::int64_t highest) {
  switch (fill) {
    case Fill::kLowest: return lowest;
    case Fill::kHighest: return highest;
    case Fill::kEnds: return random.coin() ? lowest : highest;
    case Fill::kSmall: return random.between(std::max<std::int64_t>(lowest, -3), std::min<std::int64_t>(highest, 3));
    default: return random.between(lowest, highest);
  }
}

Fill random_fill(Random& random) {
  return pick(random, {Fill::kUniform, Fill::kUniform, Fill::kUniform, Fill::kEnds, Fill::kLowest, Fill::kHighest, Fill::kSmall});
}

BitWidth random_format(Random& random, int most_bits) {
  const bool is_signed = random.coin();
  if (random.coin()) return {8, is_signed};
  const int bits = static_cast<int>(random.between(1, most_bits));
  return {is_signed ? bits : std::min(bits, 31), is_signed};
}

IntegerTensor random_tensor(Random& random, Shape shape, BitWidth format) {
  IntegerTensor tensor(std::move(shape), format);
  const Fill fill = random_fill(random);
  for (std::int64_t i = 0; i < tensor.size(); ++i)
    tensor.set(i, static_cast<std::int32_t>(draw(random, fill, format.lowest(), format.highest())));
  return tensor;
}

// Ratios that bring values of about `magnitude` near the output's range, exact powers of two (ties) and extremes.
Requantization random_requantization(Random& random, std::int64_t channels, double magnitude, BitWidth output) {
  Requantization r;
  r.rounding = pick(random, {Rounding::kHalfUp, Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kHalfEven, Rounding::kHalfAway,
                             Rounding::kHalfAway, Rounding::kFloor, Rounding::kGemmlowp, Rounding::kFloat32Scale});
  if (random.below(3) == 0) r.zero_point = static_cast<std::int32_t>(random.between(-130, 200));
  const std::int64_t count = random.coin() ? 1 : channels;
  const double target = static_cast<double>(output.highest()) / std::max(magnitude, 1.0);
  for (std::int64_t i = 0; i < count; ++i) {
    Dyadic ratio;
    switch (random.below(8)) {
      case 0: ratio = {std::int32_t{1} << random.below(31), static_cast<int>(random.below(63))}; break;
      case 1: ratio = {pick(random, {INT32_MAX, -INT32_MAX, 0, 1, -1}), static_cast<int>(random.below(63))}; break;
      case 2: ratio = {static_cast<std::int32_t>(random.between(-INT32_MAX, INT32_MAX)), static_cast<int>(random.below(63))}; break;
      case 3: ratio = {1, static_cast<int>(random.below(12))}; break;
      default: {
        const double wanted = target * (0.2 + 3.0 * random.uniform()) * (random.below(6) == 0 ? -1 : 1);
        ratio = dyadic_from_ratio(wanted).value_or(Dyadic{1, 0});
      }
    }
    if (r.rounding == Rounding::kFloat32Scale)
      r.float32_scales.push_back(random.below(4) == 0 ? 0.5f : static_cast<float>(target * 2 * random.uniform()));
    else
      r.ratios.push_back(ratio);
  }
  return r;
}

Window random_window(Random& random, bool pooling) {
  Window w;
  w.kernel_h = pick(random, {1, 1, 2, 3, 3, 5});
  w.kernel_w = random.below(3) ? w.kernel_h : pick(random, {1, 2, 3, 4});
  w.stride_h = pick(random, {1, 1, 1, 2, 3});
  w.stride_w = random.below(3) ? w.stride_h : pick(random, {1, 2, 3});
  w.dilation_h = pick(random, {1, 1, 1, 2, 3});
  w.dilation_w = random.below(3) ? w.dilation_h : pick(random, {1, 2});
  const auto pad = [&](int kernel, int dilation) {
    return static_cast<int>(random.below(static_cast<std::uint64_t>(pooling ? 1 + (kernel - 1) * dilation / 2 : kernel * dilation)));
  };
  if (random.below(4)) {
    w.pad_top = pad(w.kernel_h, w.dilation_h);
    w.pad_bottom = random.coin() ? w.pad_top : pad(w.kernel_h, w.dilation_h);
    w.pad_left = pad(w.kernel_w, w.dilation_w);
    w.pad_right = random.coin() ? w.pad_left : pad(w.kernel_w, w.dilation_w);
  }
  return w;
}

std::int64_t random_channels(Random& random) {
  return pick<std::int64_t>(random, {1, 2, 3, 4, 5, 7, 8, 13, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 97});
}

// Extents of the image such that every output extent is at least 1 and at most about 9.
void random_extents(Random& random, LayerShape& s) {
  const auto extent = [&](int kernel, int dilation, int before, int after) {
    const std::int64_t least = std::max<std::int64_t>(1, dilation * (kernel - 1) + 1 - before - after);
    return random.between(least, least + 8);
  };
  s.in_h = extent(s.window.kernel_h, s.window.dilation_h, s.window.pad_top, s.window.pad_bottom);
  s.in_w = extent(s.window.kernel_w, s.window.dilation_w, s.window.pad_left, s.window.pad_right);
  s.out_h = s.window.output_h(s.in_h);
  s.out_w = s.window.output_w(s.in_w);
}

void random_conv(Random& random, RandomLayer& result, std::int64_t batch) {
  IntegerLayer& layer = result.layer;
  LayerShape& s = layer.shape;
  s.window = random_window(random, false);
  if (random.below(5) == 0) s.window = Window{};  // pointwise
  s.groups = 1;
  s.in_channels = random_channels(random);
  s.out_channels = random_channels(random);
  switch (random.below(5)) {
    case 0: s.groups = static_cast<int>(s.out_channels = s.in_channels); break;
    case 1: {
      s.groups = static_cast<int>(random.between(2, 5));
      s.in_channels = s.groups * random.between(1, 9);
      s.out_channels = s.groups * random.between(1, 20);
      break;
    }
    default: break;
  }
  random_extents(random, s);
  if (random.below(8) == 0) {  // linear
    s.window = Window{};
    s.in_h = s.in_w = s.out_h = s.out_w = 1;
    batch = random.between(1, 70);
  }
  const BitWidth format = random.below(6) == 0 ? random_format(random, 20) : random_format(random, 8);
  layer.inputs = {format};
  layer.input_zero_point = static_cast<std::int32_t>(random.coin() ? 0 : random.between(format.lowest(), format.highest()));
  layer.weight_bits = {static_cast<int>(random.coin() ? 8 : random.between(2, 8)), true};
  layer.weights = Tensor<std::int8_t>({s.out_channels, s.window.kernel_h, s.window.kernel_w, s.in_channels / s.groups});
  const Fill fill = random_fill(random);
  for (std::int8_t& w : layer.weights.values())
    w = static_cast<std::int8_t>(draw(random, fill, layer.weight_bits.lowest(), layer.weight_bits.highest()));
  std::int64_t widest_weight = 128;
  if (random.below(4) == 0) {
    const std::int64_t range = pick<std::int64_t>(random, {1, 73, 128, 128, 40000});
    layer.weight_zero_points.resize(random.coin() ? 1 : static_cast<std::size_t>(s.out_channels));
    for (std::int32_t& z : layer.weight_zero_points) z = static_cast<std::int32_t>(random.between(-range, range));
    widest_weight += range;
  }
  const std::int64_t widest_input = std::max(-format.lowest(), format.highest());
  const std::int64_t bound = widest_input * widest_weight * s.reduction();
  if (bound > INT32_MAX / 2) {  // keep accumulators in int32: narrower activations
    layer.inputs = {BitWidth{2, format.is_signed}};
    layer.input_zero_point = 1;
  }
  if (random.coin()) {
    layer.bias.resize(static_cast<std::size_t>(s.out_channels));
    const std::int64_t range = random.coin() ? 1000 : INT32_MAX / 2;
    for (std::int32_t& b : layer.bias) b = static_cast<std::int32_t>(random.between(-range, range));
  }
  layer.requantize = random.below(6) != 0;
  layer.output = layer.requantize ? random_format(random, 32) : BitWidth{32, true};
  if (layer.requantize) {
    layer.relu = random.coin();
    layer.requantizations = {random_requantization(random, s.out_channels, static_cast<double>(bound) / 8, layer.output)};
  }
  result.inputs.push_back(random_tensor(random, {batch, s.in_h, s.in_w, s.in_channels}, layer.inputs[0]));
}

void random_elementwise(Random& random, RandomLayer& result, std::int64_t batch) {
  IntegerLayer& layer = result.layer;
  LayerShape& s = layer.shape;
  s.kind = LayerKind::kAdd;
  s.in_h = s.out_h = random.between(1, 9);
  s.in_w = s.out_w = random.between(1, 9);
  s.in_channels = s.out_channels = random_channels(random);
  layer.output = random_format(random, 32);
  layer.relu = random.coin();
  const std::size_t count = layer.op == IntegerOp::kRequantize ? 1 : layer.op == IntegerOp::kAdd ? 2 : random.between(1, 4);
  if (layer.op == IntegerOp::kConcat) s.out_channels = 0;
  const bool same_rounding = random.below(4) != 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t channels = layer.op == IntegerOp::kConcat ? random_channels(random) : s.in_channels;
    if (layer.op == IntegerOp::kConcat) s.out_channels += channels;
    const BitWidth format = random_format(random, 32);
    layer.inputs.push_back(format);
    layer.requantizations.push_back(random_requantization(random, channels, static_cast<double>(format.highest()), layer.output));
    const Rounding first = layer.requantizations[0].rounding;
    if (i > 0 && same_rounding && first != Rounding::kFloat32Scale && layer.requantizations[i].rounding != Rounding::kFloat32Scale)
      layer.requantizations[i].rounding = first;
    result.inputs.push_back(random_tensor(random, {batch, s.in_h, s.in_w, channels}, format));
  }
}

void random_pool(Random& random, RandomLayer& result, std::int64_t batch) {
  IntegerLayer& layer = result.layer;
  LayerShape& s = layer.shape;
  s.kind = LayerKind::kMaxPool;
  s.in_channels = s.out_channels = random_channels(random);
  if (layer.op == IntegerOp::kSubsample) {
    s.window.stride_h = static_cast<int>(random.between(1, 3));
    s.window.stride_w = static_cast<int>(random.between(1, 3));
    layer.channel_pad_before = static_cast<int>(random.below(9));
    layer.channel_pad_after = static_cast<int>(random.below(9));
    s.out_channels += layer.channel_pad_before + layer.channel_pad_after;
  } else if (layer.op != IntegerOp::kFlatten) {
    s.window = random_window(random, true);
    // Dilated windows can step over a small image; keep at least one position inside.
    s.window.dilation_h = s.window.dilation_w = 1;
    s.window.pad_top = std::min(s.window.pad_top, s.window.kernel_h - 1);
    s.window.pad_bottom = std::min(s.window.pad_bottom, s.window.kernel_h - 1);
    s.window.pad_left = std::min(s.window.pad_left, s.window.kernel_w - 1);
    s.window.pad_right = std::min(s.window.pad_right, s.window.kernel_w - 1);
  }
  random_extents(random, s);
  if (layer.op == IntegerOp::kFlatten) {
    s.out_h = s.out_w = 1;
    s.out_channels = s.input_count();
  }
  const BitWidth format = random_format(random, 32);
  layer.inputs = {format};
  layer.output = random.below(4) ? format : random_format(random, 32);
  layer.input_zero_point = static_cast<std::int32_t>(random.coin() ? 0 : random.between(format.lowest(), format.highest()));
  layer.count_include_pad = random.coin();
  layer.average_rounding =
      pick(random, {AverageRounding::kHawq, AverageRounding::kHalfUp, AverageRounding::kHalfAway, AverageRounding::kFloor});
  if (layer.average_rounding == AverageRounding::kHawq && format.bits > 24) layer.average_rounding = AverageRounding::kHalfUp;
  result.inputs.push_back(random_tensor(random, {batch, s.in_h, s.in_w, s.in_channels}, format));
}

// Levels for the weights of some convolutions, and for what a requantization decides.
void random_levels(Random& random, RandomLayer& result) {
  IntegerLayer& layer = result.layer;
  const bool requantizes =
      layer.op == IntegerOp::kConcat || layer.op == IntegerOp::kRequantize || (layer.op == IntegerOp::kConv && layer.requantize);
  if (layer.op == IntegerOp::kConv && random.coin()) {
    const int bits = static_cast<int>(random.between(1, 5));
    layer.weight_levels = {bits <= 3 && random.coin() ? LevelScheme::kPot : LevelScheme::kApot, bits};
    layer.weight_bits = {bits + 1, true};
    const std::vector<std::int32_t> magnitudes = level_magnitudes(layer.weight_levels);
    for (std::int8_t& w : layer.weights.values()) {
      const std::int32_t level = magnitudes[random.below(magnitudes.size())];
      w = static_cast<std::int8_t>(random.coin() ? level : -level);
    }
  }
  if (!requantizes || random.coin()) return;
  layer.output_levels = {LevelScheme::kApot, static_cast<int>(random.between(1, kMostApotBits))};
  layer.output = level_format(layer.output_levels, random.coin());
  for (Requantization& each : layer.requantizations) {
    if (each.ratios.empty()) each.ratios.assign(each.float32_scales.size(), Dyadic{3, static_cast<int>(random.below(20))});
    each.float32_scales.clear();
    each.rounding = Rounding::kFloor;
    each.zero_point = 0;
  }
}

// Offsets for some requantizations whose rounding has them.
void random_offsets(Random& random, RandomLayer& result) {
  for (Requantization& each : result.layer.requantizations) {
    if ((each.rounding != Rounding::kHalfUp && each.rounding != Rounding::kFloor) || random.coin()) continue;
    const std::int64_t most = pick<std::int64_t>(random, {1, 1000, 1 << 30});
    for (std::size_t i = 0; i < each.ratios.size(); ++i) each.offsets.push_back(static_cast<std::int32_t>(random.between(-most, most)));
  }
}

// With relu, zero points must leave something of the output's range.
void lower_zero_points(IntegerLayer& layer) {
  if (!layer.relu) return;
  const std::int64_t most = layer.op == IntegerOp::kAdd ? layer.output.highest() / 2 : layer.output.highest();
  for (Requantization& each : layer.requantizations)
    each.zero_point = static_cast<std::int32_t>(std::min<std::int64_t>(each.zero_point, most));
}

}  // namespace

std::vector<const IntegerTensor*> RandomLayer::pointers() const {
  std::vector<const IntegerTensor*> result;
  for (const IntegerTensor& each : inputs) result.push_back(&each);
  return result;
}

IntegerTensor RandomLayer::output() const {
  return IntegerTensor({inputs[0].shape()[0], layer.shape.out_h, layer.shape.out_w, layer.shape.out_channels}, layer.output);
}

RandomLayer random_layer(std::uint64_t seed, std::uint64_t index) {
  Random random(seed, index);
  RandomLayer result;
  result.layer.name = "random " + std::to_string(seed) + "/" + std::to_string(index);
  const std::int64_t batch = random.between(1, 3);
  result.layer.op = pick(random, {IntegerOp::kConv, IntegerOp::kConv, IntegerOp::kConv, IntegerOp::kConv, IntegerOp::kConv, IntegerOp::kAdd,
                                  IntegerOp::kAdd, IntegerOp::kConcat, IntegerOp::kRequantize, IntegerOp::kMaxPool, IntegerOp::kAveragePool,
                                  IntegerOp::kSubsample, IntegerOp::kFlatten});
  switch (result.layer.op) {
    case IntegerOp::kConv: random_conv(random, result, batch); break;
    case IntegerOp::kAdd:
    case IntegerOp::kConcat:
    case IntegerOp::kRequantize: random_elementwise(random, result, batch); break;
    default: random_pool(random, result, batch); break;
  }
  if (random.below(4) == 0) random_levels(random, result);
  if (random.below(3) == 0) random_offsets(random, result);
  lower_zero_points(result.layer);
  return result;
}

RandomLayer constant_conv(std::int64_t extent, std::int64_t in, std::int64_t out, int kernel, BitWidth input, std::int32_t a, std::int8_t w,
                          bool requantize) {
  RandomLayer result;
  IntegerLayer& layer = result.layer;
  layer.name = "extreme";
  layer.shape.in_h = layer.shape.in_w = extent;
  layer.shape.in_channels = in;
  layer.shape.out_channels = out;
  layer.shape.window.kernel_h = layer.shape.window.kernel_w = kernel;
  layer.shape.window.pad_top = layer.shape.window.pad_left = layer.shape.window.pad_bottom = layer.shape.window.pad_right = kernel / 2;
  layer.shape.out_h = layer.shape.out_w = layer.shape.window.output_h(extent);
  layer.inputs = {input};
  layer.input_zero_point = a;
  layer.weights = Tensor<std::int8_t>({out, kernel, kernel, in});
  for (std::int8_t& each : layer.weights.values()) each = w;
  layer.requantize = requantize;
  layer.output = requantize ? BitWidth{8, true} : BitWidth{32, true};
  if (requantize) layer.requantizations = {Requantization{{Dyadic{1, 20}}, {}, Rounding::kHalfEven, 0}};
  result.inputs.emplace_back(Shape{2, extent, extent, in}, input);
  for (std::int64_t i = 0; i < result.inputs[0].size(); ++i) result.inputs[0].set(i, a);
  return result;
}

std::vector<RandomLayer> extreme_convs() {
  std::vector<RandomLayer> layers;
  for (const std::int64_t in : {1, 2, 3, 4, 5, 15, 16, 17, 64, 67})
    for (const std::int64_t out : {1, 15, 16, 17, 31, 33, 47, 49, 64, 65, 80})
      for (const bool requantize : {false, true})
        for (const int w : {-128, -1, 127})
          for (const int kernel : {1, 3})
            for (const auto& [is_signed, a] : {std::pair{false, 0}, {false, 255}, {true, -128}, {true, 127}})
              layers.push_back(constant_conv(5, in, out, kernel, {8, is_signed}, a, static_cast<std::int8_t>(w), requantize));
  return layers;
}

std::vector<RandomLayer> tie_layers() {
  std::vector<RandomLayer> layers;
  for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kFloor, Rounding::kGemmlowp}) {
    RandomLayer& random = layers.emplace_back();
    IntegerLayer& layer = random.layer;
    layer.name = "ties";
    layer.op = IntegerOp::kRequantize;
    layer.shape.in_channels = layer.shape.out_channels = 63;
    layer.shape.in_h = layer.shape.out_h = 200;
    layer.inputs = {{32, true}};
    layer.output = {16, true};
    Requantization r;
    r.rounding = rounding;
    for (int shift = 0; shift <= 62; ++shift) r.ratios.push_back({shift % 2 ? -1 : 1, shift});
    layer.requantizations = {r};
    random.inputs.emplace_back(Shape{1, 200, 1, 63}, layer.inputs[0]);
    for (std::int64_t i = 0; i < random.inputs[0].size(); ++i) {
      const std::int64_t column = i % 63, step = i / 63 - 100,
                         half = column == 0 ? 1 : std::int64_t{1} << std::min<std::int64_t>(column - 1, 24);
      random.inputs[0].set(i, static_cast<std::int32_t>(step / 4 * half + step % 4));
    }
    random.inputs[0].set(0, INT32_MIN);
    random.inputs[0].set(62, INT32_MAX);
  }
  return layers;
}

std::string describe(const IntegerLayer& layer) {
  const LayerShape& s = layer.shape;
  const Window& w = s.window;
  std::string text = layer.name + " (" + std::string(to_string(layer.op)) + ") " + std::to_string(s.in_h) + "x" + std::to_string(s.in_w) +
                     "x" + std::to_string(s.in_channels) + " -> " + std::to_string(s.out_h) + "x" + std::to_string(s.out_w) + "x" +
                     std::to_string(s.out_channels) + " groups " + std::to_string(s.groups) + " kernel " + std::to_string(w.kernel_h) +
                     "x" + std::to_string(w.kernel_w) + " stride " + std::to_string(w.stride_h) + "x" + std::to_string(w.stride_w) +
                     " dilation " + std::to_string(w.dilation_h) + "x" + std::to_string(w.dilation_w);
  for (const Requantization& r : layer.requantizations) text += " " + std::string(to_string(r.rounding));
  if (!layer.weight_levels.is_uniform()) text += ", weights " + describe(layer.weight_levels);
  if (!layer.output_levels.is_uniform()) text += ", output " + describe(layer.output_levels);
  return text;
}

}  // namespace dyad::kernels
