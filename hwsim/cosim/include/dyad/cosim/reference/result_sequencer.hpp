/// \file Reference model of rtl/result_sequencer.sv.
#pragma once

#include <cstdint>

namespace dyad::cosim::reference {

/// Drains one tile of accumulators after another. Parameters, residual beats and room in the output buffer are tokens; a complete result
/// takes all of its tokens when it is accepted.
class ResultSequencer {
 public:
  struct Inputs {
    std::int64_t drain_cycles = 1;
    bool residual = false, offer = false, complete = false, parameters_in = false, residual_in = false, beat_out = false,
         piece_ready = false;
  };
  ResultSequencer(std::int64_t beats, std::int64_t output_beats) : beats_(beats), output_beats_(output_beats), room_(output_beats) {}

  bool accept(const Inputs& in) const {
    const bool supplied = parameters_ >= 1 && room_ >= beats_ && (!in.residual || residual_ >= beats_);
    return (!busy_ || leaves(in)) && (!in.complete || supplied);
  }
  bool piece_valid() const { return drained() && complete_; }
  bool idle() const { return !busy_ && room_ == output_beats_; }

  /// Beats that are reserved and have not left the output buffer; results whose parameters, and beats whose residuals wait for one.
  std::int64_t reserved() const { return output_beats_ - room_; }
  std::int64_t parameters() const { return parameters_; }
  std::int64_t residual() const { return residual_; }

  void clock(const Inputs& in) {
    const bool take = in.offer && accept(in);
    if (leaves(in)) busy_ = false;
    if (take) {
      busy_ = true;
      complete_ = in.complete;
      drained_at_ = now_ + in.drain_cycles;
      if (in.complete) {
        parameters_ -= 1;
        room_ -= beats_;
        if (in.residual) residual_ -= beats_;
      }
    }
    parameters_ += in.parameters_in;
    residual_ += in.residual_in;
    room_ += in.beat_out;
    ++now_;
  }
  void reset() {
    busy_ = complete_ = false;
    parameters_ = residual_ = 0;
    room_ = output_beats_;
  }

 private:
  bool drained() const { return busy_ && now_ >= drained_at_; }
  bool leaves(const Inputs& in) const { return drained() && (!complete_ || in.piece_ready); }

  std::int64_t beats_, output_beats_;
  bool busy_ = false, complete_ = false;
  std::int64_t now_ = 0, drained_at_ = 0, parameters_ = 0, residual_ = 0, room_;
};

}  // namespace dyad::cosim::reference
