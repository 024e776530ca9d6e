#include "reconstruction.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "batches.hpp"
#include "dyad/base/random.hpp"
#include "operation_threads.hpp"
#include "quantized_steps.hpp"

namespace dyad::training {
namespace {

constexpr std::int64_t kEvaluationBatch = 64;
constexpr int kIterations = 250, kTwoBitIterations = 400;

/// Adam on a list of tensors with a rate each (Kingma and Ba 2015).
class Adam {
 public:
  void add(const at::Tensor& parameter, double rate) {
    parameters_.push_back(parameter);
    rates_.push_back(rate);
    first_.push_back(at::zeros_like(parameter));
    second_.push_back(at::zeros_like(parameter));
  }
  const std::vector<at::Tensor>& parameters() const { return parameters_; }

  void step(const std::vector<at::Tensor>& gradients) {
    constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
    const at::NoGradGuard no_gradient;
    ++steps_;
    const double correction1 = 1 - std::pow(kBeta1, steps_), correction2 = 1 - std::pow(kBeta2, steps_);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (!gradients[i].defined()) continue;
      first_[i].mul_(kBeta1).add_(gradients[i], 1 - kBeta1);
      second_[i].mul_(kBeta2).addcmul_(gradients[i], gradients[i], 1 - kBeta2);
      const at::Tensor denominator = (second_[i] / correction2).sqrt_().add_(kEpsilon);
      parameters_[i].addcdiv_(first_[i], denominator, -rates_[i] / correction1);
    }
  }

 private:
  std::vector<at::Tensor> parameters_, first_, second_;
  std::vector<double> rates_;
  int steps_ = 0;
};

struct BlockSteps {
  std::vector<std::size_t> steps;
  std::vector<std::size_t> layers;  ///< indices of layers
  std::vector<std::size_t> reads;   ///< steps before the block that it reads
  std::size_t target = 0;
};

/// Some images of (N, C, H, W) values, channel innermost in memory, which the convolutions are fastest with.
at::Tensor select(const at::Tensor& values, const at::Tensor& images) {
  return values.permute({0, 2, 3, 1}).index_select(0, images).permute({0, 3, 1, 2});
}

/// Tensors of all images that later blocks read, by step.
using Boundary = std::vector<at::Tensor>;

class Reconstructor {
 public:
  Reconstructor(const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
                const quantizer::NetworkNumbers& numbers, quantizer::LoweringPlan plan, const ReconstructionOptions& options)
      : folded_(folded),
        options_(options),
        count_(options.images),
        batches_(images, normalization),
        quantized_(folded, numbers, std::move(plan), options.rounding),
        exact_values_(quantized_.network().steps()),
        values_(quantized_.network().steps()) {
    find_steps();
  }

  Result<Reconstruction> run() {
    result_.images = count_;
    for (const BlockSteps& block : blocks_) total_ += iterations_of(block);
    for (const BlockSteps& block : blocks_) {
      measure_float(block);
      BlockRecord record;
      for (const std::size_t layer : block.layers) record.layers.push_back(network().layer_names()[layer]);
      record.target = network().step_node(block.target).name;
      record.iterations = static_cast<int>(iterations_of(block));
      if (!learn(block, record)) {
        result_.was_cancelled = true;
        break;
      }
      result_.blocks.push_back(std::move(record));
      fill_boundary(block, values_, true, [](const std::vector<at::Tensor>&) {});
      forget(block);
    }
    result_.numbers = quantized_.numbers();
    return std::move(result_);
  }

 private:
  struct Saved {
    std::vector<at::Tensor> integers, biases;
    std::vector<float> steps;
  };

  const TorchNetwork& network() const { return quantized_.network(); }

