/// \file A Verilated accelerator core inside the SystemC memory system: what it is fed with and what a layer gives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/dyadic.hpp"
#include "dyad/hwsim/dram_timing.hpp"

namespace dyad::cosim {

/// The parameters a core was built with.
struct CoreShape {
  std::string name;  ///< of the build, for example "bit_serial_core_8x8x256"
  std::int64_t rows = 1, columns = 1;
  std::int64_t activation_word_bits = 64, weight_word_bits = 64;
  std::int64_t activation_entries = 64, weight_entries = 64;
  std::int64_t lanes = 1;
  Rounding rounding = Rounding::kHalfUp;
  AverageRounding average_rounding = AverageRounding::kHalfUp;
  /// Cycles from the end of a result's drain until all its beats are at the output; the machine's pipeline_cycles may not be less.
  std::int64_t output_latency = 0;
  bool operator==(const CoreShape&) const = default;
};

/// A register of the program port; docs/rtl/tile_shell.md lists them.
struct CoreRegister {
  int index;
  std::uint32_t value;
};

/// The tiles of one operand in the order in which they are fetched.
struct OperandFeed {
  std::int64_t tiles = 0;                               ///< 0: the layer does not have this operand
  std::int64_t words = 1;                               ///< of a tile
  std::int64_t slot_tiles = 1;                          ///< tiles of a slot ...
  std::int64_t group_slots = 1, last_slot_tiles = 1;    ///< ... but of every group_slots-th
  std::function<std::int64_t(std::int64_t tile)> bits;  ///< read from the external memory for a tile
  /// The words of a tile one after another, each in ceil(word bits / 32) 32-bit words.
  std::function<std::vector<std::uint32_t>(std::int64_t tile)> lines;
};

/// What result_stage needs to know of a column.
struct ColumnParameters {
  std::int32_t bias = 0, weight_zero_point = 0;
  std::int32_t multiplier = 0, other_multiplier = 0;
  int shift = 0, other_shift = 0;
};

/// A layer for a core: program, operands, and where results go. Results are numbered in the order of the schedule.
struct CoreLayer {
  std::vector<CoreRegister> registers;
  bool stream_is_weights = true;  ///< which operand streams; the other is resident
  OperandFeed activations, weights;
  std::int64_t results = 0;
  bool has_residual = false;
  std::int64_t output_buffer_bits = 4096;  ///< of the write combiner behind the core
  std::int64_t pipeline_cycles = 15;       ///< cycles from the end of a drain to the write combiner
  std::function<std::int64_t(std::int64_t result)> result_bits;
  std::function<ColumnParameters(std::int64_t result, std::int64_t column)> parameters;
  std::function<std::vector<std::int32_t>(std::int64_t result)> residual;  ///< rows x columns operands
  std::function<void(std::int64_t result, std::span<const std::int32_t>)> store;
};

struct CoreResult {
  std::int64_t cycles = 0;          ///< from the first cycle of the layer to the last acknowledgement of the external memory
  std::int64_t clocked_cycles = 0;  ///< cycles that the core was clocked
  std::int64_t dram_read_bits = 0, dram_write_bits = 0;
};

/// Random back-pressure on every port of the core; off by default, when cycles are those of the timing contract.
struct CoreStalls {
  bool enabled = false;
  std::uint64_t seed = 1;
};

/// One core that runs layers one after another. Simulations with SystemC run one at a time in a process.
class CoreSimulation {
 public:
  virtual ~CoreSimulation() = default;
  virtual const CoreShape& shape() const = 0;
  /// Inside the SystemC memory system. Throws AssertionFailed when an assertion of the RTL fails, InternalError when the core hangs or a
  /// result comes later than the timing contract says.
  virtual CoreResult run(const CoreLayer& layer, const hwsim::DramTiming& dram, const CoreStalls& stalls = {}) = 0;
  /// Writes waves (FST) of everything that follows to `file`.
  virtual void trace(const std::filesystem::path& file) = 0;
};

/// Builds of cores in this program, by name.
std::vector<CoreShape> core_shapes();
/// The build of that name; unknown names are our bug.
std::unique_ptr<CoreSimulation> make_core(std::string_view name);

}  // namespace dyad::cosim
