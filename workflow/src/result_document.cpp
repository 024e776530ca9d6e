// The fields of result documents, checked one by one so that an error names the place.
#include <string>
#include <string_view>

#include "dyad/workflow/report.hpp"

namespace dyad::workflow {
namespace {

constexpr std::int64_t kMaxBits = 32;

/// Only whether a value could be read matters here.
template <typename T>
Result<void> readable(const Result<T>& value) {
  if (!value) return value.error();
  return {};
}

bool present(const JsonReader& reader, std::string_view key) { return reader.has(key) && !reader.json().find(key)->is_null(); }

Result<void> nonnegative(const JsonReader& reader, std::string_view key) {
  DYAD_TRY(const JsonReader member, reader.member(key));
  DYAD_TRY(const double value, member.number());
  if (value < 0) return member.error("expected a number that is not negative", "for example 0");
  return {};
}

Result<void> nonnegative(const JsonReader& reader, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) DYAD_CHECK(nonnegative(reader, key));
  return {};
}

Result<void> optional_nonnegative(const JsonReader& reader, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys)
    if (present(reader, key)) DYAD_CHECK(nonnegative(reader, key));
  return {};
}

Result<void> strings(const JsonReader& reader, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) DYAD_CHECK(readable(reader.string(key)));
  return {};
}

Result<void> numbers_by_name(const JsonReader& object) {
  DYAD_TRY(const auto members, object.members());
  for (const auto& [name, member] : members) {
    DYAD_TRY(const double value, member.number());
    if (value < 0) return member.error("expected a number that is not negative", "for example 0");
  }
  return {};
}

Result<void> optional_bits(const JsonReader& reader, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys)
    if (present(reader, key)) DYAD_CHECK(readable(reader.integer(key, 1, kMaxBits)));
  return {};
}

Result<void> check_accelerator(const JsonReader& document) {
  DYAD_TRY(const JsonReader accelerator, document.member("accelerator"));
  DYAD_CHECK(strings(accelerator, {"name"}));
  if (present(accelerator, "dram_energy_source")) DYAD_CHECK(strings(accelerator, {"dram_energy_source"}));
  for (const std::string_view key : {"clock_mhz", "batch"}) DYAD_CHECK(readable(accelerator.number_above(key, 0)));
  for (const std::string_view key : {"peak_binary_ops_per_s", "dram_bytes_per_s"}) {
    DYAD_TRY(const JsonReader ceiling, accelerator.member(key));  // null: not known
    if (!ceiling.json().is_null()) DYAD_CHECK(readable(ceiling.number_above(0)));
  }
  return accelerator.finish();
}

Result<void> check_price(const JsonReader& price) {
  for (const std::string_view key : {"cycles", "energy_pj", "next_cycles", "next_energy_pj"})
    if (present(price, key)) DYAD_CHECK(readable(price.number(key)));
  DYAD_CHECK(optional_bits(price, {"next_bits"}));
  return price.finish();
}

Result<void> check_bottleneck(const JsonReader& layer) {
  if (present(layer, "resource_cycles")) {
    DYAD_TRY(const JsonReader resources, layer.member("resource_cycles"));
    DYAD_CHECK(numbers_by_name(resources));
  }
  if (!present(layer, "shadow_price")) return {};
  DYAD_TRY(const JsonReader prices, layer.member("shadow_price"));
  for (const std::string_view operand : {"w", "a"}) {
    DYAD_TRY(const JsonReader price, prices.member(operand));
    DYAD_CHECK(check_price(price));
  }
  return prices.finish();
}

Result<void> check_notes(const JsonReader& document) {
  if (!present(document, "notes")) return {};
  DYAD_TRY(const JsonReader notes, document.member("notes"));
  DYAD_TRY(const auto elements, notes.elements());
  for (const JsonReader& note : elements) DYAD_CHECK(readable(note.string()));
  return {};
}

