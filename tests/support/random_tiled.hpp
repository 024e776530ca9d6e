/// \file Random small layers and machines for tiled machines: every operation, kernel, group, format and rounding.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "dyad/accel_models/tiled/layer_data.hpp"
#include "dyad/base/random.hpp"

namespace dyad::testing_support {

/// A layer with its tensors, and perhaps a residual addition behind it. Not to be moved while operands() are in use.
struct TiledCase {
  IntegerLayer layer, addition;
  std::vector<IntegerTensor> inputs;
  IntegerTensor other;
  bool adds = false;
  std::size_t addition_operand = 0;

  accel_models::tiled::LayerOperands operands() const {
    accel_models::tiled::LayerOperands result;
    result.layer = &layer;
    for (const IntegerTensor& each : inputs) result.inputs.push_back(&each);
    if (adds) {
      result.addition = &addition;
      result.addition_operand = addition_operand;
      result.other = &other;
    }
    return result;
  }
};

template <typename T>
T one_of(Random& random, std::initializer_list<T> choices) {
  return *(choices.begin() + random.below(choices.size()));
}

inline void fill(Random& random, IntegerTensor& tensor) {
  const BitWidth format = tensor.format();
  const std::uint64_t kind = random.below(6);  // 0: both ends, 1: one end everywhere, else the whole range
  const bool high = random.coin();
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    const bool end = kind == 0 ? random.coin() : high;
    const std::int64_t value = kind < 2 ? (end ? format.highest() : format.lowest()) : random.between(format.lowest(), format.highest());
    tensor.set(i, static_cast<std::int32_t>(value));
  }
}

/// Ratios that bring values of `magnitude` into the output's range and somewhat beyond; also ties (powers of two) and negative ones.
inline Requantization random_ratios(Random& random, std::int64_t channels, double magnitude, BitWidth output, Rounding rounding) {
  Requantization r;
  r.rounding = rounding;
  if (random.below(3) == 0) r.zero_point = static_cast<std::int32_t>(random.between(-9, output.bits < 4 ? 0 : 7));
  const std::int64_t count = random.coin() ? 1 : channels;
  for (std::int64_t i = 0; i < count; ++i) {
    const double wanted = static_cast<double>(output.highest() + 1) / std::max(magnitude, 1.0) * 4 * random.uniform();
    if (rounding == Rounding::kFloat32Scale) {
      r.float32_scales.push_back(static_cast<float>(wanted));
      continue;
    }
    Dyadic ratio = dyadic_from_ratio(wanted).value_or(Dyadic{1, 0});
    if (random.below(4) == 0) ratio = {std::int32_t{1} << random.below(8), static_cast<int>(random.between(7, 20))};
    if (random.below(6) == 0) ratio.multiplier = -ratio.multiplier;
    r.ratios.push_back(ratio);
  }
  return r;
}

inline Rounding random_rounding(Random& random, bool with_float) {
  const Rounding integer =
      one_of(random, {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kFloor, Rounding::kGemmlowp});
  return with_float && random.below(8) == 0 ? Rounding::kFloat32Scale : integer;
}

inline Window random_window(Random& random) {
  Window w;
  if (random.below(4) == 0) return w;
  w.kernel_h = one_of(random, {1, 2, 3, 3, 5});
  w.kernel_w = random.below(3) ? w.kernel_h : one_of(random, {1, 2, 3, 4});
  w.stride_h = one_of(random, {1, 1, 2, 3});
  w.stride_w = random.below(3) ? w.stride_h : one_of(random, {1, 2});
  w.dilation_h = one_of(random, {1, 1, 1, 2});
  w.dilation_w = random.below(3) ? w.dilation_h : one_of(random, {1, 2});
  if (random.below(3) == 0) return w;
  w.pad_top = static_cast<int>(random.between(0, w.dilation_h * (w.kernel_h - 1)));
  w.pad_left = static_cast<int>(random.between(0, w.dilation_w * (w.kernel_w - 1)));
  w.pad_bottom = random.coin() ? w.pad_top : static_cast<int>(random.between(0, w.pad_top));
  w.pad_right = random.coin() ? w.pad_left : static_cast<int>(random.between(0, w.pad_left));
  return w;
}

