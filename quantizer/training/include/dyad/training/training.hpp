/// \file What needs gradients: Hessian traces and training, through the run-time module libdyad_training.so (LibTorch).
/// This header is free of LibTorch; every function opens the module on first use and is an Error where there is none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/network.hpp"

namespace dyad::training {

/// Opens the module (once a process): $DYAD_TRAINING_MODULE, else libdyad_training.so beside the program, in ../lib/dyad, or in
/// the build tree around it. The Error says that this build has none, or why it can't be opened.
Result<void> open_module();
/// "LibTorch 1.13.0, OpenMP", for `doctor` and logs.
Result<std::string> module_description();

/// How a trace is estimated (docs/training/hessian.md).
enum class HessianMethod {
  kGaussNewton,  ///< random signs on the square root of the softmax's Hessian; one backward pass serves all layers; never negative
  kHutchinson,   ///< v'Hv with random signs v on one layer at a time, by double backward; uses the labels
};
std::string_view to_string(HessianMethod method);

struct HessianProgress {
  std::int64_t images = 0, max_images = 0;
  double worst_relative_stderr = 0;  ///< largest trace_stderr / trace of all layers so far
};

struct HessianOptions {
  HessianMethod method = HessianMethod::kGaussNewton;
  std::uint64_t seed = 1;
  std::int64_t max_images = 0;  ///< 0: all of the data set
  /// Images always used (capped by max_images): a few images carry most of the trace, so an early standard error is too small.
  std::int64_t min_images = 1024;
  int draws = 2;  ///< random vectors an image (Hutchinson: a group of images), >= 1
  /// Images whose gradients are summed before they are squared, >= 1. Products of different images are noise of mean zero: larger
  /// groups are faster and noisier (8 is near the best of both on ResNet-20).
  int group = 8;
  /// Stop when trace_stderr <= this fraction of the trace in every layer; 0: use all images.
  double target_relative_stderr = 0;
  int threads = 0;                                       ///< 0: thread_count(). The result does not depend on it.
  std::function<void(const HessianProgress&)> progress;  ///< called on the calling thread
  std::function<bool()> cancelled;                       ///< polled on the calling thread; true stops with what was computed
};

struct LayerTrace {
  std::string name;             ///< of the convolution or fully connected layer
  double trace = 0;             ///< of the layer's block of the Hessian of the mean loss in its weights (batch norms folded)
  double trace_stderr = 0;      ///< standard error of `trace` as an estimate over the distribution that the images come from
  std::int64_t parameters = 0;  ///< weights without bias
};

struct HessianTraces {
  HessianMethod method = HessianMethod::kGaussNewton;
  std::vector<LayerTrace> layers;  ///< execution order
  std::int64_t images = 0;         ///< images used
  int draws = 0;
  bool reached_target = false;  ///< every layer's standard error is within target_relative_stderr (false without a target)
  bool was_cancelled = false;
  double seconds = 0;
};

/// Trace of the Hessian of the mean cross-entropy in each layer's weights, one diagonal block a layer, inference mode.
/// The network may have batch norms (they are folded); it must have weights and end in logits or their softmax.
/// Deterministic for a seed, whatever the number of threads.
Result<HessianTraces> hessian_traces(const network::Network& network, const network::Dataset& images,
                                     const network::Normalization& normalization, const HessianOptions& options);

enum class LearningRateSchedule {
  kCosine,  ///< half a cosine from the peak to 0
  kStep,    ///< the peak, times step_factor from each of step_milestones on
};

struct TrainingProgress {
  int epoch = 0, epochs = 0;         ///< the running epoch, from 1
  std::int64_t step = 0, steps = 0;  ///< within the epoch
  double loss = 0;                   ///< mean over the epoch so far
  double top1_train = 0;             ///< percent, augmented training images of the epoch so far
  double learning_rate = 0;
  double seconds_left = 0;  ///< of the whole run
};

/// Stochastic gradient descent with Nesterov momentum. Defaults are those of the embedded network.
struct TrainOptions {
  int epochs = 20;
  std::int64_t batch = 128;
  double learning_rate = 0.1;  ///< peak
  LearningRateSchedule schedule = LearningRateSchedule::kCosine;
  double warmup = 0.2;                                ///< fraction of all steps in which the rate rises linearly to its peak, [0, 1)
  std::vector<double> step_milestones = {0.5, 0.75};  ///< fractions of all steps
  double step_factor = 0.1;
  double momentum = 0.9;
  double weight_decay = 5e-4;  ///< on convolution and fully connected weights only
  bool augment = true;         ///< random crop from the image with a black border, random horizontal flip
  int crop_border = -1;        ///< pixels on each side; -1: 4 for images of 32 rows and more, else 2
  std::uint64_t seed = 1;
  /// Threads of each operation; 0: thread_count(). The same number gives the same bytes; another may change last bits.
  int threads = 0;
  int early_stop = 0;                                     ///< stop after this many epochs without a better test top-1; 0: never
  bool keep_best = true;                                  ///< give the weights of the best epoch (first of equals), else of the last
  std::filesystem::path checkpoint;                       ///< written after every epoch; empty: none
  bool resume = false;                                    ///< go on from `checkpoint` when it exists; its options must equal these
  std::filesystem::path out;                              ///< safetensors of the result, written at the end; empty: none
  std::string command;                                    ///< kept in the metadata of `out`
  std::function<void(const TrainingProgress&)> progress;  ///< after every step
  std::function<bool()> cancelled;                        ///< polled every step; true ends the run after the last whole epoch
};

struct EpochRecord {
  int epoch = 0;          ///< from 1
  double loss = 0;        ///< mean training loss
  double top1_train = 0;  ///< percent, on augmented images in training mode
  double top1 = 0;        ///< percent of the test set
  double test_loss = 0;
  double learning_rate = 0;  ///< at the epoch's last step
  double seconds = 0;
};

struct TrainingResult {
  std::vector<EpochRecord> epochs;  ///< those before a resume included
  double top1 = 0;                  ///< of `weights`, percent of the test set
  int best_epoch = 0;
  network::Safetensors weights;  ///< PyTorch layout and names; metadata: topology, mean, std, top1, command, ...
  bool was_cancelled = false;
  bool stopped_early = false;
  int resumed_after = 0;  ///< epochs that the checkpoint already held
};

/// Trains a topology: from its weights when it has them, else from a random start (He et al. 2015, normal, fan in).
/// With the same options, a run that was stopped and resumed gives the same bytes as one that was not.
Result<TrainingResult> train(const network::Network& topology, const network::Dataset& train_images, const network::Dataset& test_images,
                             const network::Normalization& normalization, const TrainOptions& options);

/// Float logits (N, classes) of the network by LibTorch's operations, inference mode: a reference for other executors.
Result<Tensor<float>> forward(const network::Network& network, const Tensor<float>& images);

}  // namespace dyad::training