Result<void> check_layer(const JsonReader& layer) {
  DYAD_CHECK(strings(layer, {"name", "kind", "bottleneck"}));
  DYAD_CHECK(optional_bits(layer, {"w", "a", "out"}));
  DYAD_CHECK(nonnegative(layer, {"macs", "params", "cycles", "compute_cycles", "stall_cycles", "latency_us", "energy_pj", "utilization",
                                 "dram_read_bits", "dram_write_bits"}));
  DYAD_TRY(const JsonReader breakdown, layer.member("energy_breakdown_pj"));
  DYAD_CHECK(numbers_by_name(breakdown));
  if (present(layer, "fused_add")) DYAD_CHECK(strings(layer, {"fused_add"}));
  if (present(layer, "loss")) DYAD_CHECK(readable(layer.number("loss")));
  DYAD_CHECK(check_bottleneck(layer));
  return layer.finish();
}

Result<void> check_layers(const JsonReader& document) {
  DYAD_TRY(const JsonReader layers, document.member("layers"));
  DYAD_TRY(const auto elements, layers.elements());
  if (elements.empty()) return layers.error("there is no layer", "a result has at least one");
  for (const JsonReader& layer : elements) DYAD_CHECK(check_layer(layer));
  return {};
}

Result<void> check_assignment(const JsonReader& holder) {
  DYAD_TRY(const JsonReader assignment, holder.member("assignment"));
  DYAD_TRY(const auto members, assignment.members());
  for (const auto& [name, bits] : members) {
    for (const std::string_view key : {"w", "a"}) DYAD_CHECK(readable(bits.integer(key, 1, kMaxBits)));
    DYAD_CHECK(bits.finish());
  }
  return {};
}

Result<void> check_ratio(const JsonReader& holder) {
  DYAD_TRY(const JsonReader ratio, holder.member("ratio"));
  return numbers_by_name(ratio);
}

Result<void> check_limits(const JsonReader& document) {
  DYAD_TRY(const JsonReader limits, document.member("limits"));
  DYAD_TRY(const auto elements, limits.elements());
  for (const JsonReader& limit : elements) {
    DYAD_CHECK(strings(limit, {"name", "kind"}));
    DYAD_CHECK(nonnegative(limit, {"value", "absolute"}));
    DYAD_CHECK(limit.finish());
  }
  return {};
}

Result<void> check_cost(const JsonReader& document) {
  DYAD_TRY(const JsonReader cost, document.member("cost"));
  DYAD_CHECK(nonnegative(cost, {"cycles", "latency_us", "energy_pj", "size_mib", "bops_g", "separable_latency_us"}));
  DYAD_CHECK(check_ratio(cost));
  return cost.finish();
}

Result<void> check_best_uniform(const JsonReader& document) {
  DYAD_TRY(const JsonReader uniform, document.member("best_uniform"));
  if (uniform.json().is_null()) return {};
  DYAD_CHECK(strings(uniform, {"label"}));
  for (const std::string_view key : {"w", "a"}) DYAD_CHECK(readable(uniform.integer(key, 1, kMaxBits)));
  DYAD_CHECK(nonnegative(uniform, {"latency_us", "energy_pj", "size_mib", "bops_g", "top1"}));
  DYAD_CHECK(optional_nonnegative(uniform, {"logits_mse"}));
  DYAD_CHECK(check_ratio(uniform));
  return uniform.finish();
}

Result<void> check_point(const JsonReader& point) {
  DYAD_CHECK(strings(point, {"label"}));
  DYAD_TRY(const JsonReader origin, point.member("origin"));
  DYAD_TRY(const std::string name, origin.string());
  if (name != "search" && name != "uniform" && name != "sweep")
    return origin.error("unknown origin '" + name + "'", "use \"search\", \"uniform\" or \"sweep\"");
  DYAD_CHECK(nonnegative(point, {"top1", "top1_images", "latency_us", "energy_pj", "size_mib", "bops_g"}));
  DYAD_CHECK(optional_nonnegative(point, {"logits_mse"}));
  if (present(point, "objective")) DYAD_CHECK(readable(point.number("objective")));
  DYAD_TRY(const JsonReader front, point.member("on_front"));
  DYAD_CHECK(readable(front.boolean()));
  DYAD_CHECK(check_ratio(point));
  if (present(point, "assignment")) DYAD_CHECK(check_assignment(point));
  return point.finish();
}

