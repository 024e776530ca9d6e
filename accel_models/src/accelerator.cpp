#include "dyad/accel_models/accelerator.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "compat/model.hpp"
#include "dyad/accel_models/cached.hpp"
#include "dyad/accel_models/table/measured_table.hpp"
#include "dyad/base/ceil_div.hpp"
#include "dyad/base/files.hpp"
#include "embedded.hpp"
#include "hash.hpp"
#include "tensor_core/model.hpp"
#include "tiled/model.hpp"

namespace dyad::accel_models {
namespace {

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

/// The object `key` ("activation_memory"), if there is one: the banks that `capacity_bits` are made of.
Result<std::optional<BankedMemory>> read_banked_memory(const JsonReader& reader, std::string_view key, const Technology& technology,
                                                       std::int64_t capacity_bits, std::int64_t line_bits) {
  if (!reader.has(key)) return std::optional<BankedMemory>();
  DYAD_TRY(const JsonReader node, reader.member(key));
  if (!technology.sram)
    return node.error("technology '" + technology.name + "' has no object 'sram', which tells what banks cost", "add it, with its table");
  DYAD_TRY(const Sourced bytes, read_sourced(node, "bank_bytes"));
  DYAD_TRY(const std::int64_t ports, node.integer("ports", 1, 64));
  DYAD_CHECK(node.finish());
  DYAD_TRY(const JsonReader bank_bytes, node.member("bank_bytes"));
  DYAD_TRY(const JsonReader value, bank_bytes.member("value"));
  if (bytes.value != std::floor(bytes.value)) return value.error("expected whole bytes", "for example 4096");
  const auto bank = technology.sram->bank(static_cast<std::int64_t>(bytes.value), static_cast<int>(ports));
  if (!bank) return value.error(bank.error().message + " of " + bank.error().place, bank.error().hint);
  BankedMemory memory{*bank, ceil_div(capacity_bits, 8 * bank->bytes), 0};
  if (memory.banks * technology.sram->port_bits < line_bits)
    return value.error(std::to_string(memory.banks) + " banks with ports of " + std::to_string(technology.sram->port_bits) +
                           " bits do not take the " + std::to_string(line_bits) + " bits that are written in a cycle",
                       "at most " + std::to_string(capacity_bits / 8 * technology.sram->port_bits / line_bits) + " bytes a bank");
  memory.leakage_mw = static_cast<double>(memory.banks) * bank->leakage_mw * technology.sram_leakage_scale.value;
  return std::optional(memory);
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

/// The technology that the document names, the memories made of its banks, and what they add to the hash. A GPU has its energies with it
/// instead.
Result<void> read_technology(const JsonReader& reader, const std::string& place, const tiled::Machine& machine, Accelerator& accelerator,
                             std::uint64_t& hash) {
  DYAD_TRY(const std::string technology, reader.string("technology"));
  // A technology file is looked for beside the accelerator's file first.
  DYAD_TRY(accelerator.technology, load_technology(beside(place, technology)));
  const Technology& t = accelerator.technology;
  const bool adds = machine.operands == tiled::Operands::kCodes;
  const bool multiplies = machine.operands != tiled::Operands::kBitPlanes && !adds;
  if ((multiplies && !t.mac_energy_pj) || (adds && !t.add_energy_pj)) {
    DYAD_TRY(const JsonReader node, reader.member("technology"));
    return node.error("technology '" + t.name + "' has no " + (adds ? "add" : "mac") + "_energy_pj, which this family's array takes",
                      "add it, with its source");
  }
  DYAD_TRY(accelerator.activation_memory,
           read_banked_memory(reader, "activation_memory", t, machine.activation_entries * machine.activation_entry_bits(),
                              machine.activation_line_bits()));
  DYAD_TRY(accelerator.weight_memory, read_banked_memory(reader, "weight_memory", t, machine.weight_entries * machine.weight_entry_bits(),
                                                         machine.weight_line_bits()));
  for (const Sourced* number :
       {&t.binary_op_energy_pj, &t.requantize_energy_pj, &t.sram_read_energy_pj_per_bit, &t.sram_write_energy_pj_per_bit,
        &t.dram_energy_pj_per_bit, &t.sram_leakage_mw_per_bit, &t.array_leakage_mw_per_lane})
    hash = hash_text(Json(number->value).dump(), hash);
  for (const auto* number : {&t.mac_energy_pj, &t.add_energy_pj})
    if (*number) hash = hash_text(Json((*number)->value).dump(), hash);
  for (const auto* banked : {&accelerator.activation_memory, &accelerator.weight_memory})
    if (*banked)
      for (const double number : {(*banked)->bank.read_energy_pj_per_bit, (*banked)->bank.write_energy_pj_per_bit, (*banked)->leakage_mw})
        hash = hash_text(Json(number).dump(), hash);
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
  DYAD_TRY(const Memory memory, read_dram(dram, accelerator.clock_mhz.value, place));
  std::uint64_t hash = hash_text(document.dump());
  if (const auto* machine = std::get_if<tiled::Machine>(&accelerator.core)) {
    DYAD_CHECK(read_technology(reader, place, *machine, accelerator, hash));
    accelerator.dram_energy_pj_per_bit = accelerator.technology.dram_energy_pj_per_bit;
  } else {
    accelerator.dram_energy_pj_per_bit = std::get<tensor_core::Gpu>(accelerator.core).energies.dram_pj_per_bit;
  }
  DYAD_CHECK(reader.finish());
  accelerator.hash = hex(hash);
  set_memory(accelerator, memory);
  return accelerator;
}

void set_memory(Accelerator& accelerator, const Memory& memory) {
  accelerator.dram = memory.timing;
  accelerator.dram_background_mw = memory.background_mw;
  if (memory.energy_pj_per_bit) accelerator.dram_energy_pj_per_bit = *memory.energy_pj_per_bit;
  const hwsim::DramTiming& t = memory.timing;
  Json numbers = {t.bits_per_kilocycle, t.latency,         t.burst_bits, t.request_bits,     t.channels,         t.interleave_bits,
                  t.row_bits,           t.row_miss_cycles, t.banks,      t.row_cycle_cycles, t.refresh_interval, t.refresh_cycles};
  numbers.push_back(accelerator.dram_energy_pj_per_bit.value);
  numbers.push_back(memory.background_mw ? memory.background_mw->value : 0.0);
  accelerator.hash = hex(hash_text(accelerator.hash + numbers.dump()));
}

Tier default_tier(const std::string& name_or_file) { return table::is_table(name_or_file) ? Tier::kMeasured : Tier::kAnalytic; }

Result<Document> accelerator_document(const std::string& name_or_file) {
  if (table::is_table(name_or_file))
    return Error{name_or_file, "a table has measurements, not an accelerator's description", "name an accelerator or its JSON file"};
  if (auto text = systolic_text(name_or_file)) return Document{*std::move(text), name_or_file + ".json"};
  auto found = find_document(embedded_accelerators(), name_or_file, "accelerator");
  if (!found && !std::filesystem::exists(name_or_file)) {
    std::string names;
    for (const std::string& name : accelerator_names()) names += (names.empty() ? "" : ", ") + name;
    return Error{name_or_file, found.error().message,
                 "known names: " + names + " (and other sizes of systolic); table:F.npy for measurements"};
  }
  return found;
}

Result<Accelerator> load_accelerator(const std::string& name_or_file) {
  DYAD_TRY(const Document found, accelerator_document(name_or_file));
  return parse_accelerator(found.text, found.place);
}

namespace {

/// A table has no machine to configure: what an option asks of one is refused.
Result<std::unique_ptr<CostModel>> make_table_model(const std::string& spelled, Tier tier, const CostOptions& options) {
  if (tier != Tier::kMeasured)
    return Error{"--tier", "a table has no tier '" + std::string(to_string(tier)) + "'", "leave --tier out, or --tier measured"};
  if (options.compat != Compat::kNone) return Error{"--compat", "a table follows no convention", "leave --compat out"};
  if (!options.memory.empty()) return Error{"--memory", "a table has no memory to exchange", "leave --memory out"};
  if (options.dram != DramMode::kAsDescribed) return Error{"--dram", "a table has no memory to idealize", "leave --dram out"};
  DYAD_TRY(const table::Spelling spelling, table::parse_spelling(spelled));
  DYAD_TRY(table::MeasuredTable measured, table::read_table(spelling));
  if (options.batch && *options.batch != measured.batch)
    return Error{"--batch",
                 "the table stands for a batch of " + std::to_string(measured.batch) + ", not of " + std::to_string(*options.batch),
                 "say what was measured: table:" + spelling.file + ",batch=" + std::to_string(*options.batch)};
  return table::make_model(std::move(measured), options.weighted_layers);
}

}  // namespace

Result<std::unique_ptr<CostModel>> make_cost_model(const std::string& name_or_file, Tier tier, const CostOptions& options) {
  if (table::is_table(name_or_file)) return make_table_model(name_or_file, tier, options);
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
  if (!options.memory.empty()) {
    if (options.compat != Compat::kNone)
      return Error{"--memory", "a published convention has the memory of its publication", "leave one of --memory and --compat out"};
    DYAD_TRY(const Memory memory, load_memory(options.memory, configured.clock_mhz.value));
    set_memory(configured, memory);
    configured.name += " with " + memory.name;
  }
  if (options.compat != Compat::kNone) return compat::make_model(configured, options);
  if (options.dram == DramMode::kIdeal) configured.dram = configured.dram.ideal();
  if (options.dram == DramMode::kUnlimited) configured.dram = configured.dram.unlimited();
  std::unique_ptr<CostModel> model = std::holds_alternative<tensor_core::Gpu>(configured.core)
                                         ? tensor_core::make_model(configured, tier, options.trace)
                                         : tiled::make_model(configured, tier, options.trace);
  if (tier == Tier::kCycle && !options.trace) model = std::make_unique<CachedCostModel>(std::move(model));
  return model;
}

}  // namespace dyad::accel_models