/// Inputs such that every output extent is 1 to about 6.
inline void random_extents(Random& random, LayerShape& s) {
  const auto extent = [&](int kernel, int dilation, int before, int after) {
    const std::int64_t least = std::max<std::int64_t>(1, dilation * (kernel - 1) + 1 - before - after);
    return random.between(least, least + 5);
  };
  s.in_h = extent(s.window.kernel_h, s.window.dilation_h, s.window.pad_top, s.window.pad_bottom);
  s.in_w = extent(s.window.kernel_w, s.window.dilation_w, s.window.pad_left, s.window.pad_right);
  s.out_h = s.window.output_h(s.in_h);
  s.out_w = s.window.output_w(s.in_w);
}

/// A convolution or linear layer: 1 to 8 bit weights, 1 to 8 (sometimes 16) bit activations; sums fit int32.
inline TiledCase random_weighted(Random& random, bool may_add) {
  TiledCase result;
  IntegerLayer& layer = result.layer;
  LayerShape& s = layer.shape;
  layer.name = "random";
  layer.op = IntegerOp::kConv;
  std::int64_t batch = random.between(1, 3);
  if (random.below(6) == 0) {
    s.kind = LayerKind::kLinear;
    batch = random.between(1, 20);
    s.in_channels = random.between(1, 200);
    s.out_channels = random.between(1, 30);
  } else {
    s.window = random_window(random);
    random_extents(random, s);
    s.in_channels = random.between(1, 24);
    s.out_channels = random.between(1, 24);
    switch (random.below(4)) {
      case 0: s.groups = static_cast<int>(s.out_channels = s.in_channels); break;  // depthwise
      case 1:
        s.groups = static_cast<int>(random.between(2, 5));
        s.in_channels = s.groups * random.between(1, 5);
        s.out_channels = s.groups * random.between(1, 5);
        break;
      default: break;
    }
  }
  const bool wide = random.below(6) == 0;
  const BitWidth format{static_cast<int>(wide ? random.between(9, 16) : random.between(1, 8)), random.coin()};
  layer.inputs = {format};
  layer.input_zero_point = static_cast<std::int32_t>(random.coin() ? 0 : random.between(format.lowest(), format.highest()));
  layer.weight_bits = {static_cast<int>(random.between(1, 8)), true};
  layer.weights = Tensor<std::int8_t>({s.out_channels, s.window.kernel_h, s.window.kernel_w, s.in_channels / s.groups});
  const bool ends = random.below(5) == 0;
  for (std::int8_t& w : layer.weights.values()) {
    const std::int64_t lowest = layer.weight_bits.lowest(), highest = layer.weight_bits.highest();
    w = static_cast<std::int8_t>(ends ? (random.coin() ? lowest : highest) : random.between(lowest, highest));
  }
  if (random.below(3) == 0) {
    layer.weight_zero_points.resize(random.coin() ? 1 : static_cast<std::size_t>(s.out_channels));
    for (std::int32_t& z : layer.weight_zero_points) z = static_cast<std::int32_t>(random.between(-128, 128));
  }
  if (random.coin()) {
    layer.bias.resize(static_cast<std::size_t>(s.out_channels));
    for (std::int32_t& b : layer.bias) b = static_cast<std::int32_t>(random.between(-30000, 30000));
  }
  result.adds = may_add && random.below(3) == 0;
  layer.requantize = result.adds ? random.below(4) == 0 : random.below(6) != 0;
  layer.output = layer.requantize ? BitWidth{static_cast<int>(random.between(1, 16)), random.coin()} : BitWidth{32, true};
  const double magnitude =
      static_cast<double>(std::max(-format.lowest(), format.highest())) * 64 * std::sqrt(static_cast<double>(s.reduction()));
  if (layer.requantize) {
    layer.relu = random.coin();
    layer.requantizations = {random_ratios(random, s.out_channels, magnitude, layer.output, random_rounding(random, true))};
    if (layer.relu) layer.requantizations[0].zero_point = std::min(layer.requantizations[0].zero_point, 0);
  }
  result.inputs.emplace_back(Shape{batch, s.in_h, s.in_w, s.in_channels}, format);
  fill(random, result.inputs.back());
  if (!result.adds) return result;
  IntegerLayer& addition = result.addition;
  addition.name = "sum";
  addition.op = IntegerOp::kAdd;
  addition.shape.kind = LayerKind::kAdd;
  addition.shape.in_h = addition.shape.out_h = s.out_h;
  addition.shape.in_w = addition.shape.out_w = s.out_w;
  addition.shape.in_channels = addition.shape.out_channels = s.out_channels;
  addition.output = {static_cast<int>(random.between(1, 16)), random.coin()};
  addition.relu = random.coin();
  const BitWidth other{static_cast<int>(random.between(1, 16)), random.coin()};
  result.addition_operand = random.coin() ? 1 : 0;
  const Rounding rounding = random_rounding(random, false);
  Requantization mine = random_ratios(random, s.out_channels, layer.requantize ? static_cast<double>(layer.output.highest()) : magnitude,
                                      addition.output, rounding);
  Requantization others = random_ratios(random, s.out_channels, static_cast<double>(other.highest()), addition.output, rounding);
  if (addition.relu) mine.zero_point = others.zero_point = 0;
  addition.inputs = {layer.output, other};
  addition.requantizations = {mine, others};
  if (result.addition_operand == 1) {
    std::swap(addition.inputs[0], addition.inputs[1]);
    std::swap(addition.requantizations[0], addition.requantizations[1]);
  }
  result.other = IntegerTensor({batch, s.out_h, s.out_w, s.out_channels}, other);
  fill(random, result.other);
  return result;
}