Result<void> check_history(const JsonReader& document) {
  DYAD_CHECK(optional_nonnegative(document, {"reward_images"}));
  if (!present(document, "history")) return {};
  DYAD_TRY(const JsonReader history, document.member("history"));
  DYAD_TRY(const auto episodes, history.elements());
  for (const JsonReader& episode : episodes) {
    DYAD_CHECK(readable(episode.number("reward")));
    DYAD_CHECK(nonnegative(episode, {"evaluations", "top1", "logits_mse", "latency_us", "energy_pj", "size_mib", "bops_g"}));
    DYAD_CHECK(episode.finish());
  }
  return {};
}

Result<void> check_cycle_check(const JsonReader& document) {
  DYAD_TRY(const JsonReader verified, document.member("verified"));
  DYAD_CHECK(readable(verified.boolean()));
  if (!present(document, "cycle_check")) return {};
  DYAD_TRY(const JsonReader check, document.member("cycle_check"));
  DYAD_CHECK(strings(check, {"worst_layer"}));
  DYAD_CHECK(nonnegative(check, {"analytic_cycles", "cycle_cycles", "worst_layer_error", "mean_layer_error"}));
  DYAD_CHECK(readable(check.number("network_error")));
  return check.finish();
}

Result<void> check_origin_of_numbers(const JsonReader& document) {
  DYAD_TRY(const JsonReader data, document.member("data"));
  DYAD_CHECK(strings(data, {"name"}));
  DYAD_CHECK(nonnegative(data, "images"));
  DYAD_CHECK(data.finish());
  DYAD_TRY(const JsonReader images, document.member("images"));
  DYAD_CHECK(nonnegative(images, {"calibration", "evaluation"}));
  DYAD_CHECK(images.finish());
  if (present(document, "sensitivity")) {
    DYAD_TRY(const JsonReader sensitivity, document.member("sensitivity"));
    DYAD_CHECK(strings(sensitivity, {"metric"}));
    DYAD_CHECK(nonnegative(sensitivity, "images"));
    DYAD_CHECK(sensitivity.finish());
  }
  for (const std::string_view key : {"out", "stopped_at"})
    if (present(document, key)) DYAD_CHECK(strings(document, {key}));
  return {};
}

Result<void> check_reconstruction(const JsonReader& document) {
  if (!present(document, "reconstruction")) return {};
  DYAD_TRY(const JsonReader reconstruction, document.member("reconstruction"));
  DYAD_CHECK(nonnegative(reconstruction, {"top1", "top5", "logits_mse", "images", "seed"}));
  DYAD_CHECK(strings(reconstruction, {"digest", "granularity"}));
  DYAD_TRY(const JsonReader blocks, reconstruction.member("blocks"));
  DYAD_TRY(const auto records, blocks.elements());
  for (const JsonReader& record : records) {
    DYAD_CHECK(strings(record, {"target"}));
    DYAD_CHECK(nonnegative(record, {"error_before", "error_after", "corrected_layers", "iterations"}));
    DYAD_TRY(const JsonReader layers, record.member("layers"));
    DYAD_TRY(const auto names, layers.elements());
    for (const JsonReader& name : names) DYAD_CHECK(readable(name.string()));
    DYAD_CHECK(record.finish());
  }
  return reconstruction.finish();
}

Result<void> check_search(const JsonReader& document) {
  DYAD_CHECK(readable(document.schema("dyad.search", 1)));
  DYAD_CHECK(strings(document, {"version", "config_hash", "model", "method", "tier", "status", "digest"}));
  DYAD_CHECK(nonnegative(document, "seed"));
  DYAD_CHECK(check_accelerator(document));
  DYAD_CHECK(check_limits(document));
  for (const std::string_view key : {"objective", "bound"})
    if (present(document, key)) DYAD_CHECK(readable(document.number(key)));
  DYAD_CHECK(check_assignment(document));
  DYAD_CHECK(nonnegative(document, {"top1", "top1_float"}));
  DYAD_CHECK(optional_nonnegative(document, {"top5", "logits_mse"}));
  DYAD_CHECK(check_cost(document));
  DYAD_CHECK(check_layers(document));
  DYAD_CHECK(check_best_uniform(document));
  DYAD_TRY(const JsonReader pareto, document.member("pareto"));
  DYAD_TRY(const auto points, pareto.elements());
  for (const JsonReader& point : points) DYAD_CHECK(check_point(point));
  DYAD_CHECK(check_history(document));
  if (present(document, "scheme")) DYAD_CHECK(strings(document, {"scheme"}));
  DYAD_CHECK(check_cycle_check(document));
  DYAD_CHECK(check_reconstruction(document));
  DYAD_CHECK(check_origin_of_numbers(document));
  DYAD_CHECK(check_notes(document));
  return document.finish();
}

