/// \file Time in clock cycles, and the base of a pipeline stage that sleeps until something can happen.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <systemc>
#include <vector>

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
    SC_METHOD(run_step);
    sensitive << wake_;
  }

  /// Runs step() in `cycle` (>= now; the present one: after the processes that run now). Every wish is kept: an earlier one does not
  /// cancel a later one, as it would with a bare sc_event. Every stage also runs once in cycle 0.
  void wake_at(std::int64_t cycle) {
    const auto place = std::lower_bound(wishes_.begin(), wishes_.end(), cycle, std::greater<>());
    if (place != wishes_.end() && *place == cycle) {
      // In the present cycle the event may already be spent.
      if (cycle == now()) notify_at(wake_, cycle);
      return;
    }
    const bool earliest = place == wishes_.end();
    wishes_.insert(place, cycle);
    if (earliest) notify_at(wake_, cycle);
  }

 protected:
  virtual void step() = 0;

 private:
  void run_step() {
    while (!wishes_.empty() && wishes_.back() <= now()) wishes_.pop_back();
    step();
    if (!wishes_.empty()) notify_at(wake_, wishes_.back());
  }

  sc_core::sc_event wake_;
  std::vector<std::int64_t> wishes_;  // latest first
};

}  // namespace dyad::hwsim