  void find_steps() {
    const std::size_t count = network().steps();
    last_use_.assign(count, 0);
    for (std::size_t step = 0; step < count; ++step)
      for (const std::size_t input : network().step_inputs(step)) last_use_[input] = step;
    for (const quantizer::Block& nodes : quantizer::find_blocks(folded_, options_.granularity)) {
      BlockSteps block;
      for (const network::NodeId id : nodes.nodes) {
        const auto step = network().step_of(id);
        if (!step) continue;  // renames the logits
        block.steps.push_back(*step);
        for (const std::size_t input : network().step_inputs(*step))
          if (std::find(block.steps.begin(), block.steps.end(), input) == block.steps.end() &&
              std::find(block.reads.begin(), block.reads.end(), input) == block.reads.end())
            block.reads.push_back(input);
      }
      for (const network::NodeId id : nodes.layers) block.layers.push_back(network().step_layer(*network().step_of(id)));
      block.target = block.steps.back();
      blocks_.push_back(std::move(block));
    }
  }

  std::int64_t iterations_of(const BlockSteps& block) {
    if (options_.iterations > 0) return options_.iterations;
    const bool has_two_bits =
        std::any_of(block.layers.begin(), block.layers.end(), [&](std::size_t layer) { return quantized_.layers()[layer].highest <= 1; });
    return has_two_bits ? kTwoBitIterations : kIterations;
  }

  bool outlives(std::size_t step, const BlockSteps& block) const { return step == block.target || last_use_[step] > block.target; }

  at::Tensor images(std::int64_t begin, std::int64_t count) const {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) indices[static_cast<std::size_t>(i)] = begin + i;
    std::vector<float> values;
    batches_.fill(indices.data(), count, values);
    return as_images(values.data(), batches_.batch_shape(count)).clone();
  }

  /// What the block reads of some images, by step.
  template <typename Select>
  std::vector<at::Tensor> inputs_of(const BlockSteps& block, const Boundary& values, const Select& select) const {
    std::vector<at::Tensor> outputs(network().steps());
    for (const std::size_t step : block.reads) outputs[step] = select(values[step]);
    return outputs;
  }

  /// The block's tensors of images [begin, begin + count).
  std::vector<at::Tensor> evaluate(const BlockSteps& block, const Boundary& values, bool is_quantized, std::int64_t begin,
                                   std::int64_t count) const {
    std::vector<at::Tensor> outputs = inputs_of(block, values, [&](const at::Tensor& all) { return all.narrow(0, begin, count); });
    for (const std::size_t step : block.steps) {
      const bool is_input = network().step_node(step).kind == network::OpKind::kInput;
      const at::Tensor pixels = is_input ? images(begin, count) : at::Tensor();
      outputs[step] = is_quantized ? quantized_.evaluate(step, outputs, pixels) : quantized_.evaluate_float(step, outputs, pixels);
    }
    return outputs;
  }

  template <typename Visit>
  void for_each_batch(const BlockSteps& block, const Boundary& values, bool is_quantized, const Visit& visit) const {
    const at::NoGradGuard no_gradient;
    for (std::int64_t begin = 0; begin < count_; begin += kEvaluationBatch) {
      const std::int64_t count = std::min(kEvaluationBatch, count_ - begin);
      visit(begin, count, evaluate(block, values, is_quantized, begin, count));
    }
  }

  /// `see` is called with the tensors of each batch.
  template <typename See>
  void fill_boundary(const BlockSteps& block, Boundary& values, bool is_quantized, const See& see) const {
    Boundary made(values.size());
    for_each_batch(block, values, is_quantized, [&](std::int64_t begin, std::int64_t count, const std::vector<at::Tensor>& outputs) {
      see(outputs);
      for (const std::size_t step : block.steps) {
        if (!outlives(step, block)) continue;
        if (!made[step].defined()) {
          std::vector<std::int64_t> shape = outputs[step].sizes().vec();
          shape[0] = count_;
          made[step] = at::empty(shape, at::kFloat, at::MemoryFormat::ChannelsLast);
        }
        made[step].narrow(0, begin, count).copy_(outputs[step]);
      }
    });
    for (const std::size_t step : block.steps) values[step] = made[step];
  }

