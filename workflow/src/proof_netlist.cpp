#include "proof_netlist.hpp"

#include <algorithm>
#include <regex>
#include <sstream>
#include <system_error>
#include <vector>

#include "aiger.hpp"
#include "dyad/base/files.hpp"
#include "process.hpp"

namespace dyad::workflow {
namespace fs = std::filesystem;

namespace {

constexpr int kYosysSeconds = 300;

/// `key` is what Yosys calls the cells that remember: flip-flops, latches, memories, and the signal that is 1 in the first step only.
constexpr const char* kStateCells = "t:$*ff* t:$*latch* t:$sr t:$mem* t:$initstate";

std::string script(const ProofPlan& plan, bool with_cover) {
  std::ostringstream out;
  out << "read_verilog -sv -formal -I rtl";
  for (const std::string& define : plan.defines) out << " -D " << define;
  for (const std::string& file : plan.files) out << ' ' << file;
  out << '\n';
  for (const auto& [name, value] : plan.parameters) out << "chparam -set " << name << ' ' << value << ' ' << plan.top << '\n';
  out << "prep -top " << plan.top << " -flatten\n";
  // What is undefined may be anything. (Undriven wires were reported by prep and fail the proof.)
  out << "setundef -anyseq\n";
  if (plan.memory_map) out << "memory_map\nopt -full\n";
  if (plan.combinational) out << "chformal -early\nopt_clean\ntee -q -o state.txt select -list " << kStateCells << '\n';
  out << "tee -q -o assertions.txt select -count t:$assert\n";
  if (with_cover) out << "write_rtlil main.il\n";
  out << "dffunmap\nwrite_smt2 -wires " << kMainSmt << '\n';
  if (plan.engine == Engine::kCnf)
    out << "chformal -cover -remove\nopt -full\ntechmap\nopt -full\nsetundef -undriven -anyseq\naigmap\nopt_clean\n"
           "write_aiger -ascii main.aag\n";
  // Only assertions are outputs. Without the registers that sample clocked assertions a step is a step; what has no reset may hold
  // anything.
  if (plan.engine == Engine::kAbc)
    out << "delete -output\nchformal -cover -remove\nchformal -early\nopt -full\ntechmap\nopt -full\ndffunmap\nsetundef -undriven "
           "-anyseq\naigmap\n"
           "opt_clean\nwrite_aiger -zinit -no-startoffset "
        << kMainAig << '\n';
  return out.str();
}

/// The sources as files below folder/rtl.
Result<void> lay_out(const RtlSources& sources, const fs::path& folder) {
  for (const auto& [name, text] : sources) {
    std::error_code fault;
    fs::create_directories((folder / name).parent_path(), fault);
    if (fault) return Error{folder.string(), "cannot be made: " + fault.message(), "is the disk full?"};
    DYAD_CHECK(write_text(folder / name, text));
  }
  return {};
}

/// Lines of the log that hold `word`, each once, joined.
std::vector<std::string> lines_with(const std::string& log, const std::string& word) {
  std::vector<std::string> found;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);)
    if (line.find(word) != std::string::npos && std::ranges::find(found, line) == found.end()) found.push_back(line);
  return found;
}

/// What Yosys said that makes a proof worthless or the RTL suspect. Only registers made of a memory are as meant.
std::optional<NetlistFault> fault_in_log(const std::string& log) {
  std::optional<NetlistFault> suspect;
  for (const std::string& line : lines_with(log, "Warning: ")) {
    if (line.find("is implicitly declared") != std::string::npos || line.find("has no driver") != std::string::npos)
      return NetlistFault{ProofStatus::kVacuous, line};
    if (line.find("Replacing memory") == std::string::npos && !suspect) suspect = NetlistFault{ProofStatus::kFailed, line};
  }
  return suspect;
}

/// The first file of the proof with a `bind`, which Yosys parses and drops without a word.
std::optional<NetlistFault> fault_in_sources(const ProofPlan& plan, const RtlSources& sources) {
  static const std::regex kBind(R"((^|\n)\s*bind\s)");
  for (const std::string& file : plan.files)
    if (std::regex_search(sources.at(file), kBind))
      return NetlistFault{ProofStatus::kVacuous, file + ": Yosys drops a bind without a word: put the properties inside the module"};
  return std::nullopt;
}

Result<CommandResult> run_yosys(const std::string& text, const std::string& name, const fs::path& folder,
                                const std::function<bool()>& cancelled) {
  DYAD_CHECK(write_text(folder / name, text));
  DYAD_TRY(CommandResult result, run_command({{"yosys", "-q", "-s", name}, folder, kYosysSeconds, cancelled}));
  if (result.cancelled) return cancelled_error();
  return result;
}

