#include "dyad/workflow/rtl_run.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/rtl.hpp"
#include "dyad/cosim/requantizer_driver.hpp"
#include "dyad/kernels/backends.hpp"
#include "evaluation_parts.hpp"
#include "sha256.hpp"

namespace dyad::workflow {
namespace {

namespace tiled = accel_models::tiled;
using quantizer::IntegerNetwork;

/// What happens to a tensor next. Layer i of the network writes tensor i + 1.
struct Step {
  enum class Kind { kCore, kNarrow, kAddress } kind = Kind::kCore;
  std::size_t layer = 0;
  std::optional<std::size_t> addition;   ///< kCore: added inside; `layer` makes one of its operands
  std::optional<std::size_t> narrowing;  ///< kCore: a rescaling of the result by its only reader
  tiled::Schedule schedule;
  tiled::Problem problem;
  std::size_t last() const { return narrowing ? *narrowing : addition ? *addition : layer; }
};

std::vector<std::vector<std::size_t>> readers_of(const IntegerNetwork& network) {
  std::vector<std::vector<std::size_t>> readers(network.layers.size() + 1);
  for (std::size_t i = 0; i < network.layers.size(); ++i)
    for (const int tensor : network.inputs[i]) readers[static_cast<std::size_t>(tensor)].push_back(i);
  return readers;
}

/// The weighted layer that takes the addition in: it makes raw accumulators for it alone; of two, the later.
std::optional<std::size_t> layer_of_addition(const IntegerNetwork& network, const std::vector<std::vector<std::size_t>>& readers,
                                             std::size_t addition) {
  std::optional<std::size_t> found;
  const std::vector<int>& operands = network.inputs[addition];
  if (operands[0] == operands[1]) return found;
  for (const int tensor : operands) {
    if (tensor == 0) continue;
    const auto maker = static_cast<std::size_t>(tensor) - 1;
    const IntegerLayer& layer = network.layers[maker];
    if (layer.op == IntegerOp::kConv && !layer.requantize && readers[static_cast<std::size_t>(tensor)].size() == 1)
      found = std::max(found.value_or(std::size_t{0}), maker);
  }
  return found;
}

/// What costs and fuses: a rescaling into the pooling before it, whose only reader it is.
bool takes_narrowing(const IntegerLayer& pool, const IntegerLayer& reader) {
  return (pool.op == IntegerOp::kAveragePool || pool.op == IntegerOp::kMaxPool) && reader.op == IntegerOp::kRequantize && !reader.relu &&
         reader.requantizations[0].ratios.size() == 1 && pool.output == pool.inputs[0];
}

class Runner {
 public:
  Runner(const IntegerNetwork& network, const accel_models::Accelerator& accelerator, const tiled::Machine& machine)
      : network_(network), accelerator_(accelerator), machine_(machine), scalar_(kernels::make_scalar_backend()) {}

  Result<void> prepare(const std::filesystem::path& waves) {
    DYAD_TRY(const cosim::CoreShape shape, tiled::core_for(machine_));
    accel_models::CostOptions options;
    options.batch = 1;
    DYAD_TRY(cycle_tier_, accel_models::make_cost_model(accelerator_, Tier::kCycle, options));
    DYAD_CHECK(plan());
    core_ = cosim::make_core(shape.name);
    if (!waves.empty()) core_->trace(waves);
    run_.core = shape.name;
    return {};
  }

  std::size_t steps() const { return steps_.size(); }

  /// int32 logits of one image (H, W, C).
  Result<std::vector<std::int32_t>> run_image(const std::uint8_t* image, const std::function<bool(std::size_t)>& proceed) {
    std::vector<IntegerTensor> tensors(network_.layers.size() + 1);
    quantize_input(image, tensors[0]);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!proceed(i)) return std::vector<std::int32_t>{};
      DYAD_CHECK(run_step(steps_[i], tensors));
    }
    const auto logits = tensors.back().as<std::int32_t>();
    return std::vector<std::int32_t>(logits.begin(), logits.end());
  }

  RtlRun finish() && {
    for (const RtlLayer& layer : run_.layers) {
      run_.cycles += layer.cycles;
      run_.cycle_tier_cycles += layer.cycle_tier_cycles;
    }
    return std::move(run_);
  }

