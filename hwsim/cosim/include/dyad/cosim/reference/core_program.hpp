/// \file Reference model of rtl/core_program.sv.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace dyad::cosim::reference {

/// Registers 1 to 31 and the one layer that may run. A register that was never written has no value.
class CoreProgram {
 public:
  static constexpr std::size_t kRegisters = 32;

  bool prog_ready() const { return !running_; }
  bool running() const { return running_; }
  static std::uint32_t index(std::uint64_t data) { return static_cast<std::uint32_t>(data >> 32 & 0xff); }
  bool start(bool prog_valid, std::uint64_t prog_data) const { return prog_valid && !running_ && index(prog_data) == 0; }
  const std::optional<std::uint32_t>& at(std::size_t index) const { return registers_[index]; }
  /// A register that the layer needs.
  std::uint32_t value(std::size_t index) const { return registers_[index].value(); }

  void clock(bool prog_valid, std::uint64_t prog_data, bool done) {
    if (running_) {
      // The layer cannot be done in its first cycle: nobody has taken note of its start.
      if (!fresh_ && done) running_ = false;
      fresh_ = false;
    } else if (start(prog_valid, prog_data)) {
      running_ = fresh_ = true;
    } else if (prog_valid && index(prog_data) < kRegisters) {
      registers_[index(prog_data)] = static_cast<std::uint32_t>(prog_data);
    }
  }
  /// Registers keep their values.
  void reset() { running_ = fresh_ = false; }

 private:
  std::array<std::optional<std::uint32_t>, kRegisters> registers_;
  bool running_ = false, fresh_ = false;
};

}  // namespace dyad::cosim::reference
