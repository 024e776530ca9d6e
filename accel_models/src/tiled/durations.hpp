/// \file Durations of the steps of a schedule, the external memory's bus shared between its users: what the analytic tier's recurrence is
/// made of (docs/accel_models/tiled.md).
#pragma once

#include <cstdint>

#include "dyad/accel_models/tiled/schedule.hpp"

namespace dyad::accel_models::tiled {

using Ticks = std::int64_t;
constexpr Ticks kTick = hwsim::kTicksPerCycle;
constexpr Ticks kNever = INT64_MIN / 4, kForever = INT64_MAX / 4;

/// In ticks of a cycle.
struct Durations {
  Ticks resident, stream;          // a tile is written into its memory, its transfer undisturbed
  Ticks job, drain;                // W and its results
  Ticks latency;                   // of the external memory
  Ticks step;                      // distance of jobs that wait for nothing else: W, their drain, the bus time of their results
  Ticks resident_bus, stream_bus;  // bus time of a tile
  Ticks job_bus;                   // bus time of the results of a job
  Ticks first_stream, first_row;   // y(0) and the part of F(0) due to the resident tiles of the first block
  Ticks stream_refetch;            // as stream, but requested when the array gives a slot back, beside results
  Ticks ready;                     // from a handover until its results may go to the bus
  Ticks request, stream_request, resident_request;  // bus time of the largest request, and of those of a stream and the resident operand
  static constexpr Ticks kToken = kTick;            // a token is seen one cycle later
};
Durations durations(const Schedule& schedule, const Machine& machine, const hwsim::DramTiming& dram);

/// What the array hands over after the moment in which a tile is requested: `rows` rows of jobs, the last one done at `last`.
struct Handovers {
  std::int64_t rows = 0;
  Ticks last = 0;
};

/// Time of a transfer of `own` bus time that is requested when the array hands over a row's last job. The bus serves a request of each port
/// in turn, so its time is divided as the requests' sizes: between the transfer, results, and, `beside_stream`, the tiles that the stream
/// requests at this and later handovers. Results of a job reach the bus `ready` after its handover; jobs are `step` apart.
Ticks shared_transfer(const Schedule& schedule, const Durations& durations, Ticks own, Handovers later, bool beside_stream);

}  // namespace dyad::accel_models::tiled
