#include "dyad/accel_models/accelerator.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "compat/model.hpp"
#include "dyad/accel_models/cached.hpp"
#include "dyad/base/files.hpp"
#include "embedded.hpp"
#include "tensor_core/model.hpp"
#include "tiled/model.hpp"

namespace dyad::accel_models {
namespace {

// FNV-1a, 64 bit.
std::uint64_t hash_text(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325ull) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

std::string hex(std::uint64_t value) {
  std::string digits(16, '0');
  for (int i = 15; i >= 0; --i, value >>= 4) digits[static_cast<std::size_t>(i)] = "0123456789abcdef"[value & 15];
  return digits;
}

Result<std::int64_t> cycles_of(const JsonReader& reader, std::string_view key, double clock_mhz, std::int64_t lowest) {
  DYAD_TRY(const Sourced time_ns, read_sourced(reader, key));
  return std::max(lowest, static_cast<std::int64_t>(std::llround(time_ns.value * clock_mhz / 1000.0)));
}

Result<hwsim::DramTiming> read_dram(const JsonReader& reader, double clock_mhz, std::string& source) {
  hwsim::DramTiming timing;
  DYAD_TRY(const Sourced bandwidth, read_sourced(reader, "bandwidth_gb_per_s"));
  if (bandwidth.value <= 0) {
    DYAD_TRY(const JsonReader node, reader.member("bandwidth_gb_per_s"));
    DYAD_TRY(const JsonReader value, node.member("value"));
    return value.error("expected a positive number", "in 10^9 bytes a second, for example 19.2");
  }
  source = bandwidth.source;
  // GB/s * 8 bits / (clock in MHz * 1e6 cycles) * 1000 cycles.
  timing.bits_per_kilocycle = std::max<std::int64_t>(1, std::llround(bandwidth.value * 8e6 / clock_mhz));
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
  DYAD_CHECK(reader.finish());
  return timing;
}

Result<isca2018::Energies> read_isca2018(const JsonReader& reader) {
  isca2018::Energies e;
  DYAD_CHECK(read_sourced(reader, {{"core_pj_per_cycle", &e.core_pj_per_cycle},
                                   {"wbuf_read_pj_per_bit", &e.wbuf_read_pj_per_bit},
                                   {"wbuf_write_pj_per_bit", &e.wbuf_write_pj_per_bit},
                                   {"ibuf_read_pj_per_bit", &e.ibuf_read_pj_per_bit},
                                   {"ibuf_write_pj_per_bit", &e.ibuf_write_pj_per_bit},
                                   {"obuf_read_pj_per_bit", &e.obuf_read_pj_per_bit},
                                   {"obuf_write_pj_per_bit", &e.obuf_write_pj_per_bit},
                                   {"dram_pj_per_bit", &e.dram_pj_per_bit}}));
  DYAD_CHECK(reader.finish());
  return e;
}

/// systolic-RxC-os, -ws and -is: the template with R rows and C columns of cells.
std::optional<std::string> systolic_text(const std::string& name) {
  static const std::regex pattern("systolic-([1-9][0-9]{0,2})x([1-9][0-9]{0,2})-(os|ws|is)");
  std::smatch match;
  if (!std::regex_match(name, match, pattern)) return std::nullopt;
  const std::int64_t rows = std::stoll(match[1]), columns = std::stoll(match[2]);
  const std::string dataflow = match[3], wanted = "systolic-" + dataflow;
  for (const auto& [template_name, text] : embedded_templates()) {
    if (template_name != wanted) continue;
    Json document = Json::parse(text);
    document["name"] = name;
    const auto set = [&](const char* object, const char* key, std::int64_t value) { document[object][key]["value"] = value; };
    if (dataflow == "os") {
      set("systolic_core", "rows", rows);
      set("systolic_core", "columns", columns);
      set("systolic_core", "requantizer_lanes", std::max<std::int64_t>(1, rows / 4));
    } else if (dataflow == "ws") {
      set("weight_stationary", "depth_bits", 8 * rows);
      set("weight_stationary", "columns", columns);
    } else {
      set("input_stationary", "depth_bits", 8 * rows);
      set("input_stationary", "rows", columns);
    }
    return document.dump();
  }
  throw InternalError("a dataflow without a template");
}

/// The machine that the family's object in the document describes.
Result<tiled::Operands> operands_of(const JsonReader& reader, const std::string& family) {
  std::string families, keys;
  for (const tiled::Operands each : tiled::kAllOperands) {
    const std::string name(tiled::family_of(each)), key(tiled::core_key(each));
    if (families.find(name) == std::string::npos) families += (families.empty() ? "" : ", ") + name;
    if (name != family) continue;
    if (reader.has(key)) return each;
    keys += (keys.empty() ? "'" : " or '") + key + "'";
  }
  if (family == "tensor_core") keys += " or 'gpu'";
  if (keys.empty()) {
    DYAD_TRY(const JsonReader node, reader.member("family"));
    return node.error("no accelerator family '" + family + "'", "known families: " + families);
  }
  return reader.error(keys + " is missing", "the machine of family " + family);
}

/// The technology that the document names, and what it adds to the hash. A GPU has its energies with it instead.
Result<void> read_technology(const JsonReader& reader, const std::string& place, tiled::Operands operands, Technology& t,
                             std::uint64_t& hash) {
  DYAD_TRY(const std::string technology, reader.string("technology"));
  // A technology file is looked for beside the accelerator's file first.
  const std::filesystem::path beside = std::filesystem::path(place).parent_path() / technology;
  DYAD_TRY(t, load_technology(std::filesystem::is_regular_file(beside) ? beside.string() : technology));
  const bool multiplies = operands != tiled::Operands::kBitPlanes && operands != tiled::Operands::kCodes;
  const bool adds = operands == tiled::Operands::kCodes;
  if ((multiplies && !t.mac_energy_pj) || (adds && !t.add_energy_pj)) {
    DYAD_TRY(const JsonReader node, reader.member("technology"));
    return node.error("technology '" + t.name + "' has no " + (adds ? "add" : "mac") + "_energy_pj, which this family's array takes",
                      "add it, with its source");
  }
  for (const Sourced* number :
       {&t.binary_op_energy_pj, &t.requantize_energy_pj, &t.sram_read_energy_pj_per_bit, &t.sram_write_energy_pj_per_bit,
        &t.dram_energy_pj_per_bit, &t.sram_leakage_mw_per_bit, &t.array_leakage_mw_per_lane})
    hash = hash_text(Json(number->value).dump(), hash);
  for (const auto* number : {&t.mac_energy_pj, &t.add_energy_pj})
    if (*number) hash = hash_text(Json((*number)->value).dump(), hash);
  return {};
}

}  // namespace

std::vector<std::string> accelerator_names() {
  std::vector<std::string> names;
  for (const auto& entry : embedded_accelerators()) names.emplace_back(entry.first);
  for (const char* size : {"8x8", "16x16", "32x32"})
    for (const char* dataflow : {"os", "ws", "is"}) names.push_back(std::string("systolic-") + size + "-" + dataflow);
  std::sort(names.begin(), names.end());
  return names;
}

Result<Accelerator> parse_accelerator(std::string_view text, const std::string& place) {
  DYAD_TRY(const Json document, parse_json(text, place));
  const JsonReader reader(document, place);
  DYAD_CHECK(reader.schema("dyad.accelerator", 1));
  Accelerator accelerator;
  DYAD_TRY(accelerator.name, reader.string("name"));
  if (reader.has("description")) DYAD_CHECK(reader.string("description"));
  DYAD_TRY(accelerator.family, reader.string("family"));
  const bool is_gpu = accelerator.family == "tensor_core" && reader.has("gpu");
  tiled::Operands operands = tiled::Operands::kElements;
  if (!is_gpu) {
    DYAD_TRY(operands, operands_of(reader, accelerator.family));
  }
  DYAD_TRY(accelerator.clock_mhz, read_sourced(reader, "clock_mhz"));
  if (accelerator.clock_mhz.value <= 0) {
    DYAD_TRY(const JsonReader node, reader.member("clock_mhz"));
    DYAD_TRY(const JsonReader value, node.member("value"));
    return value.error("expected a positive number", "for example 200");
  }
  DYAD_TRY(const std::int64_t batch, reader.integer("batch", 1, 65536));
  accelerator.batch = static_cast<int>(batch);
  if (is_gpu) {
    DYAD_TRY(accelerator.core, tensor_core::read_gpu(reader));
  } else {
    DYAD_TRY(const JsonReader core, reader.member(tiled::core_key(operands)));
    DYAD_TRY(accelerator.core, tiled::read_machine(core, operands));
  }
  if (reader.has("isca2018")) {
    DYAD_TRY(const JsonReader energies, reader.member("isca2018"));
    DYAD_TRY(accelerator.isca2018, read_isca2018(energies));
  }
  DYAD_TRY(const JsonReader dram, reader.member("dram"));
  DYAD_TRY(accelerator.dram, read_dram(dram, accelerator.clock_mhz.value, accelerator.dram_source));
  std::uint64_t hash = hash_text(document.dump());
  if (!is_gpu) DYAD_CHECK(read_technology(reader, place, operands, accelerator.technology, hash));
  DYAD_CHECK(reader.finish());
  accelerator.hash = hex(hash);
  return accelerator;
}

Result<AcceleratorText> accelerator_text(const std::string& name_or_file) {
  for (const auto& [name, text] : embedded_accelerators())
    if (name == name_or_file) return AcceleratorText{std::string(text), name_or_file + ".json"};
  if (auto text = systolic_text(name_or_file)) return AcceleratorText{*std::move(text), name_or_file + ".json"};
  if (!std::filesystem::exists(name_or_file)) {
    std::string names;
    for (const std::string& name : accelerator_names()) names += (names.empty() ? "" : ", ") + name;
    return Error{name_or_file, "no accelerator of that name, and no such file", "known names: " + names + " (and other sizes of systolic)"};
  }
  DYAD_TRY(std::string text, read_text(name_or_file));
  return AcceleratorText{std::move(text), name_or_file};
}

Result<Accelerator> load_accelerator(const std::string& name_or_file) {
  DYAD_TRY(const AcceleratorText found, accelerator_text(name_or_file));
  return parse_accelerator(found.text, found.place);
}

Result<std::unique_ptr<CostModel>> make_cost_model(const std::string& name_or_file, Tier tier, const CostOptions& options) {
  DYAD_TRY(const Accelerator accelerator, load_accelerator(name_or_file));
  return make_cost_model(accelerator, tier, options);
}

Result<std::unique_ptr<CostModel>> make_cost_model(const Accelerator& accelerator, Tier tier, const CostOptions& options) {
  if (options.batch && *options.batch < 1) return Error{"--batch", "a batch has at least one image", "for example --batch 1"};
  if (options.compat != Compat::kNone && tier != Tier::kAnalytic)
    return Error{"--compat", "published conventions have the analytic tier only", "leave --tier or --compat out"};
  if (tier != Tier::kAnalytic && tier != Tier::kCycle)
    return Error{"--tier", "accelerator '" + accelerator.name + "' has no tier '" + std::string(to_string(tier)) + "'",
                 "known tiers: analytic, cycle"};
  Accelerator configured = accelerator;
  if (options.batch) configured.batch = *options.batch;
  if (options.compat != Compat::kNone) return compat::make_model(configured, options.compat, options.im2col_layer);
  if (options.dram == DramMode::kIdeal) configured.dram = configured.dram.ideal();
  if (options.dram == DramMode::kUnlimited) configured.dram = configured.dram.unlimited();
  std::unique_ptr<CostModel> model = std::holds_alternative<tensor_core::Gpu>(configured.core)
                                         ? tensor_core::make_model(configured, tier, options.trace)
                                         : tiled::make_model(configured, tier, options.trace);
  if (tier == Tier::kCycle && !options.trace) model = std::make_unique<CachedCostModel>(std::move(model));
  return model;
}

}  // namespace dyad::accel_models
