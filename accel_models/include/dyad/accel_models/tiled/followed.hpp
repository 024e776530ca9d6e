/// \file Cycles of a schedule whose jobs and requests are followed one by one: the rules of docs/accel_models/tiled.md as a list of events,
/// without SystemC. Its time grows with the events; the analytic tier bounds them.
#pragma once

#include <optional>

#include "dyad/accel_models/tiled/schedule.hpp"

namespace dyad::accel_models::tiled {

/// What follow() goes through: jobs, tiles and requests.
std::int64_t events(const Schedule& schedule, const hwsim::DramTiming& dram);

/// Cycles of the layer: equal to simulate()'s. The memory's bandwidth is limited.
std::int64_t follow(const Schedule& schedule, const Machine& machine, const hwsim::DramTiming& dram);

/// Of a schedule with more than `most` events: the first turns of its outermost loop are followed, about `most` events of them but at least
/// until some results have been written, and the other turns take what those of the later half of them take. None where that is no turn, or
/// all of them.
std::optional<std::int64_t> follow_first(const Schedule& schedule, const Machine& machine, const hwsim::DramTiming& dram,
                                         std::int64_t most);

/// The closed form's `cycles`, or what follow() and follow_first() say where the bus is shared so much that the closed form may be off
/// (docs/accel_models/tiled.md). At most 30,000 events, 0.3 ms; mostly under 2,000.
std::int64_t with_bus_followed(const Schedule& schedule, const Machine& machine, const hwsim::DramTiming& dram, std::int64_t cycles);

}  // namespace dyad::accel_models::tiled
