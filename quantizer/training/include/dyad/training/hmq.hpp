/// \file HMQ: bits and power-of-two thresholds of every layer by gradient, with the network trained along (docs/quantizer/hmq.md).
/// Free of LibTorch; every function opens the training module and is an Error where there is none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/result.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/hmq.hpp"
#include "dyad/quantizer/lowering.hpp"

namespace dyad::training {

/// How the bits of activations are found.
enum class HmqActivations {
  kGradient,  ///< as those of weights
  kRule,      ///< published: quantizer::hmq_activation_bits at a compression that rises to `activation_compression`
};
/// What the logits start from.
enum class HmqStart {
  kBalanced,   ///< bits so likely that the expected costs keep the limits, thresholds by their rounding error
  kPublished,  ///< quantizer::hmq_published_start: 95 % on the most bits at the largest threshold
};
/// What the network learns from.
enum class HmqTeacher {
  kFloat,   ///< the float network's probabilities
  kLabels,  ///< published: the labels
};
std::string_view to_string(HmqActivations activations);
std::string_view to_string(HmqStart start);
std::string_view to_string(HmqTeacher teacher);
std::optional<HmqActivations> hmq_activations_from_name(std::string_view name);  ///< "gradient", "rule"
std::optional<HmqStart> hmq_start_from_name(std::string_view name);              ///< "balanced", "published"
std::optional<HmqTeacher> hmq_teacher_from_name(std::string_view name);          ///< "float", "labels"

/// What one convolution or fully connected layer may have.
struct HmqLayer {
  std::string name;
  std::vector<int> weight_bits, activation_bits;  ///< one of each: these bits are fixed, the threshold is still searched
  bool is_input_signed = false;
  /// The input has this step and activation_bits.front() bits and nothing about it is searched: u8 pixels.
  std::optional<float> input_step;
  std::int64_t input_elements = 1;  ///< of one image
};

/// A cost that the network may not exceed. The network's cost is `fixed` + the sum of its layers' costs, or the largest of them.
struct HmqTarget {
  std::string name;
  double limit = 0;
  double at_most_bits = 0;  ///< the network's cost with the most bits everywhere: compression 1
  double fixed = 0;
  bool is_largest = false;
  std::vector<std::vector<std::vector<double>>> cost;  ///< [layer][index of weight bits][index of activation bits]
};

/// Probabilities of bits, in the layer's order, without noise.
struct HmqProbabilities {
  std::string name;
  std::vector<double> weight, activation;
};

struct HmqEpoch {
  int epoch = 0;  ///< from 1
  bool is_final = false;
  double task_loss = 0;    ///< mean cross-entropy against the teacher
  double target_loss = 0;  ///< mean, times gamma
  double top1_train = 0;   ///< percent, on augmented images with the quantizers of the phase
  double temperature = 0;  ///< at the last step; 0 in the final phase
  double seconds = 0;
  std::vector<double> compression;  ///< by target: at_most_bits / expected cost at the epoch's end
};

struct HmqProgress {
  int epoch = 0, epochs = 0;
  std::int64_t step = 0, steps = 0;  ///< within the epoch
  double task_loss = 0, top1_train = 0;
};

struct HmqOptions {
  quantizer::HmqRanges ranges = quantizer::HmqRanges::kHardwareExact;
  HmqActivations activations = HmqActivations::kGradient;
  HmqStart start = HmqStart::kBalanced;
  HmqTeacher teacher = HmqTeacher::kFloat;
  /// True: a layer's weights are divided by the largest magnitude of each output channel before they meet the shared threshold, and
  /// that factor is trained as a batch norm's gamma is. False: one factor a layer, 1.
  bool channel_scales = true;
  int shifts = 8;                     ///< thresholds: maximum / 2^0 .. 2^(shifts - 1)
  int epochs = 5;                     ///< search and final phase together, >= 2
  double final_fraction = 0.4;        ///< of the epochs; at least one is final
  std::int64_t epoch_images = 5000;   ///< drawn anew for each epoch; 0: all
  std::int64_t batch = 100;           ///< >= 2
  double weight_rate = 5e-4;          ///< weights (largest magnitude about 1), factors and biases, RAdam
  double logits_rate = 0.1;           ///< RAdam
  double weight_decay = 1e-4;         ///< on weights only, not scaled by gradients
  double gamma = 32;                  ///< weight of relu((T - R) / T)^2
  int cycles = 6;                     ///< of the temperature in the search phase; the target rises at the start of the first ones
  int target_levels = 4;              ///< published: 4
  double activation_compression = 8;  ///< kRule: the compression of the largest tensor that the rule ends at, from 4
  bool augment = true;
  std::uint64_t seed = 1;
  int threads = 0;                   ///< 0: thread_count(). The same number gives the same bytes; another may change last bits.
  double budget_seconds = 0;         ///< 0: none. Else fewer epochs when the first one shows that they would not fit.
  std::filesystem::path checkpoint;  ///< written after every epoch; empty: none
  bool resume = false;               ///< go on from `checkpoint` when it exists; its run must be this one
  /// Turns probabilities into bits at the end of the search phase.
  std::function<Result<BitAssignment>(const std::vector<HmqProbabilities>&)> choose;
  std::function<void(const HmqProgress&)> progress;  ///< after every step
  std::function<bool()> cancelled;                   ///< polled every step; true ends the run after the last whole epoch
};

/// What was trained for one layer.
struct HmqTrainedLayer {
  std::string name;
  quantizer::LayerNumbers numbers;
  double weight_threshold = 0,
         input_threshold = 0;  ///< powers of two (weights: before the channel factors); 0: an input that is not searched
};

struct HmqResult {
  std::vector<HmqTrainedLayer> layers;  ///< execution order; empty when cancelled
  std::vector<HmqProbabilities> probabilities;
  std::vector<HmqEpoch> epochs;
  BitAssignment assignment;
  int planned_epochs = 0;  ///< fewer than asked for when the budget was too small
  int resumed_after = 0;
  bool was_cancelled = false;
};

/// Trains `folded` (no batch norms) with one HMQ for each weight and each layer input, every layer of `layers` in execution order.
/// With the same options, a run that was stopped and resumed gives the same bytes as one that was not, unless it has a time budget.
Result<HmqResult> hmq_search(const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
                             const std::vector<HmqLayer>& layers, const std::vector<HmqTarget>& targets, const HmqOptions& options);

/// One pass of the module's quantizer, for comparison with other implementations.
struct HmqProbe {
  Tensor<float> values;
  quantizer::HmqSpace space;
  std::vector<float> logits;
  double maximum = 1;
  bool is_signed = true;
  quantizer::HmqRanges ranges = quantizer::HmqRanges::kHardwareExact;
  /// (extent of dimension noise_dimension, options) row-major; empty: hard choice, no noise.
  std::vector<float> uniforms;
  int noise_dimension = 0;
  double temperature = 1;
  Tensor<float> upstream;  ///< gradient of the output; empty: ones
};
struct HmqProbeResult {
  Tensor<float> output, gradient_values;
  std::vector<float> gradient_logits;  ///< zeros for a hard choice
};
Result<HmqProbeResult> hmq_probe(const HmqProbe& probe);

}  // namespace dyad::training
