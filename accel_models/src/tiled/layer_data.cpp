#include "dyad/accel_models/tiled/layer_data.hpp"

#include <algorithm>

#include "layer_parts.hpp"
#include "tile_kernels.hpp"

namespace dyad::accel_models::tiled {
namespace {

constexpr std::uint32_t wrapped(std::int64_t value) { return static_cast<std::uint32_t>(value); }

Error fault(const IntegerLayer& layer, std::string message, std::string hint) {
  return Error{"layer '" + layer.name + "' (" + std::string(to_string(layer.op)) + ")", std::move(message), std::move(hint)};
}

/// Every input element is under exactly one window, and no window reaches beyond.
bool covers_evenly(const LayerShape& s) {
  const auto axis = [](std::int64_t in, std::int64_t out, int kernel, int stride, int dilation, int before, int after) {
    return (kernel == stride || out == 1) && (dilation == 1 || kernel == 1) && before == 0 && after == 0 && in == out * kernel;
  };
  const Window& w = s.window;
  return axis(s.in_h, s.out_h, w.kernel_h, w.stride_h, w.dilation_h, w.pad_top, w.pad_bottom) &&
         axis(s.in_w, s.out_w, w.kernel_w, w.stride_w, w.dilation_w, w.pad_left, w.pad_right);
}

}  // namespace

LayerShape cost_shape(const LayerOperands& operands) {
  LayerShape shape = operands.layer->shape;
  switch (operands.layer->op) {
    case IntegerOp::kConv: shape.kind = shape.kind == LayerKind::kLinear ? LayerKind::kLinear : LayerKind::kConv; break;
    case IntegerOp::kAdd: shape.kind = LayerKind::kAdd; break;
    case IntegerOp::kConcat: shape.kind = LayerKind::kConcat; break;
    case IntegerOp::kRequantize: shape.kind = LayerKind::kRescale; break;
    case IntegerOp::kMaxPool: shape.kind = LayerKind::kMaxPool; break;
    case IntegerOp::kAveragePool: shape.kind = LayerKind::kAveragePool; break;
    case IntegerOp::kSubsample:
    case IntegerOp::kFlatten: shape.kind = LayerKind::kOther; break;
  }
  shape.adds_residual = operands.addition != nullptr;
  return shape;
}

OperandBits operand_bits(const LayerOperands& operands) {
  OperandBits bits;
  bits.weight = operands.layer->op == IntegerOp::kConv ? operands.layer->weight_bits.bits : 1;
  bits.activation = 1;
  for (const BitWidth& input : operands.layer->inputs) bits.activation = std::max(bits.activation, input.bits);
  bits.out = last_of(operands).output.bits;
  return bits;
}

Result<LayerData> LayerData::make(const LayerOperands& operands, const Problem& problem, const Schedule& schedule, const Machine& machine) {
  DYAD_EXPECT(operands.layer && operands.inputs.size() == operands.layer->inputs.size(), "a layer with another number of inputs");
  const IntegerLayer& layer = *operands.layer;
  const OperandBits bits = operand_bits(operands);
  for (const bool of_weights : {false, true})
    if (const std::int64_t has = of_weights ? bits.weight : bits.activation; problem.weighted && has > machine.largest_bits())
      return fault(layer, "its " + std::string(of_weights ? "weights" : "activations") + " have " + std::to_string(has) + " bits",
                   "this machine takes 1 to " + std::to_string(machine.largest_bits()) + " bits; requantize before this layer");
  if (!layer.weight_levels.is_uniform() && machine.operands != Operands::kCodes)
    return fault(layer, "its weights are levels (" + describe(layer.weight_levels) + "), which this machine's operands do not hold",
                 "run it on the accelerator shift-add");
  for (const IntegerLayer* each : {operands.layer, operands.addition, operands.narrowing})
    if (each && !each->output_levels.is_uniform())
      return fault(*each, "its outputs are levels (" + describe(each->output_levels) + "), for which result stages have no table",
                   "quantize with --activations uniform, or run it on the cpu backend");
  for (const IntegerLayer* each : {operands.layer, operands.addition, operands.narrowing})
    for (const Requantization& requantization : each ? each->requantizations : std::vector<Requantization>())
      if (!requantization.offsets.empty())
        return fault(*each, "its requantization has offsets, which result stages don't add", "run it on the cpu backend");
  if (machine.operands == Operands::kCodes && problem.weighted)
    for (const std::int8_t weight : layer.weights.values())
      if (!shift_codes(weight, problem.packing.weight_entries))
        return fault(layer,
                     "its weight " + std::to_string(weight) + " is not a sum of " + std::to_string(2 * problem.packing.weight_entries) +
                         " signed powers of two in pairs of one sign",
                     "quantize with --scheme apot, or give the layer more bits");
  LayerData data(operands, problem, schedule, machine);
  data.check();
  return data;
}

LayerData::LayerData(const LayerOperands& operands, const Problem& problem, const Schedule& schedule, const Machine& machine)
    : operands_(operands), problem_(problem), schedule_(schedule), machine_(machine) {
  const IntegerLayer& layer = *operands_.layer;
  const LayerShape& s = layer.shape;
  output_ = IntegerTensor({operands_.batch(), s.out_h, s.out_w, s.out_channels}, last_of(operands_).output);
  const auto results = static_cast<std::size_t>(results_per_job()), rows = static_cast<std::size_t>(machine_.rows);
  accumulators_.assign(results, 0);
  row_sums_.assign(rows, 0);
  results_.assign(results, 0);
  if (!problem_.weighted) return;
  reduction_ = s.reduction();
  group_outputs_ = s.out_channels / s.groups;
  group_inputs_ = s.in_channels / s.groups;
  packed_ = problem_.k / reduction_;
  m_tiles_ = ceil_div(problem_.m, machine_.rows);
  n_tiles_ = ceil_div(problem_.n, machine_.columns);
  words_ = schedule_.k_words;
  stride_ = ceil_div(std::min(words_ * problem_.packing.elements, problem_.k), kTileUnit) * kTileUnit;
  is_wide_ = storage_for(layer.inputs[0]) == Storage::kInt32;
  has_weight_zero_points_ =
      std::any_of(layer.weight_zero_points.begin(), layer.weight_zero_points.end(), [](std::int32_t z) { return z != 0; });
  residents_.resize(static_cast<std::size_t>(schedule_.block_tiles));
  partial_.assign(results, 0);
  partial_sums_.assign(rows * static_cast<std::size_t>(packed_), 0);
}

void LayerData::check() const {
  const IntegerLayer& layer = *operands_.layer;
  const LayerShape& s = layer.shape;
  const std::string of = " of layer '" + layer.name + "'";
  const std::int64_t batch = operands_.batch();
  for (std::size_t i = 0; i < operands_.inputs.size(); ++i) {
    const IntegerTensor& input = *operands_.inputs[i];
    DYAD_EXPECT(input.format() == layer.inputs[i], "another format than an input's" + of);
    const std::int64_t channels = layer.op == IntegerOp::kConcat ? input.shape().at(3) : s.in_channels;
    DYAD_EXPECT((input.shape() == Shape{batch, s.in_h, s.in_w, channels}), "another shape than an input's" + of);
  }
  if (operands_.narrowing)
    DYAD_EXPECT((layer.op == IntegerOp::kMaxPool || layer.op == IntegerOp::kAveragePool) && layer.output == layer.inputs[0] &&
                    operands_.narrowing->op == IntegerOp::kRequantize && operands_.narrowing->requantizations.front().ratios.size() == 1,
                "a rescaling that can't be done in the same pass" + of);
  const OperandBits bits = operand_bits(operands_);
  DYAD_EXPECT(problem_.weighted == (layer.op == IntegerOp::kConv) && problem_.outputs == output_.size(), "the problem is not that" + of);
  DYAD_EXPECT(problem_.activation_bits >= bits.activation, "the problem has fewer activation bits than the inputs" + of);
  DYAD_EXPECT((problem_.residual_bits > 0) == (operands_.addition != nullptr), "an addition that the problem does not have, or has" + of);
  if (!problem_.weighted) {
    DYAD_EXPECT(is_elementwise() && schedule_.jobs() == ceil_div(problem_.outputs, results_per_job()), "the schedule is not that" + of);
    return;
  }
  DYAD_EXPECT(problem_.weight_bits >= bits.weight, "the problem has fewer weight bits than the weights" + of);
  DYAD_EXPECT(problem_.weight_bits <= kMaxOperandBits && problem_.activation_bits <= kMaxOperandBits, "the problem has too many bits" + of);
  DYAD_EXPECT(problem_.m == batch * s.out_h * s.out_w && problem_.n == packed_ * group_outputs_ && problem_.k == packed_ * reduction_ &&
                  problem_.groups == ceil_div(s.groups, packed_),
              "the problem is not that" + of);
  DYAD_EXPECT(!is_elementwise() && schedule_.jobs() == problem_.groups * m_tiles_ * n_tiles_ * schedule_.jobs_per_result &&
                  problem_.packing == machine_.packing(problem_.weight_bits, problem_.activation_bits) && words_ == schedule_.k_words &&
                  words_ * problem_.word_cycles <= schedule_.job_cycles &&
                  ceil_div(ceil_div(problem_.k, problem_.packing.elements), words_) == schedule_.jobs_per_result,
              "the schedule is not that" + of);
  if (!operands_.addition) return;
  const IntegerLayer& addition = *operands_.addition;
  const std::size_t mine = operands_.addition_operand, others = 1 - mine;
  DYAD_EXPECT(addition.op == IntegerOp::kAdd && mine < 2 && operands_.other && addition.inputs.at(mine) == layer.output,
              "not an addition that can be fused:" + of);
  DYAD_EXPECT(operands_.other->format() == addition.inputs[others] && operands_.other->shape() == output_.shape(),
              "another format or shape than the residual operand's" + of);
}

Result<void> LayerData::supported_by_rtl() const {
  const IntegerLayer& layer = *operands_.layer;
  const IntegerLayer& last = last_of(operands_);
  std::vector<const Requantization*> requantizations;
  if (layer.requantize)
    for (const Requantization& each : layer.requantizations) requantizations.push_back(&each);
  if (operands_.addition)
    for (const Requantization& each : operands_.addition->requantizations) requantizations.push_back(&each);
  if (operands_.narrowing) requantizations.push_back(&operands_.narrowing->requantizations.front());
  std::int64_t zero_point = 0;
  for (const Requantization* each : requantizations) {
    if (each->rounding == Rounding::kFloat32Scale)
      return fault(layer, "its requantization is a float32 product", "quantize it with an integer rounding");
    if (each->rounding != requantizations.front()->rounding)
      return fault(layer, "it rounds in two ways", "one rounding for both operands of an addition");
    if (problem_.weighted) continue;
    if (each->ratios.size() != 1)
      return fault(layer, "an elementwise layer with a ratio a channel", "one ratio for the tensor, or fuse the addition into its layer");
  }
  for (const Requantization& each : last.requantizations) zero_point += each.zero_point;
  if (zero_point != static_cast<std::int32_t>(zero_point)) return fault(layer, "its zero point leaves int32", "smaller zero points");
  if (problem_.weighted) {
    if (operands_.addition && layer.requantize)
      return fault(layer, "it requantizes before its residual addition", "give the addition the accumulators");
    if (has_weight_zero_points_ && packed_ > 1)
      return fault(layer, "it has weight zero points, and " + std::to_string(packed_) + " groups share a row of the array",
                   "weights without zero points");
    return {};
  }
  switch (layer.op) {
    case IntegerOp::kMaxPool:
    case IntegerOp::kAveragePool:
      if (!covers_evenly(layer.shape)) return fault(layer, "its windows overlap, are padded, or leave inputs out", "run it on a processor");
      break;
    case IntegerOp::kAdd:
    case IntegerOp::kRequantize: break;
    default: return fault(layer, "the core has no unit for this operation", "run it on a processor");
  }
  const std::int64_t bits = problem_.activation_bits;
  if (bits > 32 || (bits & (bits - 1)) != 0)
    return fault(layer, "elements of " + std::to_string(bits) + " bits don't pack into words", "1, 2, 4, 8, 16 or 32 bits");
  if (schedule_.stream_words > machine_.activation_entries * machine_.rows)
    return fault(layer, "the operands of one tile of results don't fit into the activation memory", "a smaller window, or a larger memory");
  return {};
}

bool LayerData::activations_signed(std::size_t operand) const { return operands_.layer->inputs.at(operand).is_signed; }

Job LayerData::job(std::int64_t index) const {
  const Schedule& s = schedule_;
  DYAD_EXPECT(index >= 0 && index < s.jobs(), "no such job");
  Job job;
  if (is_elementwise()) {
    job.m_tile = index;
    return job;
  }
  const std::int64_t group_jobs = s.group_tiles() * s.rows, full_block = s.block_tiles * s.rows;
  job.group = index / group_jobs;
  std::int64_t left = index % group_jobs;
  if (s.order == Order::kStreamed) {
    job.chunk = left % s.jobs_per_result;
    const std::int64_t result = left / s.jobs_per_result;
    job.m_tile = result / n_tiles_;
    job.n_tile = result % n_tiles_;
    job.is_first = job.chunk == 0;
    job.completes = job.chunk + 1 == s.jobs_per_result;
    return job;
  }
  const std::int64_t block = std::min(left / full_block, s.blocks - 1);
  left -= block * full_block;
  const std::int64_t tiles = block + 1 == s.blocks ? s.last_block_tiles : s.block_tiles;
  const std::int64_t resident = block * s.block_tiles + left % tiles, row = left / tiles;
  job.m_tile = s.resident_is_weights ? row : resident;
  job.n_tile = s.resident_is_weights ? resident : row;
  return job;
}

OperandTile LayerData::resident_tile(std::int64_t index) const {
  const Schedule& s = schedule_;
  DYAD_EXPECT(index >= 0 && index < s.resident_tiles(), "no such tile");
  OperandTile tile{s.resident_is_weights, index / s.group_tiles(), index % s.group_tiles(), 0};
  if (s.order == Order::kStreamed) {
    const Job first = job(index);
    tile.index = first.m_tile;
    tile.chunk = first.chunk;
  }
  return tile;
}

OperandTile LayerData::stream_tile(std::int64_t index) const {
  const Schedule& s = schedule_;
  DYAD_EXPECT(index >= 0 && index < s.stream_tiles(), "no such tile");
  OperandTile tile{s.has_resident && !s.resident_is_weights, index / (s.blocks * s.rows), index % s.rows, 0};
  if (s.order == Order::kStreamed) {
    const Job first = job(index);
    tile.index = first.n_tile;
    tile.chunk = first.chunk;
  }
  return tile;
}

std::int64_t LayerData::chunk_begin(std::int64_t chunk) const { return chunk * words_ * problem_.packing.elements; }
std::int64_t LayerData::chunk_end(std::int64_t chunk) const { return std::min(problem_.k, chunk_begin(chunk + 1)); }

template <typename Element>
void LayerData::lower_activations(const OperandTile& tile, std::vector<Element>& elements) const {
  const IntegerLayer& layer = *operands_.layer;
  const LayerShape& s = layer.shape;
  const std::int64_t begin = chunk_begin(tile.chunk), end = chunk_end(tile.chunk);
  const std::int64_t first_row = tile.index * machine_.rows, rows = std::min(machine_.rows, problem_.m - first_row);
  const std::int64_t first_group = tile.group * packed_, groups = std::min<std::int64_t>(packed_, s.groups - first_group);
  const std::int64_t first_channel = first_group * group_inputs_, pixels = s.out_h * s.out_w;
  const auto zero_point = static_cast<Element>(layer.input_zero_point);
  elements.assign(static_cast<std::size_t>(machine_.rows * stride_), 0);
  operands_.inputs[0]->visit([&](auto values) {
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t row = first_row + i, oh = row % pixels / s.out_w, ow = row % s.out_w;
      const auto* image = values.data() + row / pixels * s.input_count();
      Element* to = elements.data() + i * stride_;
      if (packed_ > 1) {  // K is (group, R, S, C / groups): channels of a pixel are dealt to the groups. K is one chunk.
        for (std::int64_t position = 0; position < reduction_ / group_inputs_; ++position) {
          const Pixel p = pixel_under(s, oh, ow, position / s.window.kernel_w, position % s.window.kernel_w);
          const auto* from = image + (p.h * s.in_w + p.w) * s.in_channels + first_channel;
          for (std::int64_t g = 0; g < groups; ++g)
            for (std::int64_t c = 0; c < group_inputs_; ++c)
              to[g * reduction_ + position * group_inputs_ + c] = p.inside ? static_cast<Element>(from[g * group_inputs_ + c]) : zero_point;
        }
        continue;
      }
      for (std::int64_t e = begin; e < end;) {
        const std::int64_t position = e / group_inputs_, channel = e % group_inputs_;
        const std::int64_t run = std::min(group_inputs_ - channel, end - e);
        const Pixel p = pixel_under(s, oh, ow, position / s.window.kernel_w, position % s.window.kernel_w);
        if (p.inside) {
          const auto* from = image + (p.h * s.in_w + p.w) * s.in_channels + first_channel + channel;
          for (std::int64_t c = 0; c < run; ++c) to[c] = static_cast<Element>(from[c]);
        } else {
          std::fill_n(to, run, zero_point);
        }
        to += run;
        e += run;
      }
    }
  });
}

