/// \file What the quantizer and the searches see of hardware: the cost of a layer at given bits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/layer_shape.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/units.hpp"

namespace dyad {

enum class Tier { kAnalytic, kCycle, kRtl, kMeasured };
std::string_view to_string(Tier tier);
std::optional<Tier> tier_from_name(std::string_view name);

/// Bits of the three operands of a layer, 1 to 16 (out: 32 for raw accumulators).
struct OperandBits {
  int weight = 8;
  int activation = 8;
  int out = 8;
};

/// Data-dependent switching: the mean fraction of one bits in the operands' bit planes, 0 to 1.
struct Activity {
  double weight_ones = 0.5;
  double activation_ones = 0.5;
};

/// Cost of one layer for one batch.
struct LayerCost {
  Cycles cycles;
  Cycles compute_cycles;   ///< cycles the array would take alone
  Cycles stall_cycles;     ///< cycles the array waits for data or for room
  double utilization = 0;  ///< achieved / peak operations, 0 to 1
  Bits dram_read;
  Bits dram_write;
  /// Energy by component ("array", "sram", "dram", "leakage", ...), in pJ.
  std::map<std::string, double> energy_pj;
  std::string bottleneck;  ///< "compute", "weight fetch", "activation fetch", "output", "fill"; empty: not known
  /// Cycles that each resource would take if no other one ever made it wait: "compute", "weight fetch", "activation fetch", "output", and
  /// what these share ("memory bus", ...). Empty: the model does not know them.
  std::map<std::string, double> resource_cycles;

  Picojoules energy() const {
    double sum = 0;
    for (const auto& [component, picojoules] : energy_pj) sum += picojoules;
    return Picojoules(sum);
  }
};

/// Ceilings of the accelerator, for rooflines. Operations count 2 per MAC at 1 x 1 bit, so a w x a-bit MAC is 2 w a. 0: not known.
struct Ceilings {
  double peak_binary_ops_per_s = 0;
  double dram_bytes_per_s = 0;
};

/// Hardware as a function of a layer and its bits. Implementations are deterministic and may be called from one thread at a time.
class CostModel {
 public:
  virtual ~CostModel() = default;
  virtual std::string name() const = 0;
  virtual Tier tier() const = 0;
  virtual Megahertz clock() const = 0;
  /// Images a cost stands for.
  virtual int batch() const = 0;
  virtual Ceilings ceilings() const = 0;
  /// What a reader of its costs must know: what they leave out, what they assume. Whole sentences.
  virtual std::vector<std::string> notes() const { return {}; }
  /// "17.5 pJ/bit: …": the energy of its external memory and who says so; empty: not known. Published numbers differ by 2 to 5 times.
  virtual std::string dram_energy_source() const { return {}; }
  /// Hash over what decides its costs besides name, tier, clock and batch; empty: nothing else does.
  virtual std::string fingerprint() const { return {}; }
  /// Error when the accelerator can't run this layer at these bits; it names both.
  virtual Result<LayerCost> cost(const LayerShape& layer, OperandBits bits, const Activity& activity) const = 0;
};

}  // namespace dyad
