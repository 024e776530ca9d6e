#include "dyad/workflow/zoo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "dyad/network/import.hpp"
#include "dyad/network/summary.hpp"
#include "dyad/workflow/simulate.hpp"

namespace dyad::embedded {
std::string_view zoo_hawq_v3();
}

namespace dyad::workflow {
namespace {

using network::Network;

constexpr const char* kPlace = "hawq-v3.json";
constexpr const char* kFloat = "float";
constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr int kSizeDigits = 1, kBopsDigits = 0, kSpeedupDigits = 2;  ///< of the published tables

ZooNumber compare(double computed, double published, int digits) {
  const double unit = std::pow(10.0, digits), wanted = std::round(published * unit);
  ZooNumber number{computed, published, ZooAgreement::kDiffers};
  if (std::round(computed * unit) == wanted) {
    number.agreement = ZooAgreement::kRounded;
  } else if (std::floor(computed * unit) == wanted) {
    number.agreement = ZooAgreement::kTruncated;
  }
  return number;
}

/// 1 / speed-up = constant + per_ms * latency.
struct SpeedupRelation {
  double constant = 0, per_ms = 0;
};

/// Every parameter in float32: convolutions and fully connected layers with their biases, scale and offset of batch normalizations.
double float_size_mib(const Network& network, const network::NetworkSummary& summary) {
  std::int64_t parameters = summary.params;
  for (const network::NodeId id : network.execution_order())
    if (network.node(id).kind == network::OpKind::kBatchNorm) parameters += 2 * network.node(id).output_shape.at(2);
  return 4.0 * static_cast<double>(parameters) / kMebibyte;
}

Result<BitAssignment> assignment_of(const Network& network, const ZooRow& row) {
  if (row.scheme == kFloat) return network::uniform_bits(network, {32, 32}, true);
  if (row.bits.empty()) {
    DYAD_TRY(const LayerBits width, network::width_from_text(row.scheme));
    return network::uniform_bits(network, width, false);
  }
  BitAssignment assignment = network::uniform_bits(network, {8, 8}, false);
  const std::vector<network::NodeId> layers = network::weighted_nodes(network);
  if (row.bits.size() + 2 != layers.size())
    return Error{kPlace, row.model + " " + row.scheme + " has not one digit for each layer between the first and the last",
                 "a digit a layer, in the order of bits_order"};
  for (std::size_t i = 0; i < row.bits.size(); ++i) {
    const int bits = row.bits[i] - '0';
    assignment[network.node(layers[i + 1]).name] = {bits, bits};
  }
  return assignment;
}

/// Summed latency of the weighted layers but the first and the last.
Result<double> inner_latency_ms(const Network& network, const BitAssignment& assignment, const CostModel& model) {
  DYAD_TRY(const Simulation simulation, simulate_network(network, assignment, model));
  const std::vector<network::NodeId> layers = network::weighted_nodes(network);
  const std::string &first = network.node(layers.front()).name, &last = network.node(layers.back()).name;
  double latency_us = 0;
  for (const SimulatedLayer& layer : simulation.layers)
    if (layer.shape.is_weighted() && layer.shape.name != first && layer.shape.name != last)
      latency_us += duration(layer.cost.cycles, simulation.clock).value;
  return latency_us / 1000;
}

struct TableRow {
  ZooRow row;
  double size_mib = 0, bops_g = 0;
  std::optional<double> speedup;
};

Result<TableRow> read_row(const JsonReader& reader) {
  TableRow table;
  ZooRow& row = table.row;
  DYAD_TRY(row.model, reader.string("model"));
  DYAD_TRY(row.scheme, reader.string("scheme"));
  DYAD_TRY(table.size_mib, reader.number_above("size_mib", 0));
  DYAD_TRY(table.bops_g, reader.number_above("bops_g", 0));
  if (reader.has("speedup")) {
    DYAD_TRY(table.speedup, reader.number_above("speedup", 0));
  }
  if (reader.has("top1")) {
    DYAD_TRY(row.top1, reader.number_above("top1", 0));
  }
  DYAD_TRY(row.source, reader.string("source"));
  if (reader.has("bits")) {
    DYAD_TRY(row.bits, reader.string("bits"));
    DYAD_TRY(row.bits_source, reader.string("bits_source"));
  }
  if (reader.has("note")) {
    DYAD_TRY(row.note, reader.string("note"));
  }
  DYAD_CHECK(reader.finish());
  return table;
}

Result<std::map<std::string, SpeedupRelation>> read_relations(const JsonReader& reader) {
  std::map<std::string, SpeedupRelation> relations;
  DYAD_TRY(const JsonReader member, reader.member("speedup"));
  DYAD_TRY(const std::vector<JsonReader> list, member.elements());
  for (const JsonReader& each : list) {
    DYAD_TRY(const std::string model, each.string("model"));
    DYAD_TRY(relations[model].constant, each.number_above("constant", 0));
    DYAD_TRY(relations[model].per_ms, each.number_above("per_ms", 0));
    DYAD_CHECK(each.finish());
  }
  return relations;
}

OrderedJson number_document(const ZooNumber& number) {
  return {{"computed", number.computed},
          {"published", *number.published},
          {"difference_percent", number.difference_percent()},
          {"agreement", to_string(number.agreement)}};
}

/// "34.66 (34, cut off)".
std::string number_text(const ZooNumber& number, int digits, int published_digits) {
  const std::string judged = number.agreement == ZooAgreement::kRounded     ? "="
                             : number.agreement == ZooAgreement::kTruncated ? "cut"
                                                                            : fmt::format("{:+.1f}%", number.difference_percent());
  return fmt::format("{:>8.{}f} {:>8.{}f} {:>6}", number.computed, digits, *number.published, published_digits, judged);
}

}  // namespace

std::string_view to_string(ZooAgreement agreement) {
  switch (agreement) {
    case ZooAgreement::kRounded: return "rounded";
    case ZooAgreement::kTruncated: return "truncated";
    default: return "differs";
  }
}

Result<Zoo> hawq_zoo(const CostModelMaker& make_cost_model) {
  DYAD_TRY(const Json document, parse_json(embedded::zoo_hawq_v3(), kPlace));
  const JsonReader reader(document, kPlace);
  DYAD_TRY([[maybe_unused]] const int major, reader.schema("dyad.zoo_tables", 1));
  Zoo zoo;
  DYAD_TRY(zoo.name, reader.string("name"));
  DYAD_TRY(zoo.accelerator, reader.string("accelerator"));
  DYAD_TRY(const auto relations, read_relations(reader));
  DYAD_TRY(zoo.speedup_source, reader.string("speedup_source"));
  DYAD_TRY([[maybe_unused]] const std::string order, reader.string("bits_order"));
  DYAD_TRY(const auto cost_model, make_cost_model(zoo.accelerator));
  DYAD_TRY(const JsonReader rows, reader.member("rows"));
  DYAD_TRY(const std::vector<JsonReader> list, rows.elements());
  DYAD_CHECK(reader.finish());
  for (const JsonReader& each : list) {
    DYAD_TRY(const TableRow table, read_row(each));
    ZooRow row = table.row;
    DYAD_TRY(const Network network, network::make_topology(row.model, {}));
    DYAD_TRY(const BitAssignment assignment, assignment_of(network, row));
    DYAD_TRY(const network::NetworkSummary summary, network::summarize(network, assignment, kPlace));
    const double size_mib = row.scheme == kFloat ? float_size_mib(network, summary) : summary.size_mib;
    row.size_mib = compare(size_mib, table.size_mib, kSizeDigits);
    row.bops_g = compare(summary.bops_g, table.bops_g, kBopsDigits);
    if (table.speedup) {
      double speedup = 1;
      if (row.scheme != kFloat) {
        const auto relation = relations.find(row.model);
        if (relation == relations.end()) return each.error("no relation of latency to speed-up for " + row.model, "add it under /speedup");
        DYAD_TRY(row.latency_ms, inner_latency_ms(network, assignment, *cost_model));
        speedup = 1 / (relation->second.constant + relation->second.per_ms * *row.latency_ms);
      }
      row.speedup = compare(speedup, *table.speedup, kSpeedupDigits);
    }
    zoo.rows.push_back(std::move(row));
  }
  return zoo;
}

OrderedJson zoo_document(const Zoo& zoo) {
  OrderedJson rows = OrderedJson::array();
  for (const ZooRow& row : zoo.rows) {
    OrderedJson entry{
        {"model", row.model}, {"scheme", row.scheme}, {"size_mib", number_document(row.size_mib)}, {"bops_g", number_document(row.bops_g)}};
    if (row.speedup) entry["speedup"] = number_document(*row.speedup);
    if (row.latency_ms) entry["latency_ms"] = *row.latency_ms;
    if (row.top1) entry["top1_published"] = *row.top1;
    if (!row.bits.empty()) {
      entry["bits"] = row.bits;
      entry["bits_source"] = row.bits_source;
    }
    entry["source"] = row.source;
    if (!row.note.empty()) entry["note"] = row.note;
    rows.push_back(std::move(entry));
  }
  const auto largest = [&](const auto& number_of) {
    double percent = 0;
    for (const ZooRow& row : zoo.rows)
      if (const ZooNumber* number = number_of(row)) percent = std::max(percent, std::fabs(number->difference_percent()));
    return percent;
  };
  const OrderedJson extremes{{"size_mib", largest([](const ZooRow& row) { return &row.size_mib; })},
                             {"bops_g", largest([](const ZooRow& row) { return &row.bops_g; })},
                             {"speedup", largest([](const ZooRow& row) { return row.speedup ? &*row.speedup : nullptr; })}};
  return {{"schema", "dyad.zoo/1"},
          {"version", DYAD_VERSION},
          {"name", zoo.name},
          {"accelerator", zoo.accelerator},
          {"speedup_source", zoo.speedup_source},
          {"rows", std::move(rows)},
          {"largest_difference_percent", extremes}};
}

std::string zoo_text(const Zoo& zoo) {
  std::string text =
      fmt::format("{}'s model zoo: computed, published, difference (=: the same when rounded; cut: when cut off)\n\n", zoo.name);
  text += fmt::format("{:<11} {:<12}  {:^24}  {:^24}  {:^24}  {:>9}\n", "", "", "size MiB", "BOPS G", "speed-up", "top-1 %");
  text += fmt::format("{:<11} {:<12}  {:^24}  {:^24}  {:^24}  {:>9}\n", "model", "scheme", "", "", "on " + zoo.accelerator, "published");
  std::vector<std::string> notes;
  for (const ZooRow& row : zoo.rows) {
    std::string mark;
    if (!row.note.empty()) {
      std::size_t index = 0;
      while (index < notes.size() && notes[index] != row.note) ++index;
      if (index == notes.size()) notes.push_back(row.note);
      mark = fmt::format("  [{}]", index + 1);
    }
    text += fmt::format("{:<11} {:<12}  {}  {}  {:>24}  {:>9}{}\n", row.model, row.scheme, number_text(row.size_mib, 2, kSizeDigits),
                        number_text(row.bops_g, 1, kBopsDigits), row.speedup ? number_text(*row.speedup, 2, kSpeedupDigits) : "",
                        row.top1 ? fmt::format("{:.2f}", *row.top1) : "", mark);
  }
  text += "\n";
  for (std::size_t i = 0; i < notes.size(); ++i) text += fmt::format("[{}] {}\n", i + 1, notes[i]);
  return text + "speed-up: " + zoo.speedup_source + "; the latency here is that of " + zoo.accelerator + "\n" +
         "top-1: published, a result of training on ImageNet; not computed here\n";
}

}  // namespace dyad::workflow
