// The result as plain text for a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "dyad/workflow/report.hpp"

namespace dyad::workflow {
namespace {

struct Step {
  double factor;
  std::string_view unit;
};
constexpr std::array<Step, 4> kTime{{{1e-3, "ns"}, {1, "us"}, {1e3, "ms"}, {1e6, "s"}}};
constexpr std::array<Step, 5> kEnergy{{{1, "pJ"}, {1e3, "nJ"}, {1e6, "uJ"}, {1e9, "mJ"}, {1e12, "J"}}};

/// The largest step that leaves `largest` at 1 or more.
template <std::size_t n>
Step unit_for(const std::array<Step, n>& ladder, double largest) {
  Step found = ladder.front();
  for (const Step& step : ladder)
    if (largest >= step.factor) found = step;
  return found;
}

template <std::size_t n>
std::string quantity(const std::array<Step, n>& ladder, double value) {
  const Step step = unit_for(ladder, value);
  return fmt::format("{:.4g} {}", value / step.factor, step.unit);
}

bool is_number(const Json& object, std::string_view key) { return object.contains(key) && object.find(key)->is_number(); }
double number(const Json& object, std::string_view key) { return object.find(key)->get<double>(); }
std::string text(const Json& object, std::string_view key) { return object.find(key)->get<std::string>(); }

/// Characters, not bytes, of UTF-8 text: bytes that do not continue a character.
std::size_t width_of(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(std::string_view utf8, std::size_t width) {
  return std::string(utf8) + std::string(width - std::min(width, width_of(utf8)), ' ');
}

std::string bits_of(const Json& layer, std::string_view key) {
  return is_number(layer, key) ? fmt::format("{}", layer.find(key)->get<int>()) : "-";
}

/// A part of a breakdown of energy; 0 when it is not there.
double part(const Json& breakdown, std::string_view component) {
  return is_number(breakdown, component) ? number(breakdown, component) : 0;
}

/// What one bit less of an operand saves, in percent of the layer's cycles, and the next bits that save something: "12.5%    7".
std::string price_words(const Json& layer, const char* operand) {
  if (!layer.contains("shadow_price")) return fmt::format("{:>8}  {:>6}", "-", "-");
  const Json& price = layer["shadow_price"][operand];
  const double cycles = number(layer, "cycles");
  std::string saved = "-";
  if (is_number(price, "cycles") && cycles > 0) saved = fmt::format("{:.1f}%", 100 * number(price, "cycles") / cycles);
  if (saved == "-0.0%") saved = "0.0%";
  return fmt::format("{:>8}  {:>6}", saved, bits_of(price, "next_bits"));
}

/// `parts`: columns that show which part of a layer's energy is leakage and which is the idle memory's.
std::string layer_table(const Json& layers, bool parts) {
  double latest = 0, largest_energy = 0;
  std::size_t name_width = 5, kind_width = 4, bound_width = 8;
  bool has_prices = false;
  for (const Json& layer : layers) {
    latest = std::max(latest, number(layer, "latency_us"));
    largest_energy = std::max(largest_energy, number(layer, "energy_pj"));
    name_width = std::max(name_width, width_of(text(layer, "name")));
    kind_width = std::max(kind_width, width_of(text(layer, "kind")));
    bound_width = std::max(bound_width, width_of(text(layer, "bottleneck")));
    has_prices = has_prices || layer.contains("shadow_price");
  }
  const Step time = unit_for(kTime, latest), energy = unit_for(kEnergy, largest_energy);
  std::string table =
      fmt::format("{}  {}   W   A  {:>12}  {:>11}{}  {:>8}  {:>6}  {}", padded("layer", name_width), padded("kind", kind_width),
                  fmt::format("latency {}", time.unit), fmt::format("energy {}", energy.unit), parts ? "   leaks   idles" : "", "utilized",
                  "waits", has_prices ? padded("bound by", bound_width) + "  1 W less  next W  1 A less  next A" : "bound by");
  for (const Json& layer : layers) {
    const double cycles = number(layer, "cycles");
    const double all = number(layer, "energy_pj");
    const auto share = [&](std::string_view component) {
      return all > 0 ? 100 * part(*layer.find("energy_breakdown_pj"), component) / all : 0.0;
    };
    const std::string shares = parts ? fmt::format("  {:>5.1f}%  {:>5.1f}%", share("leakage"), share("idle")) : "";
    const std::string bound = text(layer, "bottleneck").empty() ? "-" : text(layer, "bottleneck");
    table += fmt::format("\n{}  {}  {:>2}  {:>2}  {:>12.3f}  {:>11.3f}{}  {:>7.1f}%  {:>5.1f}%  {}",
                         padded(text(layer, "name"), name_width), padded(text(layer, "kind"), kind_width), bits_of(layer, "w"),
                         bits_of(layer, "a"), number(layer, "latency_us") / time.factor, all / energy.factor, shares,
                         100 * number(layer, "utilization"), cycles > 0 ? 100 * number(layer, "stall_cycles") / cycles : 0.0,
                         has_prices ? padded(bound, bound_width) + "  " + price_words(layer, "w") + "  " + price_words(layer, "a") : bound);
  }
  return table + "\n";
}

std::string ratio_words(const Json& cost, std::string_view name) {
  const Json& ratio = cost["ratio"];
  return is_number(ratio, name) ? fmt::format("  {:.3f} of 8 bits everywhere", number(ratio, name)) : "";
}

std::string amount(std::string_view name, double value) {
  if (name == "latency") return quantity(kTime, value);
  if (name == "energy") return quantity(kEnergy, value);
  if (name == "size") return fmt::format("{:.4g} MiB", value);
  if (name == "bops") return fmt::format("{:.4g} GBOP", value);
  return fmt::format("{:.4g}", value);
}

std::string limit_words(const Json& limit) {
  const std::string name = text(limit, "name"), kind = text(limit, "kind"), absolute = amount(name, number(limit, "absolute"));
  if (kind == "ratio") return fmt::format("{} at most {:.4g} of 8 bits everywhere ({})", name, number(limit, "value"), absolute);
  if (kind == "fraction")
    return fmt::format("{} at most {:.4g} of the way from cheapest to dearest ({})", name, number(limit, "value"), absolute);
  return fmt::format("{} at most {}", name, absolute);
}

/// What the energy of all layers is made of: accesses and operations, leakage, and what the memory takes while it does not transfer.
std::string energy_parts(const Json& layers) {
  double all = 0, leakage = 0, idle = 0;
  bool knows_leakage = false, knows_idle = false;
  for (const Json& layer : layers) {
    const Json& breakdown = *layer.find("energy_breakdown_pj");
    all += number(layer, "energy_pj");
    leakage += part(breakdown, "leakage");
    idle += part(breakdown, "idle");
    knows_leakage = knows_leakage || is_number(breakdown, "leakage");
    knows_idle = knows_idle || is_number(breakdown, "idle");
  }
  return fmt::format("{} dynamic, {}, {}", quantity(kEnergy, all - leakage - idle),
                     knows_leakage ? quantity(kEnergy, leakage) + " leakage" : "leakage not counted",
                     knows_idle ? quantity(kEnergy, idle) + " idle memory" : "idle memory not counted");
}

std::string search_totals(const Json& document) {
  const Json& cost = document["cost"];
  std::string lines;
  const auto add = [&](std::string_view name, const std::string& value) { lines += fmt::format("{:<13} {}\n", name, value); };
  for (const Json& limit : document["limits"]) add("limit", limit_words(limit));
  add("top-1", fmt::format("{:.2f} %  float {:.2f} %, on {} images", number(document, "top1"), number(document, "top1_float"),
                           document["images"]["evaluation"].get<std::int64_t>()));
  if (document.contains("reconstruction"))
    add("  learned", fmt::format("{:.2f} % after reconstruction", number(document["reconstruction"], "top1")));
  add("latency", amount("latency", number(cost, "latency_us")) + ratio_words(cost, "latency"));
  add("energy", amount("energy", number(cost, "energy_pj")) + ratio_words(cost, "energy"));
  add("  of it", energy_parts(document["layers"]));
  if (document["accelerator"].contains("dram_energy_source")) add("  DRAM", text(document["accelerator"], "dram_energy_source"));
  add("size", amount("size", number(cost, "size_mib")) + ratio_words(cost, "size"));
  add("operations", amount("bops", number(cost, "bops_g")) + ratio_words(cost, "bops"));
  const Json& uniform = document["best_uniform"];
  add("best uniform", uniform.is_null() ? "none stays within the limits"
                                        : fmt::format("{}  top-1 {:.2f} %  latency {}{}", text(uniform, "label"), number(uniform, "top1"),
                                                      amount("latency", number(uniform, "latency_us")), ratio_words(uniform, "latency")));
  const bool optimal = text(document, "status") == "optimal";
  const std::size_t episodes = document.contains("history") ? document["history"].size() : 0;
  if (episodes > 1)
    add("allocation", fmt::format("best of {} episodes", episodes));
  else
    add("allocation", optimal ? "proved optimal" : "not proved optimal: " + text(document, "status"));
  const bool verified = document["verified"].get<bool>();
  const bool checked = document.contains("cycle_check") && document["cycle_check"].is_object();
  const std::string apart =
      checked ? fmt::format(", {:.2f} % apart", 100 * std::abs(number(document["cycle_check"], "network_error"))) : "";
  add("cycle tier", verified ? "confirms the cost" + apart
                    : checked
                        ? fmt::format("differs by up to {:.2f} % in a layer", 100 * number(document["cycle_check"], "worst_layer_error"))
                    : text(document, "tier") == "measured" ? "there is none: the costs are measurements"
                                                           : "not run");
  if (document.contains("stopped_at")) add("stopped", "at: " + text(document, "stopped_at"));
  return lines;
}

std::string simulation_totals(const Json& document) {
  const Json& totals = document["totals"];
  const double cycles = number(totals, "cycles");
  const Json& accelerator = document["accelerator"];
  const std::string source =
      accelerator.contains("dram_energy_source") ? fmt::format("{:<13} {}\n", "  DRAM", text(accelerator, "dram_energy_source")) : "";
  return fmt::format("{:<13} {}\n{:<13} {}\n{:<13} {}\n{}{:<13} {:.1f} %\n{:<13} {:.1f} % of the cycles\n", "latency",
                     amount("latency", number(totals, "latency_us")), "energy", amount("energy", number(totals, "energy_pj")), "  of it",
                     energy_parts(document["layers"]), source, "utilized", 100 * number(totals, "utilization"), "waits",
                     cycles > 0 ? 100 * number(totals, "stall_cycles") / cycles : 0.0);
}

std::string training_text(const Json& document) {
  const std::string how = document.contains("scheme") ? "quantization-aware training, " + text(document, "scheme") : "training in float";
  std::string result = fmt::format("{}, {}\n\n{:>5} {:>10} {:>10} {:>10} {:>10}\n", text(document, "model"), how, "epoch", "loss",
                                   "test loss", "train top1", "test top1");
  for (const Json& epoch : document["epochs"])
    result += fmt::format("{:>5} {:>10.4f} {:>10.4f} {:>10.2f} {:>10.2f}\n", epoch["epoch"].get<int>(), number(epoch, "loss"),
                          number(epoch, "test_loss"), number(epoch, "top1_train"), number(epoch, "top1"));
  return result + fmt::format("\n{:<13} {:.2f} % after epoch {}{}\n", "top-1", number(document, "top1"), document["best_epoch"].get<int>(),
                              document.contains("scheme") ? ", of the integer network" : "");
}

}  // namespace

Result<std::string> summarize(const NamedDocument& named) {
  DYAD_CHECK(check_result_document(named));
  const Json& document = named.document;
  if (text(document, "schema").rfind("dyad.training/", 0) == 0) return training_text(document);
  const bool search = text(document, "schema").rfind("dyad.search/", 0) == 0;
  const Json& accelerator = document["accelerator"];
  const double batch = number(search ? accelerator : document, "batch");
  const std::string head = fmt::format("{} on {}, batch {}, {}, {} tier\n\n", text(document, "model"), text(accelerator, "name"), batch,
                                       search ? "method " + text(document, "method") : text(document, "bits"), text(document, "tier"));
  return head + layer_table(document["layers"], !search) + "\n" + (search ? search_totals(document) : simulation_totals(document));
}

}  // namespace dyad::workflow