 private:
  tiled::LayerOperands operands_of(const Step& step, const std::vector<IntegerTensor>* tensors) const {
    tiled::LayerOperands operands;
    operands.layer = &network_.layers[step.layer];
    if (tensors)
      for (const int tensor : network_.inputs[step.layer]) operands.inputs.push_back(&(*tensors)[static_cast<std::size_t>(tensor)]);
    if (step.addition) {
      operands.addition = &network_.layers[*step.addition];
      const std::vector<int>& both = network_.inputs[*step.addition];
      operands.addition_operand = both[0] == static_cast<int>(step.layer) + 1 ? 0 : 1;
      if (tensors) operands.other = &(*tensors)[static_cast<std::size_t>(both[1 - operands.addition_operand])];
    }
    if (step.narrowing) operands.narrowing = &network_.layers[*step.narrowing];
    return operands;
  }

  /// Chooses the schedule, as the cost model does.
  Result<void> schedule(Step& step) {
    const tiled::LayerOperands operands = operands_of(step, nullptr);
    const LayerShape shape = tiled::cost_shape(operands);
    const OperandBits bits = tiled::operand_bits(operands);
    const auto estimate = tiled::estimate(shape, bits, 1, machine_, accelerator_.dram);
    if (!estimate)
      return Error{"layer '" + shape.name + "'", "not one of its tiles fits into the memories of '" + accelerator_.name + "'",
                   "choose another accelerator or fewer bits"};
    step.schedule = estimate->schedule;
    step.problem = tiled::make_problem(shape, bits, 1, machine_);
    DYAD_TRY(const LayerCost cost, cycle_tier_->cost(shape, bits, Activity{}));
    per_image_.push_back(cost.cycles);
    RtlLayer layer;
    layer.name = shape.name;
    if (step.addition || step.narrowing) layer.fused = network_.layers[step.last()].name;
    run_.layers.push_back(std::move(layer));
    return {};
  }

  Result<void> plan() {
    const auto readers = readers_of(network_);
    std::vector<bool> inside(network_.layers.size(), false);  // runs inside another layer's step
    std::vector<std::optional<std::size_t>> makers(network_.layers.size());
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      if (network_.layers[i].op != IntegerOp::kAdd) continue;
      const auto maker = layer_of_addition(network_, readers, i);
      if (!maker) continue;
      Step step{Step::Kind::kCore, *maker, i, std::nullopt, {}, {}};
      const tiled::LayerOperands operands = operands_of(step, nullptr);
      const LayerShape shape = tiled::cost_shape(operands);
      if (!tiled::can_fuse_residual(tiled::make_problem(shape, tiled::operand_bits(operands), 1, machine_), machine_)) continue;
      makers[i] = maker;
      inside[*maker] = true;
    }
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      if (inside[i]) continue;
      const IntegerLayer& layer = network_.layers[i];
      for (const Requantization& requantization : layer.requantizations)
        if (!requantization.offsets.empty())
          return Error{"layer '" + layer.name + "'", "its requantization has offsets, which result stages don't add",
                       "run it on the cpu backend"};
      if (!layer.output_levels.is_uniform())
        return Error{"layer '" + layer.name + "'",
                     "its outputs are levels (" + describe(layer.output_levels) + "), for which result stages have no table",
                     "quantize with --activations uniform, or run it on the cpu backend"};
      Step step;
      step.layer = i;
      if (layer.op == IntegerOp::kSubsample || layer.op == IntegerOp::kFlatten) {
        step.kind = Step::Kind::kAddress;
      } else if (layer.op == IntegerOp::kRequantize) {
        step.kind = Step::Kind::kNarrow;
      } else {
        if (makers[i]) {
          step.layer = *makers[i];
          step.addition = i;
        } else if (readers[i + 1].size() == 1 && takes_narrowing(layer, network_.layers[readers[i + 1][0]])) {
          step.narrowing = readers[i + 1][0];
          inside[*step.narrowing] = true;
        }
        DYAD_CHECK(schedule(step));
      }
      steps_.push_back(std::move(step));
    }
    return {};
  }

  void quantize_input(const std::uint8_t* image, IntegerTensor& tensor) const {
    const quantizer::InputQuantization& input = network_.input;
    tensor.reset({1, input.height, input.width, input.channels}, input.format);
    for (std::int64_t i = 0; i < tensor.size(); ++i) tensor.set(i, input.table[i % input.channels * 256 + image[i]]);
  }

  Result<void> run_step(const Step& step, std::vector<IntegerTensor>& tensors) {
    const IntegerLayer& layer = network_.layers[step.layer];
    IntegerTensor& output = tensors[step.last() + 1];
    if (step.kind == Step::Kind::kAddress) {
      DYAD_TRY(const auto prepared, scalar_->prepare(layer));
      const LayerShape& s = layer.shape;
      output.reset({1, s.out_h, s.out_w, s.out_channels}, layer.output);
      const IntegerTensor* const inputs[] = {&tensors[static_cast<std::size_t>(network_.inputs[step.layer][0])]};
      prepared->run(inputs, output);
      return {};
    }
    if (step.kind == Step::Kind::kNarrow) return narrow(layer, tensors[static_cast<std::size_t>(network_.inputs[step.layer][0])], output);
    DYAD_TRY(tiled::LayerData data, tiled::LayerData::make(operands_of(step, &tensors), step.problem, step.schedule, machine_));
    DYAD_TRY(const cosim::CoreResult result, tiled::run_on_core(*core_, data, machine_, accelerator_.dram));
    const std::size_t place = next_core_layer_++ % run_.layers.size();
    run_.layers[place].cycles += Cycles(result.cycles);
    run_.layers[place].cycle_tier_cycles += per_image_[place];
    output = std::move(data).take_output();
    return {};
  }

  /// The rescaling at the fetch side, through the RTL requantizer.
  Result<void> narrow(const IntegerLayer& layer, const IntegerTensor& input, IntegerTensor& output) {
    const Requantization& requantization = layer.requantizations[0];
    if (requantization.rounding == Rounding::kFloat32Scale)
      return Error{"layer '" + layer.name + "'", "rounds float32_scale, which exists in software only", "quantize with another --rounding"};
    output.reset(input.shape(), layer.output);
    const std::int64_t channels = input.shape()[3];
    std::int64_t lowest = layer.output.lowest();
    if (layer.relu) lowest = std::max<std::int64_t>(lowest, requantization.zero_point);
    std::vector<cosim::reference::RequantizerBeat> cases(static_cast<std::size_t>(input.size()));
    for (std::int64_t i = 0; i < input.size(); ++i) {
      const Dyadic ratio = requantization.ratio(i % channels);
      cases[static_cast<std::size_t>(i)] = {input.get(i),
                                            ratio.multiplier,
                                            ratio.shift,
                                            requantization.zero_point,
                                            static_cast<std::int32_t>(lowest),
                                            static_cast<std::int32_t>(layer.output.highest())};
    }
    const std::vector<std::int32_t> results = cosim::run_requantizer(requantization.rounding, cases);
    for (std::int64_t i = 0; i < input.size(); ++i) output.set(i, results[static_cast<std::size_t>(i)]);
    return {};
  }

  const IntegerNetwork& network_;
  const accel_models::Accelerator& accelerator_;
  const tiled::Machine& machine_;
  std::unique_ptr<IntegerBackend> scalar_;
  std::unique_ptr<CostModel> cycle_tier_;
  std::unique_ptr<cosim::CoreSimulation> core_;
  std::vector<Step> steps_;
  std::vector<Cycles> per_image_;  // of each core layer, cycle tier
  std::size_t next_core_layer_ = 0;
  RtlRun run_;
};

}  // namespace