  /// Targets of the block and the mean and spread of each layer's channels in the float network.
  void measure_float(const BlockSteps& block) {
    float_means_.assign(block.layers.size(), at::Tensor());
    spreads_.assign(block.layers.size(), 0);
    fill_boundary(block, exact_values_, false, [&](const std::vector<at::Tensor>& outputs) {
      for (std::size_t i = 0; i < block.layers.size(); ++i) {
        const at::Tensor& values = outputs[step_of_layer(block.layers[i])];
        const at::Tensor sum = values.sum({0, 2, 3}, false, at::kDouble);
        float_means_[i] = float_means_[i].defined() ? float_means_[i] + sum : sum;
        spreads_[i] += values.square().sum(at::kDouble).item<double>();
      }
    });
    for (std::size_t i = 0; i < block.layers.size(); ++i) {
      const Shape& shape = folded_.node(quantized_.layers()[block.layers[i]].id).output_shape;
      const auto positions = static_cast<double>(count_ * shape[0] * shape[1]);
      float_means_[i] = float_means_[i] / positions;
      spreads_[i] = std::sqrt(spreads_[i] / (positions * static_cast<double>(shape[2])));
    }
    power_ = exact_values_[block.target].square().mean(at::kDouble).item<double>();
  }

  std::size_t step_of_layer(std::size_t layer) const { return *network().step_of(quantized_.layers()[layer].id); }

  double error(const BlockSteps& block) const {
    double sum = 0;
    for_each_batch(block, values_, true, [&](std::int64_t begin, std::int64_t count, const std::vector<at::Tensor>& outputs) {
      const at::Tensor difference = outputs[block.target] - exact_values_[block.target].narrow(0, begin, count);
      sum += difference.square().sum(at::kDouble).item<double>();
    });
    const double mean = sum / static_cast<double>(exact_values_[block.target].numel());
    return power_ > 0 ? mean / power_ : mean;
  }

  Saved save(const BlockSteps& block) {
    Saved saved;
    for (const std::size_t layer : block.layers) {
      const LearnedLayer& own = quantized_.layers()[layer];
      saved.integers.push_back(own.integers.clone());
      saved.biases.push_back(own.bias.detach().clone());
      saved.steps.push_back(quantized_.input_steps()[own.input_step].scale.item<float>());
    }
    return saved;
  }

  void restore(const BlockSteps& block, const Saved& saved) {
    for (std::size_t i = 0; i < block.layers.size(); ++i) {
      LearnedLayer& own = quantized_.layers()[block.layers[i]];
      own.integers = saved.integers[i];
      own.bias = saved.biases[i];
      own.position = at::Tensor();
      InputStep& step = quantized_.input_steps()[own.input_step];
      step.scale = at::full({1}, saved.steps[i], at::kFloat);
    }
  }

  /// Input steps that this block is the first to read.
  std::vector<std::size_t> own_steps(const BlockSteps& block) {
    std::vector<std::size_t> steps;
    for (const std::size_t layer : block.layers) {
      const std::size_t step = quantized_.layers()[layer].input_step;
      const bool is_earlier = std::any_of(quantized_.layers().begin(), quantized_.layers().end(), [&](const LearnedLayer& other) {
        return other.integers.defined() && other.input_step == step && *network().step_of(other.id) < block.steps.front();
      });
      if (!is_earlier && quantized_.input_steps()[step].is_learned && std::find(steps.begin(), steps.end(), step) == steps.end())
        steps.push_back(step);
    }
    return steps;
  }