Result<void> check_simulation(const JsonReader& document) {
  DYAD_CHECK(readable(document.schema("dyad.simulation", 1)));
  DYAD_CHECK(strings(document, {"version", "model", "tier", "bits"}));
  if (present(document, "config_hash")) DYAD_CHECK(strings(document, {"config_hash"}));
  DYAD_CHECK(optional_nonnegative(document, {"seed"}));
  DYAD_CHECK(readable(document.number_above("batch", 0)));
  DYAD_CHECK(check_accelerator(document));
  DYAD_CHECK(check_layers(document));
  DYAD_TRY(const JsonReader totals, document.member("totals"));
  if (present(totals, "name")) DYAD_CHECK(strings(totals, {"name"}));
  DYAD_CHECK(
      nonnegative(totals, {"cycles", "latency_us", "energy_pj", "utilization", "stall_cycles", "dram_read_bits", "dram_write_bits"}));
  DYAD_CHECK(optional_nonnegative(totals, {"compute_cycles", "macs", "params"}));
  DYAD_TRY(const JsonReader breakdown, totals.member("energy_breakdown_pj"));
  DYAD_CHECK(numbers_by_name(breakdown));
  DYAD_CHECK(totals.finish());
  DYAD_CHECK(check_notes(document));
  return document.finish();
}

Result<void> check_epoch(const JsonReader& epoch) {
  DYAD_CHECK(readable(epoch.integer("epoch", 1, INT32_MAX)));
  DYAD_CHECK(nonnegative(epoch, {"loss", "top1_train", "top1", "test_loss", "learning_rate"}));
  return epoch.finish();
}

Result<void> check_training(const JsonReader& document) {
  DYAD_CHECK(readable(document.schema("dyad.training", 1)));
  DYAD_CHECK(strings(document, {"version", "model", "command", "out"}));
  DYAD_CHECK(nonnegative(document, {"seed", "top1"}));
  DYAD_TRY(const JsonReader epochs, document.member("epochs"));
  DYAD_TRY(const auto elements, epochs.elements());
  if (elements.empty()) return epochs.error("there is no epoch", "a training run has at least one");
  for (const JsonReader& epoch : elements) DYAD_CHECK(check_epoch(epoch));
  DYAD_CHECK(readable(document.integer("best_epoch", 1, static_cast<std::int64_t>(elements.size()))));
  DYAD_TRY(const JsonReader stopped, document.member("stopped_early"));
  DYAD_CHECK(readable(stopped.boolean()));
  if (present(document, "scheme")) {
    DYAD_CHECK(strings(document, {"scheme"}));
    DYAD_CHECK(nonnegative(document, "integer_epochs"));
    DYAD_CHECK(check_assignment(document));
    if (present(document, "export")) DYAD_CHECK(strings(document, {"export"}));
  }
  return document.finish();
}

}  // namespace

Result<void> check_result_document(const NamedDocument& document) {
  const JsonReader reader(document.document, document.name);
  DYAD_TRY(const JsonReader schema, reader.member("schema"));
  DYAD_TRY(const std::string name, schema.string());
  if (name.rfind("dyad.search/", 0) == 0) return check_search(reader);
  if (name.rfind("dyad.simulation/", 0) == 0) return check_simulation(reader);
  if (name.rfind("dyad.training/", 0) == 0) return check_training(reader);
  return schema.error(
      "a report can't be made of the schema \"" + name + "\"",
      "give the --json output of 'dyad search' (dyad.search/1), 'dyad simulate' (dyad.simulation/1) or 'dyad train' (dyad.training/1)");
}

}  // namespace dyad::workflow