/// What Yosys left about the netlist: assertions there are, and no state in a combinational claim.
Result<std::optional<NetlistFault>> fault_in_netlist(const ProofPlan& plan, const fs::path& folder) {
  DYAD_TRY(const std::string count, read_text(folder / "assertions.txt"));
  if (std::atoll(count.c_str()) == 0) return std::optional(NetlistFault{ProofStatus::kVacuous, "there is no assertion"});
  if (plan.combinational) {
    DYAD_TRY(const std::string state, read_text(folder / "state.txt"));
    if (!state.empty())
      return std::optional(
          NetlistFault{ProofStatus::kFailed, "the claim is not combinational, there is state: " + state.substr(0, state.find('\n'))});
  }
  return std::optional<NetlistFault>();
}

/// cover.smt2 beside main.il; the seconds that it took.
Result<double> build_cover(const fs::path& folder, const std::function<bool()>& cancelled) {
  DYAD_TRY(const std::string rtlil, read_text(folder / "main.il"));
  DYAD_CHECK(write_text(folder / "cover.il", cover_conditions_of_assertions(rtlil)));
  DYAD_TRY(const CommandResult result,
           run_yosys(std::string("read_rtlil cover.il\nopt_clean\ndffunmap\nwrite_smt2 -wires ") + kCoverSmt + "\n", "cover.ys", folder,
                     cancelled));
  DYAD_EXPECT(result.exit_status == 0, "Yosys refuses the netlist of covers: " + result.output);
  return result.cpu_s;
}

}  // namespace

Error cancelled_error() { return {"verify formal", "cancelled", ""}; }

Result<RtlSources> read_rtl(const fs::path& rtl) {
  RtlSources sources;
  std::error_code fault;
  for (fs::recursive_directory_iterator entry(rtl, fault), end; !fault && entry != end; entry.increment(fault)) {
    const fs::path extension = entry->path().extension();
    if (!entry->is_regular_file() || (extension != ".sv" && extension != ".svh")) continue;
    DYAD_TRY(std::string text, read_text(entry->path()));
    sources.emplace("rtl/" + entry->path().lexically_relative(rtl).generic_string(), std::move(text));
  }
  if (fault) return Error{rtl.string(), "cannot be read: " + fault.message(), "name the folder of the RTL"};
  return sources;
}

std::variant<RtlSources, NetlistFault> seed_bug(const RtlSources& sources, const ProofTwin& twin) {
  const auto file = sources.find(twin.file);
  if (file == sources.end()) return NetlistFault{ProofStatus::kFailed, "there is no file " + twin.file};
  std::size_t times = 0, at = 0;
  for (std::size_t next = file->second.find(twin.replace); next != std::string::npos; next = file->second.find(twin.replace, next + 1)) {
    at = next;
    ++times;
  }
  if (times != 1)
    return NetlistFault{ProofStatus::kFailed,
                        "the text to replace occurs " + std::to_string(times) + " times in " + twin.file + ", not once"};
  RtlSources broken = sources;
  broken[twin.file].replace(at, twin.replace.size(), twin.by);
  return broken;
}

std::string cover_conditions_of_assertions(const std::string& rtlil) {
  std::string covers;
  std::istringstream lines(rtlil);
  bool in_assertion = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  cell $assert ")) {
      in_assertion = true;
      line.replace(0, 14, "  cell $cover");
    } else if (in_assertion && line.starts_with("    connect \\A ")) {
      continue;
    } else if (in_assertion && line.starts_with("    connect \\EN ")) {
      line = "    connect \\A " + line.substr(16) + "\n    connect \\EN 1'1";
    } else if (line == "  end") {
      in_assertion = false;
    }
    covers += line + '\n';
  }
  return covers;
}

Result<Netlist> build_netlist(const ProofPlan& plan, const RtlSources& sources, const fs::path& folder, bool with_cover,
                              const std::function<bool()>& cancelled) {
  Netlist netlist{folder, fault_in_sources(plan, sources), 0};
  if (netlist.fault) return netlist;
  DYAD_CHECK(lay_out(sources, folder));
  DYAD_TRY(const CommandResult build, run_yosys(script(plan, with_cover), "build.ys", folder, cancelled));
  netlist.cpu_s = build.cpu_s;
  if (build.exit_status != 0) {
    const std::vector<std::string> errors = lines_with(build.output, "ERROR: ");
    netlist.fault =
        NetlistFault{ProofStatus::kFailed, errors.empty() ? "Yosys: exit status " + std::to_string(build.exit_status) : errors.front()};
    return netlist;
  }
  netlist.fault = fault_in_log(build.output);
  if (netlist.fault) return netlist;
  DYAD_TRY(netlist.fault, fault_in_netlist(plan, folder));
  if (netlist.fault) return netlist;
  if (with_cover) {
    DYAD_TRY(const double cover_s, build_cover(folder, cancelled));
    netlist.cpu_s += cover_s;
  }
  if (plan.engine == Engine::kCnf) {
    DYAD_TRY(const std::string aiger, read_text(folder / "main.aag"));
    DYAD_TRY(const std::string clauses, aiger_to_dimacs(aiger, plan.place));
    DYAD_CHECK(write_text(folder / kMainCnf, clauses));
  }
  return netlist;
}

}  // namespace dyad::workflow
