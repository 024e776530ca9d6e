#include "durations.hpp"

#include <algorithm>
#include <cmath>

namespace dyad::accel_models::tiled {
namespace {

/// Both operands are requested at reset and share the bus in equal parts until one of them has all that it may fetch; the results of
/// early jobs take their part as well. Without a limit on bandwidth these are exact.
void fill_phase(const Schedule& s, std::int64_t first_tiles, const hwsim::DramTiming& dram, Durations& d) {
  const auto whole = [&](Ticks bus, std::int64_t request_bits) {
    const Ticks request = dram.transfer_ticks(request_bits);
    return request == 0 ? 0 : (bus + request - 1) / request * request;
  };
  const Ticks prefetched = whole(std::min(s.stream_slots, s.stream_tiles()) * d.stream_bus, s.stream_request_bits);
  const Ticks resident_all = s.has_resident ? whole(first_tiles * d.resident_bus, s.resident_request_bits) : 0;
  const Ticks first_bus = std::min(whole(d.stream_bus, s.stream_request_bits), s.stream_tiles() * d.stream_bus);
  // Each stream opens its first row.
  const Ticks opening = (s.has_resident ? 2 : 1) * dram.opening_cycles() * kTick;
  d.first_stream = d.latency + std::max(s.stream_words * kTick, opening + first_bus + std::min(first_bus, resident_all));
  d.first_row = kNever;
  if (!s.has_resident) return;
  const Ticks results =
      std::min(d.step > d.resident
                   ? static_cast<Ticks>(static_cast<double>(d.job_bus) * static_cast<double>(d.resident) / static_cast<double>(d.step))
                   : d.job_bus,
               d.resident_bus);
  // Results of a tile's job reach the bus while later tiles are fetched.
  const std::int64_t behind = (Durations::kToken + d.job + d.drain) / std::max(d.step, d.resident);
  const auto gate = [&](std::int64_t tile) {
    const Ticks bus = std::min(whole((tile + 1) * d.resident_bus, s.resident_request_bits), s.resident_pass_tiles * d.resident_bus);
    const Ticks arrival =
        d.latency + std::max((tile + 1) * s.resident_words * kTick,
                             opening + bus + std::min(bus, prefetched) + std::max<std::int64_t>(0, tile - behind) * results);
    return arrival + Durations::kToken + d.job + (first_tiles - 1 - tile) * std::max(d.step, s.resident_words * kTick);
  };
  d.first_row = std::max(gate(0), gate(first_tiles - 1));
  if (d.resident_bus > 0) d.first_row = std::max(d.first_row, gate(std::min(first_tiles - 1, prefetched / d.resident_bus)));
}

/// Bus time of a port's stream without refreshes. The row that it opens first is counted where it delays something.
double stream_ticks(std::int64_t bits, hwsim::DramTiming dram) {
  if (bits == 0) return 0;
  dram.refresh_interval = 0;
  const auto transfer = static_cast<double>(dram.transfer_ticks(bits));
  if (dram.row_bits == 0) return transfer;
  const double rows = static_cast<double>(bits) / static_cast<double>(dram.row_bits);
  return transfer + std::max(0.0, dram.stream_ticks(static_cast<double>(bits)) - transfer) * (std::ceil(rows) - 1) / rows;
}

/// By how much refreshes lengthen transfers: those that fall into a layer that takes `array` or, bus bound, `bus` ticks without them.
double refresh_factor(double array, double bus, const hwsim::DramTiming& dram) {
  if (dram.refresh_interval == 0) return 1;
  const auto interval = static_cast<double>(dram.refresh_interval * kTick), refresh = static_cast<double>(dram.refresh_cycles * kTick);
  const double time = std::max(array, bus) + static_cast<double>(2 * dram.latency * kTick);
  const double count = std::floor(time / (bus > array ? interval - refresh : interval));
  return bus > array ? 1 + count * refresh / time : time / (time - count * refresh);
}

}  // namespace

Ticks shared_transfer(const Schedule& s, const Durations& d, Ticks own, Handovers later, bool beside_stream) {
  if (own <= 0) return 0;
  const std::int64_t batch = 1 + own / (8 * d.step);  // results that arrive densely are taken together
  const auto largest = static_cast<double>(d.request), all = static_cast<double>(own);
  const auto row_time = static_cast<double>(s.block_tiles * d.step), batch_time = static_cast<double>(batch * d.step);
  // Each port's share of the bus is a request; its transfers are counted in turns, that is in requests, from here on.
  const double own_share = std::min(all, largest);
  double left = all / own_share, stream = 0, stream_share = 0, tile = 0, next_stream = kForever, now = 0;
  if (beside_stream) {
    const auto one = static_cast<double>(d.stream_bus);
    const auto unit = static_cast<double>(d.stream_request);
    const double whole = std::ceil(one / unit) * unit;
    stream_share = std::min(whole, largest);
    tile = one / stream_share;
    // The port that was served last comes second: the stream's, when it had further requests after the resident operand's.
    const double own_requests = std::ceil(all / largest), stream_requests = std::ceil(whole / largest);
    const bool stream_first = s.rows == 1 && stream_requests <= own_requests;
    stream = std::min(whole / stream_share, own_requests - (stream_first ? 0 : 1));
    if (later.rows > 0) next_stream = std::max(0.0, static_cast<double>(later.last) - static_cast<double>(later.rows - 1) * row_time);
  }
  // Of the jobs that ran without a pause until now, results have left but for a part of one job's, or are on their way; later jobs' follow.
  const std::int64_t run = std::max<std::int64_t>(1, (beside_stream ? s.rows : s.stream_slots) * s.block_tiles / batch);
  const std::int64_t under_way = d.ready / (batch * d.step) + 1, after = later.rows * s.block_tiles / batch;
  std::int64_t earlier = std::min(under_way, run);
  double next_result = static_cast<double>(d.ready - (earlier - 1) * batch * d.step);
  const double lot = static_cast<double>(batch * d.job_bus) / largest;
  double results = run > under_way ? std::max(0.0, lot + (next_result - batch_time) / largest) : 0;
  constexpr double kRest = 1e-3;  // of a request
  while (true) {
    const bool with_stream = stream > kRest, with_results = results > kRest;
    const double round = own_share + (with_stream ? stream_share : 0) + (with_results ? largest : 0);
    double turns = left;
    if (with_stream) turns = std::min(turns, stream);
    if (with_results) turns = std::min(turns, results);
    const double next = std::min(next_stream, next_result);
    if (now + turns * round < next) {
      now += turns * round;
    } else {
      turns = (next - now) / round;
      now = next;
    }
    left -= turns;
    if (left < kRest) return static_cast<Ticks>(now);
    if (with_stream) stream -= turns;
    if (with_results) results -= turns;
    if (now >= next_stream) {
      stream = std::max(0.0, stream) + tile;
      next_stream = --later.rows > 0 ? next_stream + row_time : kForever;
    }
    if (now < next_result) continue;
    results = std::max(0.0, results) + lot;
    if (--earlier > 0) {
      next_result += batch_time;
    } else if (earlier == 0 && after > 0) {
      next_result = std::max(next_result, static_cast<double>(later.last + d.ready) - static_cast<double>(after - 1) * batch_time);
    } else {
      next_result = -earlier < after ? next_result + batch_time : static_cast<double>(kForever);
    }
  }
}

Durations durations(const Schedule& s, const Machine& machine, const hwsim::DramTiming& dram) {
  Durations d{};
  if (dram.bits_per_kilocycle != 0) {
    const double resident = stream_ticks(s.resident_bits(), dram), stream = stream_ticks(s.stream_bits(), dram),
                 output = stream_ticks(s.output_bits, dram);
    const double slower =
        refresh_factor(static_cast<double>(s.jobs() * std::max(s.job_cycles, s.drain_cycles) * kTick), resident + stream + output, dram);
    const auto of = [&](double ticks, std::int64_t pieces) { return static_cast<Ticks>(ticks * slower / static_cast<double>(pieces)); };
    d.resident_bus = s.has_resident ? of(resident, s.resident_tiles()) : 0;
    d.stream_bus = of(stream, s.stream_tiles());
    d.job_bus = of(output, s.jobs());
  }
  d.resident = s.has_resident ? std::max(s.resident_words * kTick, d.resident_bus) : 0;
  d.stream = std::max(s.stream_words * kTick, d.stream_bus);
  d.job = s.job_cycles * kTick;
  d.drain = s.drain_cycles * kTick;
  d.latency = dram.latency * kTick;
  d.step = std::max({d.job, d.drain, d.job_bus});
  fill_phase(s, s.blocks == 1 ? s.last_block_tiles : s.block_tiles, dram, d);
  d.stream_refetch = d.stream;
  d.ready = d.drain + machine.pipeline_cycles * kTick;
  d.request = dram.transfer_ticks(dram.request_bits);
  d.stream_request = dram.transfer_ticks(std::min(s.stream_request_bits, s.stream_pass_bits));
  d.resident_request = dram.transfer_ticks(s.resident_request_bits);
  if (dram.bits_per_kilocycle == 0 || s.stream_tiles() <= s.stream_slots) return d;
  const std::int64_t rows_after = s.stream_slots - 1;
  d.stream_refetch = std::max(d.stream, shared_transfer(s, d, d.stream_bus, {rows_after, rows_after * s.block_tiles * d.step}, false));
  return d;
}

}  // namespace dyad::accel_models::tiled