  /// False when cancelled; the block then has the numbers that it was given.
  bool learn(const BlockSteps& block, BlockRecord& record) {
    const Saved start = save(block);
    record.error_before = error(block);
    const std::vector<std::size_t> steps = own_steps(block);
    Adam adam;
    for (std::size_t i = 0; i < block.layers.size(); ++i) {
      LearnedLayer& layer = quantized_.layers()[block.layers[i]];
      layer.start_learning(quantized_.float_weight(block.layers[i]));
      adam.add(layer.position, options_.rounding_rate);
      adam.add(layer.bias, options_.bias_rate * (spreads_[i] > 0 ? spreads_[i] : 1));
    }
    for (const std::size_t step : steps) {
      at::Tensor& scale = quantized_.input_steps()[step].scale;
      scale = scale.detach().clone();
      scale.set_requires_grad(true);
      adam.add(scale, options_.step_rate * static_cast<double>(scale.item<float>()));
    }
    const bool is_finished = iterate(block, adam, steps);
    for (const std::size_t step : steps) {
      at::Tensor& scale = quantized_.input_steps()[step].scale;
      scale = scale.detach();
    }
    for (const std::size_t layer : block.layers) quantized_.layers()[layer].finish_learning();
    if (!is_finished) {
      restore(block, start);
      return false;
    }
    record.error_after = error(block);
    if (options_.bias_correction) correct_biases(block, record);
    if (!(record.error_after <= record.error_before)) {
      restore(block, start);
      record.error_after = record.error_before;
      record.corrected_layers = 0;
    }
    return true;
  }

  bool iterate(const BlockSteps& block, Adam& adam, const std::vector<std::size_t>& steps) {
    const std::int64_t iterations = iterations_of(block), batch = std::min(options_.batch, count_);
    const auto warm = static_cast<std::int64_t>(options_.warmup * static_cast<double>(iterations));
    const double normalizer = power_ > 0 ? 1 / power_ : 1;
    Random random(options_.seed, block.target);
    std::vector<std::int64_t> order;
    std::size_t next = 0;
    for (std::int64_t i = 0; i < iterations; ++i) {
      if (options_.cancelled && options_.cancelled()) return false;
      if (next + static_cast<std::size_t>(batch) > order.size()) {
        order = random_permutation(count_, random);
        next = 0;
      }
      const at::Tensor chosen = at::from_blob(order.data() + next, {batch}, at::kLong);
      next += static_cast<std::size_t>(batch);
      const at::Tensor output = evaluate_chosen(block, chosen);
      const at::Tensor difference = output - select(exact_values_[block.target], chosen);
      const at::Tensor error = difference.square().mean() * (normalizer * static_cast<double>(output.size(1)));
      at::Tensor loss = error;
      if (i >= warm && options_.regularization > 0) {
        const double passed = static_cast<double>(i - warm) / static_cast<double>(std::max<std::int64_t>(1, iterations - warm));
        const double beta = options_.beta_end + (options_.beta_start - options_.beta_end) * (1 - passed);
        for (const std::size_t layer : block.layers) {
          const at::Tensor distance = (quantized_.layers()[layer].height() * 2 - 1).abs();
          loss = loss + (1 - distance.pow(beta)).sum() * options_.regularization;
        }
      }
      adam.step(torch::autograd::grad({loss}, adam.parameters(), {}, c10::nullopt, false, true));
      for (const std::size_t step : steps) {  // stays positive and below a ReLU6
        InputStep& own = quantized_.input_steps()[step];
        own.set(std::max(own.scale.item<float>(), 1e-3f * own.start.scale));
      }
      ++done_;
      if (options_.progress) options_.progress({network().layer_names()[block.layers.back()], done_, total_, error.item<double>()});
    }
    return true;
  }

  at::Tensor evaluate_chosen(const BlockSteps& block, const at::Tensor& chosen) {
    std::vector<at::Tensor> outputs = inputs_of(block, values_, [&](const at::Tensor& all) { return select(all, chosen); });
    for (const std::size_t step : block.steps) {
      at::Tensor pixels;
      if (network().step_node(step).kind == network::OpKind::kInput) pixels = select(all_images(), chosen);
      outputs[step] = quantized_.evaluate(step, outputs, pixels);
    }
    return outputs[block.target];
  }

  const at::Tensor& all_images() {
    if (!images_.defined()) images_ = images(0, count_);
    return images_;
  }

