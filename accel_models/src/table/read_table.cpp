// Tables of measurements in their three file formats.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "dyad/accel_models/table/measured_table.hpp"
#include "dyad/base/files.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/text.hpp"
#include "hash.hpp"
#include "npy.hpp"

namespace dyad::accel_models::table {
namespace {

constexpr std::string_view kPrefix = "table:";
constexpr const char* kForms = "write table:F.npy, table:F.csv or table:F.json, and after it, if needed, ,unit=us,clock_mhz=200,batch=16";

std::optional<Unit> unit_from_name(std::string_view name) {
  if (name == "cycles") return Unit::kCycles;
  if (name == "us") return Unit::kMicroseconds;
  if (name == "ms") return Unit::kMilliseconds;
  return std::nullopt;
}

/// Turns numbers of the file into cycles.
struct Scale {
  double cycles_per_unit = 1;

  /// 0 stays 0, which is "not measured"; whatever is longer takes a cycle at least.
  Result<std::int64_t> cycles(double value, const std::string& place) const {
    if (std::isnan(value)) return Error{place, "is not a number (NaN)", "write 0 where nothing was measured"};
    if (value < 0) return Error{place, "is negative", "cycles and times are positive; write 0 where nothing was measured"};
    const double exact = value * cycles_per_unit;
    constexpr double kMost = 1e15;
    if (exact > kMost) return Error{place, "is more than 10^15 cycles", "check the unit: unit=cycles, us or ms"};
    return value > 0 ? std::max<std::int64_t>(1, std::llround(exact)) : 0;
  }
};

Result<double> checked_energy(double value, const std::string& place) {
  if (!(value >= 0) || std::isinf(value))
    return Error{place, "an energy must be a number that is not negative", "in pJ, for example 1200.5"};
  return value;
}

std::string at_index(const std::string& file, std::size_t layer, std::size_t w, std::size_t a) {
  return file + ":/" + std::to_string(layer) + "/" + std::to_string(w) + "/" + std::to_string(a);
}

Scale scale_of(Unit unit, double clock_mhz) {
  return {unit == Unit::kMicroseconds ? clock_mhz : unit == Unit::kMilliseconds ? 1000 * clock_mhz : 1};
}

Result<void> read_npy(const std::string& file, const Scale& scale, MeasuredTable& table) {
  DYAD_TRY(const std::vector<std::uint8_t> bytes, read_bytes(file));
  DYAD_TRY(const NpyArray array, parse_npy(bytes, file));
  if (array.shape.size() != 3)
    return Error{file, "is an array of " + std::to_string(array.shape.size()) + " axes; a table has 3: [layer][w - 1][a - 1]",
                 "reshape it, for example table.reshape(layers, 8, 8)"};
  const auto layers = static_cast<std::size_t>(array.shape[0]), ws = static_cast<std::size_t>(array.shape[1]),
             as = static_cast<std::size_t>(array.shape[2]);
  if (layers == 0 || ws == 0 || as == 0 || ws > kMaxBits || as > kMaxBits)
    return Error{file,
                 "has the shape (" + std::to_string(layers) + ", " + std::to_string(ws) + ", " + std::to_string(as) +
                     "); a table has at least one layer and 1 to 16 bits of each operand",
                 "the axes are [layer][w - 1][a - 1]"};
  table.rows.resize(layers);
  for (std::size_t layer = 0, at = 0; layer < layers; ++layer)
    for (std::size_t w = 0; w < ws; ++w)
      for (std::size_t a = 0; a < as; ++a, ++at) {
        DYAD_TRY(table.rows[layer][w][a].cycles, scale.cycles(array.values[at], at_index(file, layer, w, a)));
      }
  return {};
}

/// The fields of a line from its end: `count` of them, and what stands before, which may hold commas.
std::optional<std::vector<std::string_view>> fields_of(std::string_view line, std::size_t count) {
  std::vector<std::string_view> fields(count + 1);
  for (std::size_t i = count; i > 0; --i) {
    const std::size_t comma = line.rfind(',');
    if (comma == std::string_view::npos) return std::nullopt;
    fields[i] = line.substr(comma + 1);
    line = line.substr(0, comma);
  }
  fields[0] = line;
  return fields;
}

/// A field without its quotes (RFC 4180), or as it stands.
std::string unquoted(std::string_view field) {
  if (field.size() < 2 || field.front() != '"' || field.back() != '"') return std::string(field);
  std::string text;
  for (std::size_t i = 1; i + 1 < field.size(); ++i) {
    if (field[i] == '"' && field[i + 1] == '"' && i + 2 < field.size()) ++i;
    text += field[i];
  }
  return text;
}

struct CsvHeader {
  Unit unit = Unit::kCycles;
  std::size_t energies = 0;  ///< columns behind the value: the energy, and then parts of it
};

Result<CsvHeader> parse_csv_header(std::string_view line, const std::string& file) {
  static const std::pair<std::string_view, Unit> columns[] = {
      {"layer,w,a,cycles", Unit::kCycles}, {"layer,w,a,latency_us", Unit::kMicroseconds}, {"layer,w,a,latency_ms", Unit::kMilliseconds}};
  for (const auto& [names, unit] : columns) {
    if (line == names) return CsvHeader{unit, 0};
    if (line == std::string(names) + ",energy_pj") return CsvHeader{unit, 1};
    if (line == std::string(names) + ",energy_pj,leakage_pj,idle_pj") return CsvHeader{unit, 3};
  }
  return Error{file + ":1", "does not name the columns of a table",
               "the first line is layer,w,a,cycles (or latency_us, latency_ms), and then ,energy_pj (and ,leakage_pj,idle_pj) if there are "
               "energies"};
}

Result<Unit> csv_unit(const CsvHeader& header, const Spelling& spelling) {
  if (header.unit != Unit::kCycles && spelling.unit && *spelling.unit != header.unit)
    return Error{spelling.file + ":1", "names another unit than unit= does", "leave unit= out: the column's name says it"};
  return header.unit == Unit::kCycles ? spelling.unit.value_or(Unit::kCycles) : header.unit;
}

Result<void> read_csv(const Spelling& spelling, MeasuredTable& table) {
  DYAD_TRY(const std::string text, read_text(spelling.file));
  std::map<std::string, std::size_t, std::less<>> row_of;
  CsvHeader header;
  Scale scale;
  std::size_t begin = 0;
  for (int number = 1; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string place = spelling.file + ":" + std::to_string(number);
    if (number == 1) {
      DYAD_TRY(header, parse_csv_header(line, spelling.file));
      DYAD_TRY(const Unit unit, csv_unit(header, spelling));
      scale = scale_of(unit, table.clock_mhz);
      table.clock_is_given = table.clock_is_given || unit != Unit::kCycles;
      continue;
    }
    if (line.empty()) continue;
    const auto fields = fields_of(line, 3 + header.energies);
    if (!fields || fields->front().empty()) return Error{place, "has too few fields", "as many as the first line names"};
    const auto w = parse_number<int>((*fields)[1]), a = parse_number<int>((*fields)[2]);
    if (!w || !a || *w < 1 || *w > kMaxBits || *a < 1 || *a > kMaxBits)
      return Error{place, "w and a must be whole numbers from 1 to 16", "for example conv1,4,8,1200"};
    const auto value = parse_number<double>((*fields)[3]);
    if (!value) return Error{place, "'" + std::string((*fields)[3]) + "' is no number", "for example conv1,4,8,1200"};
    const std::string name = unquoted(fields->front());
    const auto [found, is_new] = row_of.try_emplace(name, table.rows.size());
    if (is_new) {
      table.layers.push_back(name);
      table.rows.emplace_back();
    }
    Point& point = table.rows[found->second][static_cast<std::size_t>(*w - 1)][static_cast<std::size_t>(*a - 1)];
    if (point.cycles != 0 || point.energy_pj)
      return Error{place, "repeats a layer at the same bits", "keep one line for each layer, w and a"};
    DYAD_TRY(point.cycles, scale.cycles(*value, place));
    if (header.energies > 0) {
      const auto energy = parse_number<double>((*fields)[4]);
      if (!energy) return Error{place, "'" + std::string((*fields)[4]) + "' is no number", "an energy in pJ, for example 1200.5"};
      DYAD_TRY(point.energy_pj, checked_energy(*energy, place));
    }
  }
  if (table.rows.empty())
    return Error{spelling.file, "has no measurements", "the first line names the columns, the others hold layer,w,a,cycles"};
  return {};
}

/// [layer][w - 1][a - 1] of a document; `take` gets each number with its place.
template <typename Take>
Result<void> each_number(const JsonReader& grid, std::size_t layers, const Take& take) {
  DYAD_TRY(const auto rows, grid.elements());
  if (rows.size() != layers)
    return grid.error("has " + std::to_string(rows.size()) + " layers, layer_names has " + std::to_string(layers), "one for each name");
  for (std::size_t layer = 0; layer < rows.size(); ++layer) {
    DYAD_TRY(const auto ws, rows[layer].elements());
    if (ws.size() > kMaxBits) return rows[layer].error("has more than 16 weight bit-widths", "the second index is w - 1");
    for (std::size_t w = 0; w < ws.size(); ++w) {
      DYAD_TRY(const auto as, ws[w].elements());
      if (as.size() > kMaxBits) return ws[w].error("has more than 16 activation bit-widths", "the third index is a - 1");
      for (std::size_t a = 0; a < as.size(); ++a) {
        DYAD_TRY(const double value, as[a].number());
        DYAD_CHECK(take(layer, w, a, value, as[a].place()));
      }
    }
  }
  return {};
}

Result<void> read_document(const Spelling& spelling, MeasuredTable& table) {
  DYAD_TRY(const Json document, read_json(spelling.file));
  const JsonReader reader(document, spelling.file);
  DYAD_CHECK(reader.schema("dyad.cost_table", 1));
  for (const char* key : {"version", "model", "accelerator", "tier"})
    if (reader.has(key)) DYAD_CHECK(reader.string(key));
  if (reader.has("notes")) DYAD_CHECK(reader.member("notes"));
  if (reader.has("batch")) {
    DYAD_TRY(const std::int64_t batch, reader.integer("batch", 1, 65536));
    if (spelling.batch && *spelling.batch != batch) {
      DYAD_TRY(const JsonReader member, reader.member("batch"));
      return member.error("is another batch than batch= says", "leave batch= out: the document has it");
    }
    table.batch = static_cast<int>(batch);
  }
  if (reader.has("clock_mhz")) {
    DYAD_TRY(const double clock_mhz, reader.number_above("clock_mhz", 0));
    if (spelling.clock_mhz && *spelling.clock_mhz != clock_mhz) {
      DYAD_TRY(const JsonReader member, reader.member("clock_mhz"));
      return member.error("is another clock than clock_mhz= says", "leave clock_mhz= out: the document has it");
    }
    table.clock_mhz = clock_mhz;
    table.clock_is_given = true;
  }
  DYAD_TRY(const JsonReader names, reader.member("layer_names"));
  DYAD_TRY(const auto elements, names.elements());
  for (const JsonReader& element : elements) {
    DYAD_TRY(std::string name, element.string());
    if (std::find(table.layers.begin(), table.layers.end(), name) != table.layers.end())
      return element.error("repeats the layer '" + name + "'", "one row for each layer");
    table.layers.push_back(std::move(name));
  }
  if (table.layers.empty()) return names.error("there is no layer", "one name for each row of `table`");
  table.rows.resize(table.layers.size());
  const Scale scale = scale_of(spelling.unit.value_or(Unit::kCycles), table.clock_mhz);
  DYAD_TRY(const JsonReader grid, reader.member("table"));
  DYAD_CHECK(each_number(grid, table.layers.size(),
                         [&](std::size_t layer, std::size_t w, std::size_t a, double value, const std::string& place) -> Result<void> {
                           DYAD_TRY(table.rows[layer][w][a].cycles, scale.cycles(value, place));
                           return {};
                         }));
  for (const char* part : {"leakage_pj", "idle_pj"})  // of energy_pj
    if (reader.has(part)) DYAD_CHECK(reader.member(part));
  if (reader.has("energy_pj")) {
    DYAD_TRY(const JsonReader energies, reader.member("energy_pj"));
    DYAD_CHECK(each_number(energies, table.layers.size(),
                           [&](std::size_t layer, std::size_t w, std::size_t a, double value, const std::string& place) -> Result<void> {
                             DYAD_TRY(table.rows[layer][w][a].energy_pj, checked_energy(value, place));
                             return {};
                           }));
    for (std::size_t layer = 0; layer < table.rows.size(); ++layer)
      for (std::size_t w = 0; w < kMaxBits; ++w)
        for (std::size_t a = 0; a < kMaxBits; ++a)
          if (const Point& point = table.rows[layer][w][a]; point.cycles > 0 && !point.energy_pj)
            return energies.error("has no number for [" + std::to_string(layer) + "][" + std::to_string(w) + "][" + std::to_string(a) +
                                      "], where `table` has one",
                                  "the same indices as `table`, or no energies at all");
  }
  return reader.finish();
}

}  // namespace

bool is_table(const std::string& accelerator) { return accelerator.starts_with(kPrefix); }

Result<Spelling> parse_spelling(const std::string& accelerator) {
  DYAD_EXPECT(is_table(accelerator), "not a table: " + accelerator);
  Spelling spelling;
  std::string rest = accelerator.substr(kPrefix.size());
  // Keys stand behind the file, whose own name may hold commas.
  for (std::size_t comma = rest.rfind(','); comma != std::string::npos; comma = rest.rfind(',')) {
    const std::string word = rest.substr(comma + 1);
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) break;
    const std::string key = word.substr(0, equals), value = word.substr(equals + 1);
    const auto wrong = [&](const std::string& what) { return Error{accelerator, "'" + word + "': " + what, kForms}; };
    if (key == "unit") {
      if (spelling.unit) return wrong("the unit is given twice");
      if (!unit_from_name(value)) return wrong("a unit is cycles, us or ms");
      spelling.unit = unit_from_name(value);
    } else if (key == "clock_mhz") {
      if (spelling.clock_mhz) return wrong("the clock is given twice");
      const auto clock_mhz = parse_number<double>(value);
      if (!clock_mhz || !(*clock_mhz > 0) || std::isinf(*clock_mhz)) return wrong("a clock is a positive number of MHz");
      spelling.clock_mhz = clock_mhz;
    } else if (key == "batch") {
      if (spelling.batch) return wrong("the batch is given twice");
      const auto batch = parse_number<int>(value);
      if (!batch || *batch < 1 || *batch > 65536) return wrong("a batch is a whole number from 1 to 65536");
      spelling.batch = batch;
    } else {
      return wrong("known keys are unit, clock_mhz and batch");
    }
    rest.resize(comma);
  }
  if (rest.empty()) return Error{accelerator, "names no file", kForms};
  spelling.file = rest;
  return spelling;
}

