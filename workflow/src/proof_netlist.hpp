/// \file From the sources of a proof to what the engines read, with the checks that keep a proof from saying nothing.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "dyad/base/result.hpp"
#include "dyad/workflow/verify_formal.hpp"
#include "proof_file.hpp"

namespace dyad::workflow {

/// The text of every SystemVerilog file by its name in the repository ("rtl/stream_skid.sv").
using RtlSources = std::map<std::string, std::string>;

/// All *.sv and *.svh below the folder.
Result<RtlSources> read_rtl(const std::filesystem::path& rtl);

/// Why no engine can run, or why its answer would mean nothing.
struct NetlistFault {
  ProofStatus status = ProofStatus::kFailed;
  std::string reason;
};

struct Netlist {
  std::filesystem::path folder;  ///< with main.smt2, cover.smt2 and, for the engine cnf, main.cnf, for abc main.aig
  std::optional<NetlistFault> fault;
  double cpu_s = 0;
};

/// Names of the netlist's files in its folder.
inline constexpr const char* kMainSmt = "main.smt2";
inline constexpr const char* kCoverSmt = "cover.smt2";
inline constexpr const char* kMainCnf = "main.cnf";
inline constexpr const char* kMainAig = "main.aig";

/// Elaborates the proof from these sources in a new folder. A fault of the RTL or of the proof is in the Netlist;
/// an Error is a tool that can't run, a disk that is full, or a cancelled run.
/// with_cover: also the netlist in which every assertion is replaced by a cover of its condition.
Result<Netlist> build_netlist(const ProofPlan& plan, const RtlSources& sources, const std::filesystem::path& folder, bool with_cover,
                              const std::function<bool()>& cancelled);

/// The sources with the twin's bug in them; a fault when its text does not occur exactly once.
std::variant<RtlSources, NetlistFault> seed_bug(const RtlSources& sources, const ProofTwin& twin);

/// RTLIL in which every $assert cell is a $cover of its enabling condition.
std::string cover_conditions_of_assertions(const std::string& rtlil);

/// The Error of a run that the caller ended.
Error cancelled_error();

}  // namespace dyad::workflow
