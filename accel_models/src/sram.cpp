#include "dyad/accel_models/sram.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "dyad/base/json.hpp"
#include "embedded.hpp"

namespace dyad::accel_models {

Result<SramBank> SramTable::bank(std::int64_t bytes, int wanted_ports) const {
  std::vector<SramBank> alike;
  std::string known;
  for (const SramBank& point : points) {
    if (known.find(std::to_string(point.ports)) == std::string::npos) known += (known.empty() ? "" : ", ") + std::to_string(point.ports);
    if (point.ports == wanted_ports) alike.push_back(point);
  }
  if (alike.empty())
    return Error{name, "no bank with " + std::to_string(wanted_ports) + " ports was published", "ports that were: " + known};
  if (bytes < alike.front().bytes || bytes > alike.back().bytes)
    return Error{
        name,
        "a bank of " + std::to_string(bytes) + " bytes with " + std::to_string(wanted_ports) + " ports is outside of the published sizes",
        std::to_string(alike.front().bytes) + " to " + std::to_string(alike.back().bytes) + " bytes"};
  const auto above = std::find_if(alike.begin(), alike.end(), [&](const SramBank& point) { return point.bytes >= bytes; });
  if (above->bytes == bytes) return *above;
  const SramBank &low = *(above - 1), &high = *above;
  const double along = std::log(static_cast<double>(bytes) / static_cast<double>(low.bytes)) /
                       std::log(static_cast<double>(high.bytes) / static_cast<double>(low.bytes));
  const auto between = [&](double SramBank::*member) { return low.*member * std::pow(high.*member / low.*member, along); };
  return SramBank{bytes, wanted_ports, between(&SramBank::read_energy_pj_per_bit), between(&SramBank::write_energy_pj_per_bit),
                  between(&SramBank::leakage_mw)};
}

Result<SramTable> parse_sram_table(std::string_view text, const std::string& place) {
  DYAD_TRY(const Json document, parse_json(text, place));
  const JsonReader reader(document, place);
  DYAD_CHECK(reader.schema("dyad.sram", 1));
  SramTable table;
  DYAD_TRY(table.name, reader.string("name"));
  DYAD_TRY(table.source, reader.string("source"));
  DYAD_TRY(table.port_bits, reader.integer("port_bits", 1, 4096));
  DYAD_TRY(const JsonReader points, reader.member("points"));
  DYAD_TRY(const auto elements, points.elements());
  if (elements.empty()) return points.error("a table without points", "at least one bank");
  for (const JsonReader& element : elements) {
    SramBank point;
    DYAD_TRY(point.bytes, element.integer("bank_bytes", 1, std::int64_t{1} << 40));
    DYAD_TRY(const std::int64_t ports, element.integer("ports", 1, 64));
    point.ports = static_cast<int>(ports);
    DYAD_TRY(point.read_energy_pj_per_bit, element.number_above("read_energy_pj_per_bit", 0));
    DYAD_TRY(point.write_energy_pj_per_bit, element.number_above("write_energy_pj_per_bit", 0));
    DYAD_TRY(point.leakage_mw, element.number_above("leakage_mw", 0));
    DYAD_CHECK(element.finish());
    const auto twin = [&](const SramBank& other) { return other.bytes == point.bytes && other.ports == point.ports; };
    if (std::any_of(table.points.begin(), table.points.end(), twin)) return element.error("this bank stands twice", "keep one of them");
    table.points.push_back(point);
  }
  DYAD_CHECK(reader.finish());
  std::sort(table.points.begin(), table.points.end(),
            [](const SramBank& a, const SramBank& b) { return std::pair(a.ports, a.bytes) < std::pair(b.ports, b.bytes); });
  return table;
}

Result<SramTable> load_sram_table(const std::string& name_or_file) {
  DYAD_TRY(const Document found, find_document(embedded_sram_tables(), name_or_file, "table of SRAM banks"));
  return parse_sram_table(found.text, found.place);
}

}  // namespace dyad::accel_models
