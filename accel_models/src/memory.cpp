#include "dyad/accel_models/memory.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "embedded.hpp"

namespace dyad::accel_models {
namespace {

std::int64_t cycles(double time_ns, double clock_mhz, std::int64_t lowest) {
  return std::max(lowest, static_cast<std::int64_t>(std::llround(time_ns * clock_mhz / 1000.0)));
}

Result<std::int64_t> cycles_of(const JsonReader& reader, std::string_view key, double clock_mhz, std::int64_t lowest) {
  DYAD_TRY(const Sourced time_ns, read_sourced(reader, key));
  return cycles(time_ns.value, clock_mhz, lowest);
}

/// GB/s * 8 bits / (clock in MHz * 1e6 cycles) * 1000 cycles.
std::int64_t bits_per_kilocycle(double gb_per_s, double clock_mhz) {
  return std::max<std::int64_t>(1, std::llround(gb_per_s * 8e6 / clock_mhz));
}

Error value_error(const JsonReader& reader, std::string_view key, std::string message, std::string hint) {
  const auto node = reader.member(key);
  if (!node) return node.error();
  const auto value = node->member("value");
  return value ? value->error(std::move(message), std::move(hint)) : value.error();
}

/// The numbers of a memory: each from `overrides` where it has the key, else from `base`.
class Numbers {
 public:
  Numbers(const JsonReader& base, const JsonReader* overrides) : base_(base), overrides_(overrides) {}

  const JsonReader& reader_of(std::string_view key) const {
    const bool known = base_.has(key);  // asked in any case: finish() knows the key then
    return overrides_ && (overrides_->has(key) || !known) ? *overrides_ : base_;
  }
  bool has(std::string_view key) const { return reader_of(key).has(key); }
  Result<Sourced> sourced(std::string_view key) const { return read_sourced(reader_of(key), key); }
  Result<std::int64_t> whole(std::string_view key, std::int64_t lowest, std::int64_t highest) const {
    return read_sourced_integer(reader_of(key), key, lowest, highest);
  }
  Result<double> positive(std::string_view key, const char* hint) const {
    DYAD_TRY(const Sourced number, sourced(key));
    if (number.value <= 0) return value_error(reader_of(key), key, "expected a positive number", hint);
    return number.value;
  }
  Error error(std::string_view key, std::string message, std::string hint) const {
    return value_error(reader_of(key), key, std::move(message), std::move(hint));
  }