  /// Shifts each bias so that its channel's mean is the float network's, where that lowers the block's error.
  void correct_biases(const BlockSteps& block, BlockRecord& record) {
    for (std::size_t i = 0; i < block.layers.size(); ++i) {
      LearnedLayer& layer = quantized_.layers()[block.layers[i]];
      const std::size_t step = step_of_layer(block.layers[i]);
      at::Tensor sum = at::zeros({layer.bias.size(0)}, at::kDouble);
      std::int64_t positions = 0;
      for_each_batch(block, values_, true, [&](std::int64_t, std::int64_t, const std::vector<at::Tensor>& outputs) {
        sum += outputs[step].sum({0, 2, 3}, false, at::kDouble);
        positions += outputs[step].numel() / layer.bias.size(0);
      });
      const at::Tensor before = layer.bias;
      layer.bias = before + (float_means_[i] - sum / static_cast<double>(positions)).to(at::kFloat);
      const double corrected = error(block);
      if (corrected < record.error_after) {
        record.error_after = corrected;
        ++record.corrected_layers;
      } else {
        layer.bias = before;
      }
    }
  }

  void forget(const BlockSteps& block) {
    images_ = at::Tensor();
    for (std::size_t step = 0; step <= block.target; ++step)
      if (last_use_[step] <= block.target) values_[step] = exact_values_[step] = at::Tensor();
  }

  const network::Network& folded_;
  const ReconstructionOptions& options_;
  std::int64_t count_;
  Batches batches_;
  QuantizedSteps quantized_;
  std::vector<BlockSteps> blocks_;
  std::vector<std::size_t> last_use_;
  Boundary exact_values_, values_;
  at::Tensor images_;
  std::vector<at::Tensor> float_means_;  ///< by layer of the block
  std::vector<double> spreads_;          ///< root mean square of each layer's float output
  double power_ = 0;                     ///< mean square of the block's target
  std::int64_t done_ = 0, total_ = 0;
  Reconstruction result_;
};

Result<quantizer::LoweringPlan> plan_of(const network::Network& folded, const quantizer::NetworkNumbers& numbers) {
  std::map<network::NodeId, quantizer::ScaledFormat> inputs;
  for (const auto& [layer, own] : numbers.layers) inputs.emplace(layer, own.input);
  return quantizer::plan_lowering(folded, std::move(inputs), numbers.carriers);
}

}  // namespace

Result<Reconstruction> learn_numbers(const network::Network& folded, const network::Dataset& images,
                                     const network::Normalization& normalization, const quantizer::NetworkNumbers& numbers,
                                     const ReconstructionOptions& options) {
  const OperationThreads threads(options.threads);
  DYAD_TRY(quantizer::LoweringPlan plan, plan_of(folded, numbers));
  return Reconstructor(folded, images, normalization, numbers, std::move(plan), options).run();
}

Result<Tensor<float>> quantized_logits(const network::Network& folded, const network::Dataset& images,
                                       const network::Normalization& normalization, const quantizer::NetworkNumbers& numbers,
                                       Rounding rounding) {
  const at::NoGradGuard no_gradient;
  DYAD_TRY(quantizer::LoweringPlan plan, plan_of(folded, numbers));
  const QuantizedSteps quantized(folded, numbers, std::move(plan), rounding);
  const Batches batches(images, normalization);
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = 0; begin < images.size(); begin += kEvaluationBatch) {
    const std::int64_t count = std::min(kEvaluationBatch, images.size() - begin);
    std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) indices[static_cast<std::size_t>(i)] = begin + i;
    std::vector<float> values;
    batches.fill(indices.data(), count, values);
    const at::Tensor pixels = as_images(values.data(), batches.batch_shape(count));
    std::vector<at::Tensor> outputs(quantized.network().steps());
    for (const network::NodeId id : folded.execution_order())
      if (const auto step = quantized.network().step_of(id)) outputs[*step] = quantized.evaluate(*step, outputs, pixels);
    parts.push_back(outputs.back().flatten(1));
  }
  return to_dyad(at::cat(parts, 0));
}

}  // namespace dyad::training
