#include "dyad/hardware/measurements.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "dyad/base/bits.hpp"
#include "dyad/base/files.hpp"
#include "dyad/base/text.hpp"

namespace dyad::hardware {
namespace {

constexpr std::int64_t kLargestExtent = 1 << 24;
constexpr std::string_view kSourceMark = "# source:";
constexpr std::string_view kColumns[] = {"name", "batch", "kernel", "output", "stride", "in", "out", "groups", "w", "a", "latency_us"};

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Takes the text up to the separator off the front of `rest`.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = trimmed(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (std::string_view rest = line; cells.empty() || !rest.empty();) cells.push_back(take(rest, ','));
  if (line.ends_with(',')) cells.emplace_back();
  return cells;
}

/// One line of the table, cell by cell, with its place for errors.
class Line {
 public:
  Line(std::string place, const std::map<std::string_view, std::size_t>& columns, std::vector<std::string_view> cells)
      : place_(std::move(place)), columns_(columns), cells_(std::move(cells)) {}

  std::string text(std::string_view column) const { return std::string(cells_[columns_.at(column)]); }
  Result<std::int64_t> integer(std::string_view column, std::int64_t largest) const {
    const std::string_view cell = cells_[columns_.at(column)];
    const auto value = parse_number<std::int64_t>(cell);
    if (!value || *value < 1 || *value > largest) return wrong(column, "expected an integer from 1 to " + std::to_string(largest));
    return *value;
  }
  Result<double> positive(std::string_view column) const {
    const std::string_view cell = cells_[columns_.at(column)];
    const auto value = parse_number<double>(cell);
    if (!value || !std::isfinite(*value) || *value <= 0) return wrong(column, "expected a positive number");
    return *value;
  }
  Error wrong(std::string_view column, const std::string& message) const {
    return {place_, std::string(column) + " is '" + text(column) + "': " + message, "columns are described in docs/calibration/fit.md"};
  }

 private:
  std::string place_;
  const std::map<std::string_view, std::size_t>& columns_;
  std::vector<std::string_view> cells_;
};

Result<Measurement> read_row(const Line& line) {
  Measurement row;
  DYAD_TRY(row.batch, line.integer("batch", 65536));
  DYAD_TRY(const std::int64_t kernel, line.integer("kernel", 4096));
  DYAD_TRY(const std::int64_t output, line.integer("output", 65536));
  DYAD_TRY(const std::int64_t stride, line.integer("stride", 4096));
  DYAD_TRY(const std::int64_t in, line.integer("in", kLargestExtent));
  DYAD_TRY(const std::int64_t out, line.integer("out", kLargestExtent));
  DYAD_TRY(const std::int64_t groups, line.integer("groups", kLargestExtent));
  if (in % groups != 0 || out % groups != 0) return line.wrong("groups", "does not divide in and out");
  DYAD_TRY(const std::int64_t weight_bits, line.integer("w", kMaxOperandBits));
  DYAD_TRY(const std::int64_t activation_bits, line.integer("a", kMaxOperandBits));
  DYAD_TRY(row.latency_us, line.positive("latency_us"));
  row.layer = square_convolution(kernel, output, stride, in, out, groups);
  row.layer.name = line.text("name");
  row.bits = {static_cast<int>(weight_bits), static_cast<int>(activation_bits), static_cast<int>(activation_bits)};
  return row;
}

Result<std::map<std::string_view, std::size_t>> read_header(const std::vector<std::string_view>& cells, const std::string& place) {
  std::string known;
  for (const std::string_view column : kColumns) known += (known.empty() ? "" : ", ") + std::string(column);
  const Error hint{place, "", "columns: " + known + "; others start with x-"};
  std::map<std::string_view, std::size_t> columns;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool expected = std::find(std::begin(kColumns), std::end(kColumns), cells[i]) != std::end(kColumns);
    if (!expected && !cells[i].starts_with("x-"))
      return Error{hint.place, "no column is called '" + std::string(cells[i]) + "'", hint.hint};
    if (!columns.emplace(cells[i], i).second) return Error{hint.place, "column '" + std::string(cells[i]) + "' stands twice", hint.hint};
  }
  for (const std::string_view column : kColumns)
    if (!columns.contains(column)) return Error{hint.place, "column '" + std::string(column) + "' is missing", hint.hint};
  return columns;
}

}  // namespace

std::string shape_key(const Measurement& measurement) {
  const LayerShape& s = measurement.layer;
  const Window& w = s.window;
  std::string key(to_string(s.kind));
  for (const std::int64_t number :
       {measurement.batch, s.in_h, s.in_w, s.in_channels, s.out_h, s.out_w, s.out_channels, std::int64_t{s.groups},
        std::int64_t{w.kernel_h}, std::int64_t{w.kernel_w}, std::int64_t{w.stride_h}, std::int64_t{w.stride_w}})
    key += " " + std::to_string(number);
  return key;
}

Result<Measurements> parse_measurements(std::string_view text, const std::string& place) {
  Measurements measurements;
  std::map<std::string_view, std::size_t> columns;
  int number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = take(rest, '\n');
    const std::string here = place + ":" + std::to_string(++number);
    if (line.empty()) continue;
    if (line.front() == '#') {
      if (line.starts_with(kSourceMark)) measurements.source = std::string(trimmed(line.substr(kSourceMark.size())));
      continue;
    }
    std::vector<std::string_view> cells = cells_of(line);
    if (columns.empty()) {
      DYAD_TRY(columns, read_header(cells, here));
      continue;
    }
    if (cells.size() != columns.size())
      return Error{here, std::to_string(cells.size()) + " cells; the header has " + std::to_string(columns.size()), "one cell a column"};
    DYAD_TRY(Measurement row, read_row(Line(here, columns, std::move(cells))));
    measurements.rows.push_back(std::move(row));
  }
  if (measurements.source.empty())
    return Error{place, "a line '" + std::string(kSourceMark) + " …' is missing", "say who measured what: device, kernels, driver, date"};
  if (measurements.rows.empty()) return Error{place, "no measurement", "a header line, then one line a measurement"};
  return measurements;
}

Result<Measurements> read_measurements(const std::filesystem::path& file) {
  DYAD_TRY(const std::string text, read_text(file));
  return parse_measurements(text, file.string());
}

}  // namespace dyad::hardware
