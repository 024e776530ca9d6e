/// \file Time in clock cycles, and the base of a pipeline stage that sleeps until something can happen.
#pragma once

#include <cstdint>
#include <systemc>

#include "dyad/base/result.hpp"

namespace dyad::hwsim {

/// The present cycle of the running simulation.
inline std::int64_t now() { return static_cast<std::int64_t>(sc_core::sc_time_stamp().value()); }

/// Notifies `event` in that cycle (>= now). A notification already pending for an earlier cycle stays.
inline void notify_at(sc_core::sc_event& event, std::int64_t cycle) {
  const std::int64_t delay = cycle - now();
  DYAD_EXPECT(delay >= 0, "notification in the past");
  event.notify(sc_core::sc_time::from_value(static_cast<sc_core::sc_time::value_type>(delay)));
}

/// A stage: one SC_METHOD that runs when it was woken, does all that is possible in the present cycle, and sleeps.
/// Whatever one stage tells another becomes visible one cycle later (registered), or goes through a call whose effect
/// does not depend on the order of processes inside a cycle; so a simulation is deterministic.
class Stage : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Stage);
  explicit Stage(const sc_core::sc_module_name& module_name) : sc_module(module_name) {
    SC_METHOD(step);
    sensitive << wake_;
  }

  /// Runs the stage again in `cycle`, or earlier.
  void wake_at(std::int64_t cycle) { notify_at(wake_, cycle); }

 protected:
  virtual void step() = 0;

 private:
  sc_core::sc_event wake_;
};

}  // namespace dyad::hwsim