Result<RtlRun> run_on_rtl(const IntegerNetwork& network, const accel_models::Accelerator& accelerator, const network::Dataset& data,
                          std::int64_t limit, Progress& progress, const std::filesystem::path& waves) {
  DYAD_CHECK(check_image_shape(data, network.input.height, network.input.width, network.input.channels));
  DYAD_CHECK(check_labels(data, network.classes()));
  const auto* machine = std::get_if<tiled::Machine>(&accelerator.core);
  if (!machine) return Error{accelerator.name, "has no RTL core", "see docs/workflow/rtl_run.md for those that have"};
  Runner runner(network, accelerator, *machine);
  DYAD_CHECK(runner.prepare(waves));
  const std::int64_t total = limit > 0 ? std::min(limit, data.size()) : data.size();
  const auto steps = static_cast<std::int64_t>(runner.steps());
  const std::int64_t image_size = data.images.size() / data.size();
  Scorer scorer(data.labels);
  Sha256 digest;
  progress.stage("rtl");
  const auto started = std::chrono::steady_clock::now();
  for (std::int64_t n = 0; n < total; ++n) {
    DYAD_TRY(std::vector<std::int32_t> logits, runner.run_image(data.images.data() + n * image_size, [&](std::size_t step) {
      progress.update(n * steps + static_cast<std::int64_t>(step), total * steps);
      return !progress.cancelled();
    }));
    if (logits.empty()) break;
    const Tensor<std::int32_t> row({1, network.classes()}, std::move(logits));
    digest.add_little_endian(row.values());
    scorer.add(row, n);
  }
  progress.update(total * steps, total * steps);
  RtlRun run = std::move(runner).finish();
  run.evaluation = std::move(scorer).finish(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  run.evaluation.digest = digest.hex();
  return run;
}

}  // namespace dyad::workflow