Result<MeasuredTable> read_table(const Spelling& spelling) {
  const std::filesystem::path path(spelling.file);
  MeasuredTable table;
  table.name = std::string(kPrefix) + path.filename().string();
  table.clock_mhz = spelling.clock_mhz.value_or(kDefaultClockMhz);
  table.clock_is_given = spelling.clock_mhz || spelling.unit.value_or(Unit::kCycles) != Unit::kCycles;
  table.batch = spelling.batch.value_or(1);
  const std::string extension = path.extension().string();
  if (extension == ".npy") {
    DYAD_CHECK(read_npy(spelling.file, scale_of(spelling.unit.value_or(Unit::kCycles), table.clock_mhz), table));
  } else if (extension == ".csv") {
    DYAD_CHECK(read_csv(spelling, table));
  } else if (extension == ".json") {
    DYAD_CHECK(read_document(spelling, table));
  } else {
    return Error{spelling.file, "a table is a .npy, .csv or .json file", kForms};
  }
  std::string canonical = std::to_string(table.batch);
  for (std::size_t layer = 0; layer < table.rows.size(); ++layer) {
    canonical += "/" + (table.layers.empty() ? "" : table.layers[layer]);
    for (const auto& of_w : table.rows[layer])
      for (const Point& point : of_w)
        canonical += "," + std::to_string(point.cycles) + (point.energy_pj ? ":" + Json(*point.energy_pj).dump() : "");
  }
  table.fingerprint = hex(hash_text(canonical));
  return table;
}

}  // namespace dyad::accel_models::table