/// Every operation without weights. `even`: only what an RTL core can run (see LayerData::supported_by_rtl).
inline TiledCase random_elementwise(Random& random, bool even) {
  TiledCase result;
  IntegerLayer& layer = result.layer;
  LayerShape& s = layer.shape;
  layer.name = "random";
  layer.op = one_of(random, {IntegerOp::kAdd, IntegerOp::kRequantize, IntegerOp::kMaxPool, IntegerOp::kAveragePool});
  if (!even && random.below(3) == 0) layer.op = one_of(random, {IntegerOp::kConcat, IntegerOp::kSubsample, IntegerOp::kFlatten});
  const bool pools = layer.op == IntegerOp::kMaxPool || layer.op == IntegerOp::kAveragePool;
  const std::int64_t batch = random.between(1, 3);
  s.in_channels = s.out_channels = random.between(1, 40);
  const auto format = [&] {
    return BitWidth{even ? one_of(random, {1, 2, 4, 8, 16}) : static_cast<int>(random.between(1, 20)), random.coin()};
  };
  std::size_t operands = 1;
  if (pools) {
    s.window = random_window(random);
    Window& w = s.window;
    w.dilation_h = w.dilation_w = 1;
    if (even || random.coin()) {
      w.stride_h = w.kernel_h;
      w.stride_w = w.kernel_w;
      w.pad_top = w.pad_bottom = w.pad_left = w.pad_right = 0;
    }
    w.pad_top = std::min(w.pad_top, w.kernel_h - 1);
    w.pad_left = std::min(w.pad_left, w.kernel_w - 1);
    w.pad_bottom = std::min(w.pad_bottom, w.pad_top);
    w.pad_right = std::min(w.pad_right, w.pad_left);
    random_extents(random, s);
    if (even) {
      s.in_h = s.out_h * w.kernel_h;
      s.in_w = s.out_w * w.kernel_w;
    }
    layer.average_rounding =
        one_of(random, {AverageRounding::kHawq, AverageRounding::kHalfUp, AverageRounding::kHalfAway, AverageRounding::kFloor});
    layer.count_include_pad = random.coin();
  } else if (layer.op == IntegerOp::kSubsample) {
    s.window.stride_h = s.window.stride_w = static_cast<int>(random.between(1, 3));
    random_extents(random, s);
    layer.channel_pad_before = static_cast<int>(random.below(5));
    layer.channel_pad_after = static_cast<int>(random.below(5));
    s.out_channels += layer.channel_pad_before + layer.channel_pad_after;
  } else {
    s.in_h = s.out_h = random.between(1, 7);
    s.in_w = s.out_w = random.between(1, 7);
    if (layer.op == IntegerOp::kAdd) operands = 2;
    if (layer.op == IntegerOp::kConcat) {
      operands = random.between(1, 4);
      s.out_channels = 0;
    }
    if (layer.op == IntegerOp::kFlatten) {
      s.out_channels = s.input_count();
      s.out_h = s.out_w = 1;
    }
  }
  const bool requantizes = layer.op == IntegerOp::kAdd || layer.op == IntegerOp::kRequantize || layer.op == IntegerOp::kConcat;
  layer.output = {static_cast<int>(random.between(1, 16)), random.coin()};
  layer.relu = requantizes && random.coin();
  const Rounding rounding = random_rounding(random, !even);
  for (std::size_t i = 0; i < operands; ++i) {
    const std::int64_t channels = layer.op == IntegerOp::kConcat ? random.between(1, 12) : s.in_channels;
    if (layer.op == IntegerOp::kConcat) s.out_channels += channels;
    layer.inputs.push_back(format());
    const BitWidth& input = layer.inputs.back();
    if (requantizes) {
      Requantization r = random_ratios(random, even ? 1 : channels, static_cast<double>(input.highest()), layer.output, rounding);
      if (layer.relu) r.zero_point = 0;
      layer.requantizations.push_back(r);
    }
    result.inputs.emplace_back(Shape{batch, s.in_h, s.in_w, channels}, input);
    fill(random, result.inputs.back());
  }
  if (!requantizes && random.coin()) layer.output = layer.inputs[0];
  layer.input_zero_point = static_cast<std::int32_t>(random.between(layer.inputs[0].lowest(), layer.inputs[0].highest()));
  return result;
}