template <typename Element>
void LayerData::lower_weights(const OperandTile& tile, std::vector<Element>& elements) const {
  const IntegerLayer& layer = *operands_.layer;
  const std::int64_t begin = chunk_begin(tile.chunk), end = chunk_end(tile.chunk);
  const std::int64_t first = tile.index * machine_.columns, columns = std::min(machine_.columns, problem_.n - first);
  elements.assign(static_cast<std::size_t>(machine_.columns * stride_), 0);
  for (std::int64_t i = 0; i < columns; ++i) {
    const std::int64_t column = first + i, channel = tile.group * packed_ * group_outputs_ + column;
    if (channel >= layer.shape.out_channels) break;
    // The block of the column's group on the diagonal.
    const std::int64_t block = column / group_outputs_ * reduction_;
    const std::int64_t from = std::max(begin, block), to = std::min(end, block + reduction_);
    if (from >= to) continue;
    const std::int8_t* weights = layer.weights.data() + channel * reduction_ + (from - block);
    std::copy(weights, weights + (to - from), elements.data() + i * stride_ + (from - begin));
  }
}

void LayerData::lower(const OperandTile& tile, Lowered& lowered) const {
  lowered.tile = tile;
  const auto fill = [&](auto& elements) {
    if (tile.is_weights) return lower_weights(tile, elements);
    lower_activations(tile, elements);
    lowered.sums.assign(static_cast<std::size_t>(machine_.rows * packed_), 0);
    // A chunk of several groups is all of K.
    const std::int64_t length = packed_ > 1 ? reduction_ : stride_;
    for (std::int64_t r = 0; r < machine_.rows; ++r)
      for (std::int64_t g = 0; g < packed_; ++g) {
        const auto* from = elements.data() + r * stride_ + g * length;
        std::uint32_t sum = 0;
        for (std::int64_t e = 0; e < length; ++e) sum += wrapped(from[e]);
        lowered.sums[static_cast<std::size_t>(r * packed_ + g)] = sum;
      }
  };
  if (is_wide_)
    fill(lowered.wide);
  else
    fill(lowered.narrow);
}