 private:
  const JsonReader& base_;
  const JsonReader* overrides_;
};

Result<Memory> read_memory(const JsonReader& base, const JsonReader* overrides, double clock_mhz) {
  DYAD_CHECK(base.schema("dyad.memory", 1));
  const Numbers numbers(base, overrides);
  Memory memory;
  DYAD_TRY(memory.name, base.string("name"));
  if (base.has("description")) DYAD_CHECK(base.string("description"));
  hwsim::DramTiming& t = memory.timing;
  DYAD_TRY(const double rate, numbers.positive("data_rate_mt_per_s", "transfers of a data pin, for example 3200"));
  DYAD_TRY(const std::int64_t width, numbers.whole("channel_width_bits", 1, 4096));
  DYAD_TRY(t.channels, numbers.whole("channels", 1, 1024));
  const double gb_per_s = static_cast<double>(t.channels * width) * rate / 8e3;
  t.bits_per_kilocycle = bits_per_kilocycle(gb_per_s, clock_mhz);
  DYAD_TRY(const double latency_ns, numbers.positive("latency_ns", "for example 100"));
  t.latency = cycles(latency_ns, clock_mhz, 1);
  DYAD_TRY(const std::int64_t burst, numbers.whole("burst_length", 1, 256));
  DYAD_TRY(t.interleave_bits, numbers.whole("interleave_bits", 8, 1 << 20));
  t.burst_bits = burst * width;
  if (t.interleave_bits % t.burst_bits != 0)
    return numbers.error("interleave_bits", "expected whole bursts of " + std::to_string(t.burst_bits) + " bits",
                         "for example " + std::to_string(2 * t.burst_bits));
  DYAD_TRY(t.request_bits, numbers.whole("request_bits", t.burst_bits, 1 << 24));
  if (t.request_bits % t.burst_bits != 0)
    return numbers.error("request_bits", "expected whole bursts of " + std::to_string(t.burst_bits) + " bits",
                         "for example " + std::to_string(8 * t.burst_bits));
  DYAD_TRY(t.row_bits, numbers.whole("row_bits", t.interleave_bits, std::int64_t{1} << 32));
  if (t.row_bits % t.interleave_bits != 0)
    return numbers.error("row_bits", "expected a multiple of interleave_bits", "for example " + std::to_string(16 * t.interleave_bits));
  DYAD_TRY(t.banks, numbers.whole("banks", hwsim::DramTiming::kPortRegions, 1024));
  if (t.banks % hwsim::DramTiming::kPortRegions != 0)
    return numbers.error("banks", "expected a multiple of 4", "a quarter of the banks holds one tensor of a layer");
  DYAD_TRY(const Sourced rcd, numbers.sourced("trcd_ns"));
  DYAD_TRY(const Sourced rp, numbers.sourced("trp_ns"));
  DYAD_TRY(const Sourced ras, numbers.sourced("tras_ns"));
  t.row_miss_cycles = cycles(rcd.value + rp.value, clock_mhz, 0);
  t.row_cycle_cycles = cycles(ras.value + rp.value, clock_mhz, 0);
  // All banks are closed before a refresh, and the rows in use opened again after it.
  DYAD_TRY(const double refi, numbers.positive("trefi_ns", "for example 7800"));
  DYAD_TRY(const Sourced rfc, numbers.sourced("trfc_ns"));
  t.refresh_interval = cycles(refi, clock_mhz, 1);
  t.refresh_cycles = cycles(rfc.value + rp.value + rcd.value, clock_mhz, 0);
  if (t.refresh_cycles >= t.refresh_interval)
    return numbers.error("trfc_ns", "a refresh takes longer than the interval between refreshes", "for example 350 every 7800");
  DYAD_TRY(memory.energy_pj_per_bit, numbers.sourced("energy_pj_per_bit"));
  if (numbers.has("background_mw_per_channel")) {
    DYAD_TRY(memory.background_mw, numbers.sourced("background_mw_per_channel"));
    memory.background_mw->value *= static_cast<double>(t.channels);
  }
  DYAD_CHECK(base.finish());
  return memory;
}

Result<Memory> read_described(const JsonReader& reader, double clock_mhz) {
  Memory memory;
  hwsim::DramTiming& timing = memory.timing;
  DYAD_TRY(const Sourced bandwidth, read_sourced(reader, "bandwidth_gb_per_s"));
  if (bandwidth.value <= 0)
    return value_error(reader, "bandwidth_gb_per_s", "expected a positive number", "in 10^9 bytes a second, for example 19.2");
  timing.bits_per_kilocycle = bits_per_kilocycle(bandwidth.value, clock_mhz);
  DYAD_TRY(timing.latency, cycles_of(reader, "latency_ns", clock_mhz, 1));
  DYAD_TRY(timing.burst_bits, reader.integer("burst_bits", 8, 1 << 20));
  DYAD_TRY(timing.request_bits, reader.integer("request_bits", timing.burst_bits, 1 << 24));
  if (timing.request_bits % timing.burst_bits != 0) {
    DYAD_TRY(const JsonReader node, reader.member("request_bits"));
    return node.error("expected a multiple of burst_bits", "for example " + std::to_string(8 * timing.burst_bits));
  }
  if (reader.has("row_bits")) {
    DYAD_TRY(timing.row_bits, reader.integer("row_bits", 1, std::int64_t{1} << 32));
    DYAD_TRY(timing.row_miss_cycles, cycles_of(reader, "row_miss_ns", clock_mhz, 0));
  }
  if (reader.has("refresh_interval_ns")) {
    DYAD_TRY(timing.refresh_interval, cycles_of(reader, "refresh_interval_ns", clock_mhz, 1));
    DYAD_TRY(timing.refresh_cycles, cycles_of(reader, "refresh_ns", clock_mhz, 0));
    if (timing.refresh_cycles >= timing.refresh_interval) {
      DYAD_TRY(const JsonReader node, reader.member("refresh_ns"));
      return node.error("a refresh takes longer than the interval between refreshes", "for example 260 every 7800");
    }
  }
  if (reader.has("energy_pj_per_bit")) {
    DYAD_TRY(memory.energy_pj_per_bit, read_sourced(reader, "energy_pj_per_bit"));
  }
  if (reader.has("background_mw")) {
    DYAD_TRY(memory.background_mw, read_sourced(reader, "background_mw"));
  }
  DYAD_CHECK(reader.finish());
  return memory;
}

}  // namespace

std::vector<std::string> memory_names() {
  std::vector<std::string> names;
  for (const auto& entry : embedded_memories()) names.emplace_back(entry.first);
  std::sort(names.begin(), names.end());
  return names;
}

Result<Memory> parse_memory(std::string_view text, const std::string& place, double clock_mhz) {
  DYAD_TRY(const Json document, parse_json(text, place));
  return read_memory(JsonReader(document, place), nullptr, clock_mhz);
}

Result<Memory> load_memory(const std::string& name_or_file, double clock_mhz) {
  DYAD_TRY(const Document found, find_document(embedded_memories(), name_or_file, "memory"));
  return parse_memory(found.text, found.place, clock_mhz);
}

Result<Memory> read_dram(const JsonReader& reader, double clock_mhz, const std::string& place) {
  if (!reader.has("preset")) return read_described(reader, clock_mhz);
  DYAD_TRY(const JsonReader preset, reader.member("preset"));
  DYAD_TRY(const std::string name, preset.string());
  const auto found = find_document(embedded_memories(), beside(place, name), "memory");
  if (!found && found.error().place == name) return preset.error(found.error().message, found.error().hint);
  if (!found) return found.error();
  DYAD_TRY(const Json document, parse_json(found->text, found->place));
  DYAD_TRY(Memory memory, read_memory(JsonReader(document, found->place), &reader, clock_mhz));
  DYAD_CHECK(reader.finish());
  return memory;
}

}  // namespace dyad::accel_models
