/// \file Post-training reconstruction: roundings of weights, steps of activations and biases learned from unlabelled images, through
/// the run-time module. docs/quantizer/reconstruction.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/blocks.hpp"
#include "dyad/quantizer/lowering.hpp"

namespace dyad::training {

struct ReconstructionProgress {
  std::string block;                 ///< name of its last layer
  std::int64_t step = 0, steps = 0;  ///< iterations done and to do, of all blocks
  double loss = 0;                   ///< squared error of the block's output at this step, summed over channels
};

struct ReconstructionOptions {
  quantizer::Granularity granularity = quantizer::Granularity::kBlock;
  int iterations = 0;                                               ///< a block; 0: 250, or 400 where a layer's weights have 2 bits
  std::int64_t images = 1024;                                       ///< the first of the data set; 0: all
  std::int64_t batch = 32;                                          ///< images an iteration
  double rounding_rate = 1e-2, step_rate = 4e-4, bias_rate = 1e-3;  ///< of Adam (Kingma and Ba 2015, betas 0.9 and 0.999)
  double regularization = 0.01;                                     ///< weight of sum 1 - |2h - 1|^beta over the block's weights
  double beta_start = 20, beta_end = 2, warmup = 0.2;               ///< beta falls linearly after the first part without regularization
  bool bias_correction = true;                                      ///< afterwards, in each layer where it lowers the block's error
  Rounding rounding = Rounding::kHalfUp;                            ///< of the integer network that the numbers are for
  std::uint64_t seed = 1;
  int threads = 0;  ///< of each operation; 0: thread_count(). The same number gives the same bytes; another may change last bits.
  std::function<void(const ReconstructionProgress&)> progress;  ///< after every iteration
  std::function<bool()> cancelled;                              ///< polled every iteration
};

/// Errors are mean squares of the difference from the float network's tensor over all images, divided by that tensor's mean square.
struct BlockRecord {
  std::vector<std::string> layers;
  std::string target;        ///< the node whose tensor was compared
  double error_before = 0;   ///< with the numbers given, behind blocks already learned
  double error_after = 0;    ///< never above error_before: a block that learned nothing keeps its numbers
  int corrected_layers = 0;  ///< whose biases were corrected afterwards
  int iterations = 0;
};

struct Reconstruction {
  quantizer::NetworkNumbers numbers;
  std::vector<BlockRecord> blocks;
  std::int64_t images = 0;
  bool was_cancelled = false;  ///< `numbers` then holds the blocks that were finished, the others as given
};

/// Learns, block after block on the quantized blocks before it, what makes its output most like the float network's: whether each
/// weight is rounded up or down, the steps of its inputs, and its biases. Steps of weights, carriers and the image's own step stay.
/// The blocks are evaluated as the integer network rounds; `numbers` of the result go to quantizer::lower.
/// `folded` has weights, no batch norms, and its shapes are inferred. Labels are not read. Deterministic for a seed and thread count.
Result<Reconstruction> reconstruct(const network::Network& folded, const network::Dataset& images,
                                   const network::Normalization& normalization, const quantizer::NetworkNumbers& numbers,
                                   const ReconstructionOptions& options);

/// Float logits (N, classes) of the integer network with these numbers as reconstruction evaluates it: its reference in tests.
Result<Tensor<float>> quantized_forward(const network::Network& folded, const network::Dataset& images,
                                        const network::Normalization& normalization, const quantizer::NetworkNumbers& numbers,
                                        Rounding rounding);

}  // namespace dyad::training