const LayerData::Lowered& LayerData::resident(const OperandTile& tile, std::int64_t slot) {
  Lowered& lowered = residents_.at(static_cast<std::size_t>(slot));
  if (lowered.tile != tile) lower(tile, lowered);
  return lowered;
}

const LayerData::Lowered& LayerData::stream(const OperandTile& tile) {
  if (stream_.tile != tile) lower(tile, stream_);
  return stream_;
}

ResultParameters LayerData::result_parameters() const {
  const IntegerLayer& last = last_of(operands_);
  ResultParameters p;
  std::int64_t zero_point = 0;
  p.requantizes = last.requantize && !last.requantizations.empty();
  if (p.requantizes) {
    p.rounding = last.requantizations.front().rounding;
    for (const Requantization& each : last.requantizations) zero_point += each.zero_point;
  }
  p.zero_point = static_cast<std::int32_t>(zero_point);
  p.lowest = static_cast<std::int32_t>(clamp_to(last, INT32_MIN, zero_point));
  p.highest = static_cast<std::int32_t>(last.output.highest());
  return p;
}

ChannelParameters LayerData::channel_parameters(std::int64_t channel) const {
  const IntegerLayer& layer = *operands_.layer;
  ChannelParameters p;
  if (channel < 0 || channel >= layer.shape.out_channels) return p;
  p.used = true;
  if (!layer.bias.empty()) p.bias = layer.bias[static_cast<std::size_t>(channel)];
  const auto& zero_points = layer.weight_zero_points;
  if (!zero_points.empty()) p.weight_zero_point = zero_points[zero_points.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
  p.ratio = {1, 0};
  if (operands_.narrowing) p.ratio = operands_.narrowing->requantizations.front().ratio(0);
  const auto ratio = [&](const Requantization& r) { return r.ratios.empty() ? Dyadic{1, 0} : r.ratio(channel); };
  if (operands_.addition) {
    p.ratio = ratio(operands_.addition->requantizations[operands_.addition_operand]);
    p.other_ratio = ratio(operands_.addition->requantizations[1 - operands_.addition_operand]);
  } else if (layer.requantize && !layer.requantizations.empty()) {
    p.ratio = ratio(layer.requantizations[0]);
    if (layer.op == IntegerOp::kAdd) p.other_ratio = ratio(layer.requantizations[1]);
  }
  return p;
}

ChannelParameters LayerData::column_parameters(const Job& job, std::int64_t column) const {
  const std::int64_t n = job.n_tile * machine_.columns + column;
  if (n >= problem_.n) return {};
  return channel_parameters(job.group * packed_ * group_outputs_ + n);
}

std::int64_t LayerData::output_index(const Job& job, std::int64_t index) const {
  if (is_elementwise()) {
    const std::int64_t results = ceil_div(problem_.outputs, schedule_.jobs()), output = job.m_tile * results + index;
    return index < results && output < problem_.outputs ? output : -1;
  }
  const std::int64_t channels = operands_.layer->shape.out_channels;
  const std::int64_t m = job.m_tile * machine_.rows + index / machine_.columns,
                     n = job.n_tile * machine_.columns + index % machine_.columns;
  const std::int64_t channel = job.group * packed_ * group_outputs_ + n;
  return m < problem_.m && n < problem_.n && channel < channels ? m * channels + channel : -1;
}

std::vector<std::int32_t> LayerData::residual_operands(const Job& job) const {
  DYAD_EXPECT(operands_.addition, "a layer without an addition has no residual operands");
  std::vector<std::int32_t> operands(static_cast<std::size_t>(results_per_job()), 0);
  for (std::int64_t i = 0; i < results_per_job(); ++i)
    if (const std::int64_t output = output_index(job, i); output >= 0) operands[static_cast<std::size_t>(i)] = operands_.other->get(output);
  return operands;
}

}  // namespace dyad::accel_models::tiled