inline accel_models::tiled::Machine random_tiled_machine(
    Random& random, accel_models::tiled::Operands operands = accel_models::tiled::Operands::kBitPlanes) {
  using accel_models::tiled::Operands;
  accel_models::tiled::Machine machine;
  machine.operands = operands;
  machine.rows = random.between(1, 8);
  machine.columns = random.between(1, 8);
  switch (operands) {
    case Operands::kBitPlanes: machine.depth = one_of<std::int64_t>(random, {1, 7, 8, 16, 31, 32, 33, 64, 96, 128}); break;
    case Operands::kElements: machine.depth = one_of<std::int64_t>(random, {8, 16, 40, 64, 128}); break;
    case Operands::kColumns: machine.depth = one_of<std::int64_t>(random, {8, 9, 15}); break;
    case Operands::kCodes:
    case Operands::kStationaryWeights:
    case Operands::kStationaryActivations: machine.depth = one_of<std::int64_t>(random, {8, 24, 64, 128}); break;
    case Operands::kBricks:
      machine.depth = one_of<std::int64_t>(random, {32, 64, 96, 128});
      machine.rows = random.coin() ? 1 : machine.rows;
      break;
  }
  machine.activation_entries = one_of<std::int64_t>(random, {20, 60, 200, 2000});
  machine.weight_entries = one_of<std::int64_t>(random, {8, 16, 60, 200, 2000});
  machine.pipeline_cycles = random.between(0, 12);
  machine.requantizer_lanes = random.between(1, 20);
  machine.output_port_bits = random.between(8, 256);
  machine.queue_depth = random.between(1, 8);
  return machine;
}

/// Every weight becomes the nearest that a machine takes: of shift-add machines a sum of as many powers of two as their passes have.
inline void round_weights(TiledCase& one, const accel_models::tiled::Machine& machine, std::int64_t weight_bits) {
  if (machine.operands != accel_models::tiled::Operands::kCodes) return;
  for (std::int8_t& weight : one.layer.weights.values())
    while (!accel_models::tiled::shift_codes(weight, machine.packing(weight_bits, 8).weight_entries))
      weight = static_cast<std::int8_t>(weight > 0 ? weight - 1 : weight + 1);
}

inline hwsim::DramTiming random_dram(Random& random) {
  hwsim::DramTiming dram;
  dram.latency = random.between(1, 60);
  dram.burst_bits = 64;
  dram.request_bits = 512;
  if (random.coin()) dram.bits_per_kilocycle = random.between(4000, 200000);
  if (dram.bits_per_kilocycle == 0 || random.coin()) return dram;
  // With channels, banks and refresh.
  dram.channels = one_of<std::int64_t>(random, {1, 2, 3, 8});
  dram.interleave_bits = 64 * random.between(1, 4);
  dram.row_bits = dram.interleave_bits * random.between(1, 16);
  dram.banks = 4 * random.between(0, 4);
  dram.row_miss_cycles = random.between(0, 20);
  dram.row_cycle_cycles = random.between(0, 60);
  dram.refresh_interval = random.between(100, 1000);
  dram.refresh_cycles = random.between(0, 90);
  return dram;
}

}  // namespace dyad::testing_support
