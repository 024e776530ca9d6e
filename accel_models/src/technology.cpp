#include "dyad/accel_models/technology.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "embedded.hpp"

namespace dyad::accel_models {

double relative_switching(double weight_ones, double activation_ones) {
  constexpr double kAtHalfOnes = 2 * 0.25 * 0.75;
  const double ones = weight_ones * activation_ones;
  return 2 * ones * (1 - ones) / kAtHalfOnes;
}

Result<Sourced> read_sourced(const JsonReader& reader, std::string_view key) {
  DYAD_TRY(const double value, reader.sourced_number(key));
  DYAD_TRY(const JsonReader node, reader.member(key));
  if (value < 0) {
    DYAD_TRY(const JsonReader number, node.member("value"));
    return number.error("expected a number that is not negative", "for example 0.5");
  }
  DYAD_TRY(std::string source, node.string("source"));
  return Sourced{value, std::move(source)};
}

Result<std::int64_t> read_sourced_integer(const JsonReader& reader, std::string_view key, std::int64_t lowest, std::int64_t highest) {
  DYAD_CHECK(reader.sourced_number(key));
  DYAD_TRY(const JsonReader node, reader.member(key));
  return node.integer("value", lowest, highest);
}

Result<double> read_sourced_positive(const JsonReader& reader, std::string_view key) {
  DYAD_CHECK(reader.sourced_number(key));
  DYAD_TRY(const JsonReader node, reader.member(key));
  return node.number_above("value", 0);
}

Result<void> read_sourced(const JsonReader& reader, std::initializer_list<std::pair<const char*, Sourced*>> members) {
  for (const auto& [key, member] : members) {
    DYAD_TRY(*member, read_sourced(reader, key));
  }
  return {};
}

Result<Technology> parse_technology(std::string_view text, const std::string& place) {
  DYAD_TRY(const Json document, parse_json(text, place));
  const JsonReader reader(document, place);
  DYAD_CHECK(reader.schema("dyad.technology", 1));
  Technology technology;
  DYAD_TRY(technology.name, reader.string("name"));
  DYAD_CHECK(read_sourced(reader, {{"binary_op_energy_pj", &technology.binary_op_energy_pj},
                                   {"requantize_energy_pj", &technology.requantize_energy_pj},
                                   {"sram_read_energy_pj_per_bit", &technology.sram_read_energy_pj_per_bit},
                                   {"sram_write_energy_pj_per_bit", &technology.sram_write_energy_pj_per_bit},
                                   {"dram_energy_pj_per_bit", &technology.dram_energy_pj_per_bit},
                                   {"sram_leakage_mw_per_bit", &technology.sram_leakage_mw_per_bit},
                                   {"array_leakage_mw_per_lane", &technology.array_leakage_mw_per_lane}}));
  for (const auto& [key, member] : {std::pair{"mac_energy_pj", &technology.mac_energy_pj}, {"add_energy_pj", &technology.add_energy_pj}})
    if (reader.has(key)) DYAD_CHECK(read_sourced(reader, {{key, &member->emplace()}}));
  if (reader.has("sram")) {
    DYAD_TRY(const JsonReader sram, reader.member("sram"));
    DYAD_TRY(const std::string table, sram.string("table"));
    DYAD_TRY(technology.sram, load_sram_table(beside(place, table)));
    DYAD_TRY(technology.sram_leakage_scale, read_sourced(sram, "leakage_scale"));
    DYAD_CHECK(sram.finish());
  }
  DYAD_CHECK(reader.finish());
  return technology;
}

Result<Technology> load_technology(const std::string& name_or_file) {
  DYAD_TRY(const Document found, find_document(embedded_technologies(), name_or_file, "technology"));
  return parse_technology(found.text, found.place);
}

}  // namespace dyad::accel_models
