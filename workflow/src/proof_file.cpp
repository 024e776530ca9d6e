#include "proof_file.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "dyad/base/json.hpp"

namespace dyad::workflow {
namespace {

constexpr int kMaxSteps = 10'000;
constexpr int kMaxSeconds = 3'600;

Result<std::vector<std::string>> strings(const JsonReader& reader, const char* key) {
  DYAD_TRY(const JsonReader list, reader.member(key));
  DYAD_TRY(const std::vector<JsonReader> elements, list.elements());
  std::vector<std::string> values;
  for (const JsonReader& element : elements) {
    DYAD_TRY(std::string value, element.string());
    if (value.empty()) return element.error("expected a text that is not empty", "remove it or say something");
    values.push_back(std::move(value));
  }
  return values;
}

/// A file of the RTL: no way out of its folder.
Result<void> check_file(const JsonReader& reader, const std::string& file) {
  const std::filesystem::path path(file);
  const bool inside = std::ranges::none_of(path, [](const auto& part) { return part == ".."; });
  const bool plain = std::ranges::none_of(file, [](char c) { return c == '"' || c == ';' || std::isspace(static_cast<unsigned char>(c)); });
  if (!file.starts_with("rtl/") || !inside || !plain) return reader.error("expected a file below rtl/", "for example rtl/stream_fifo.sv");
  return {};
}

/// A name of Verilog: it becomes part of a script of Yosys.
Result<void> check_name(const JsonReader& reader, const std::string& name) {
  const auto letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  if (name.empty() || !std::ranges::all_of(name, letter)) return reader.error("'" + name + "' is no name", "letters, digits and _");
  return {};
}

Result<std::string> name_in(const JsonReader& reader, const char* key) {
  DYAD_TRY(std::string name, reader.string(key));
  DYAD_TRY(const JsonReader member, reader.member(key));
  DYAD_CHECK(check_name(member, name));
  return name;
}

Result<ProofTwin> read_twin(const JsonReader& reader) {
  ProofTwin twin;
  DYAD_TRY(twin.name, reader.string("name"));
  DYAD_TRY(twin.file, reader.string("file"));
  DYAD_TRY(const JsonReader file, reader.member("file"));
  DYAD_CHECK(check_file(file, twin.file));
  DYAD_TRY(twin.replace, reader.string("replace"));
  DYAD_TRY(twin.by, reader.string("by"));
  if (twin.replace.empty()) return reader.error("nothing is replaced", "name a text that occurs once in the file");
  if (twin.replace == twin.by) return reader.error("the twin equals the original", "seed a bug");
  DYAD_CHECK(reader.finish());
  return twin;
}

/// The depths: which are needed depends on what kind of claim it is.
Result<void> read_depths(const JsonReader& reader, ProofPlan& plan) {
  DYAD_TRY(plan.combinational, reader.boolean("combinational", false));
  DYAD_TRY(plan.bounded, reader.boolean("bounded", false));
  if (plan.engine == Engine::kAbc && (plan.combinational || plan.bounded))
    return reader.error("the engine abc is for inductions", "use smt, or add \"induction\"");
  if (plan.combinational) {
    if (plan.bounded) return reader.error("a combinational claim has no bound", "remove \"bounded\"");
    if (reader.has("induction")) return reader.error("a combinational claim needs no induction", "remove \"induction\"");
    if (reader.has("base")) {
      DYAD_TRY(const std::int64_t base, reader.integer("base", 1, kMaxSteps));
      plan.base = static_cast<int>(base);
    }
    if (reader.has("cover")) {
      DYAD_TRY(const std::int64_t cover, reader.integer("cover", 1, kMaxSteps));
      plan.cover = static_cast<int>(cover);
    }
    return {};
  }
  if (plan.engine == Engine::kCnf) return reader.error("the engine cnf has no steps", "add \"combinational\": true, or use smt");
  // A clocked assertion is sampled by a register, so one step checks nothing.
  DYAD_TRY(const std::int64_t base, reader.integer("base", 2, kMaxSteps));
  plan.base = static_cast<int>(base);
  DYAD_TRY(const std::int64_t cover, reader.integer("cover", 2, kMaxSteps));
  plan.cover = static_cast<int>(cover);
  if (plan.bounded) {
    if (reader.has("induction")) return reader.error("a claim is bounded or inductive, not both", "remove one of the two keys");
    return {};
  }
  DYAD_TRY(const std::int64_t induction, reader.integer("induction", 1, kMaxSteps));
  plan.induction = static_cast<int>(induction);
  if (plan.base < plan.induction) return reader.error("the base case ends before the induction begins", "base must be at least induction");
  return {};
}

Result<ProofPlan> read_plan(const JsonReader& reader) {
  ProofPlan plan;
  plan.place = reader.place();
  DYAD_TRY(plan.name, reader.string("name"));
  DYAD_TRY(plan.claim, reader.string("claim"));
  DYAD_TRY(plan.files, strings(reader, "files"));
  if (plan.files.empty()) return reader.error("no files", "list the module and the top of the proof");
  for (const std::string& file : plan.files) {
    DYAD_TRY(const JsonReader files, reader.member("files"));
    DYAD_CHECK(check_file(files, file));
  }
  DYAD_TRY(plan.top, name_in(reader, "top"));
  if (reader.has("defines")) {
    DYAD_TRY(plan.defines, strings(reader, "defines"));
    DYAD_TRY(const JsonReader defines, reader.member("defines"));
    for (const std::string& define : plan.defines) DYAD_CHECK(check_name(defines, define));
  }
  if (reader.has("parameters")) {
    DYAD_TRY(const JsonReader parameters, reader.member("parameters"));
    DYAD_TRY(const auto members, parameters.members());
    for (const auto& [name, value] : members) {
      DYAD_CHECK(check_name(value, name));
      DYAD_TRY(const std::int64_t number, value.integer(INT32_MIN, INT32_MAX));
      plan.parameters.emplace_back(name, number);
    }
  }
  DYAD_TRY(const std::string engine, reader.string("engine"));
  if (engine != "smt" && engine != "cnf" && engine != "abc") return reader.error("unknown engine '" + engine + "'", "smt, cnf or abc");
  plan.engine = engine == "cnf" ? Engine::kCnf : engine == "abc" ? Engine::kAbc : Engine::kSmt;
  DYAD_CHECK(read_depths(reader, plan));
  DYAD_TRY(plan.memory_map, reader.boolean("memory_map", false));
  if (reader.has("seconds")) {
    DYAD_TRY(const std::int64_t seconds, reader.integer("seconds", 1, kMaxSeconds));
    plan.cpu_limit_s = static_cast<int>(seconds);
  }
  DYAD_TRY(const JsonReader twins, reader.member("twins"));
  DYAD_TRY(const std::vector<JsonReader> elements, twins.elements());
  if (elements.empty()) return twins.error("no twin", "every proof needs a seeded bug that it finds");
  std::set<std::string> names;
  for (const JsonReader& element : elements) {
    DYAD_TRY(ProofTwin twin, read_twin(element));
    if (!names.insert(twin.name).second) return element.error("a second twin named '" + twin.name + "'", "rename one");
    plan.twins.push_back(std::move(twin));
  }
  DYAD_CHECK(reader.finish());
  return plan;
}

}  // namespace

Result<ProofFile> read_proof_file(const std::filesystem::path& file) {
  DYAD_TRY(const Json document, read_json(file));
  const JsonReader reader(document, file.string());
  DYAD_CHECK(reader.schema("dyad.proofs", 1));
  ProofFile result;
  DYAD_TRY(result.module, reader.string("module"));
  if (result.module != file.stem().string())
    return reader.error("module '" + result.module + "' in a file named " + file.filename().string(), "name the file after the module");
  DYAD_TRY(const JsonReader proofs, reader.member("proofs"));
  DYAD_TRY(const std::vector<JsonReader> elements, proofs.elements());
  std::set<std::string> names;
  for (const JsonReader& element : elements) {
    DYAD_TRY(ProofPlan plan, read_plan(element));
    if (!names.insert(plan.name).second) return element.error("a second proof named '" + plan.name + "'", "rename one");
    result.proofs.push_back(std::move(plan));
  }
  DYAD_TRY(result.exhausted, strings(reader, "exhausted"));
  DYAD_TRY(result.open, strings(reader, "open"));
  DYAD_CHECK(reader.finish());
  return result;
}

}  // namespace dyad::workflow
