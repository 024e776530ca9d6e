/// \file Checkpoints of the APoT authors' CIFAR-10 and MNIST networks as numbers of an integer network (docs/quantizer/apot.md).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "dyad/base/bits.hpp"
#include "dyad/base/result.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/integer_network.hpp"
#include "dyad/quantizer/lowering.hpp"

namespace dyad::quantizer {

/// A checkpoint's float weights in a topology, and its learned clipping thresholds.
class ApotCheckpoint {
 public:
  /// The file's tensors in PyTorch's names; `<layer>.act_alpha` and `<layer>.weight_quant.wgt_alpha` (or `.weight_alpha`) mark a quantized
  /// layer. The topology is the built-in one whose layers and shapes are the file's, or `topology` where that is not empty. Errors: no
  /// thresholds, no or another topology, a threshold that is not a positive number.
  static Result<ApotCheckpoint> read(const std::filesystem::path& file, const std::string& topology,
                                     const network::TopologyOptions& options);

  /// With batch norms and weights as in the file.
  const network::Network& network() const { return network_; }
  /// Bits that the file's metadata names ("bits", or "4bit" in "source"), if it does.
  std::optional<int> named_bits() const { return named_bits_; }

  struct Lowered {
    IntegerNetwork network;
    BitAssignment assignment;           ///< layers without thresholds: 8-bit weights, up to 16-bit inputs
    std::map<std::string, double> mse;  ///< by layer: mean squared error of a weight with its batch norm folded in
  };
  /// The integer network. A first layer over several channels becomes one layer a channel and their sum where that keeps the pixels exact:
  /// `<name>`, `<name>.channel1`, ... `assignment` gives the bits of every weighted layer: 2 to 6 bits of weights and 1 to 6 of inputs
  /// where the file has thresholds (and those that it names), 8-bit weights elsewhere.
  Result<Lowered> lower(const BitAssignment& assignment, const network::Normalization& normalization, const LoweringOptions& options) const;

 private:
  struct Thresholds {
    float weight = 0, activation = 0;
  };
  Result<void> check_bits(const BitAssignment& assignment) const;

  std::string place_;
  network::Network network_;
  std::map<std::string, Thresholds> thresholds_;  ///< by layer
  std::optional<int> named_bits_;
};

}  // namespace dyad::quantizer
