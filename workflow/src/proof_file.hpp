/// \file rtl/formal/MODULE.json (schema dyad.proofs/1): what is to be proved of a module, and how. Fields: docs/rtl/proofs.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad::workflow {

enum class Engine {
  kSmt,  ///< yosys-smtbmc with z3
  kCnf,  ///< and-inverter graph to clauses, CaDiCaL; combinational claims only
  kAbc,  ///< as kSmt, but base, twins and induction by ABC on an and-inverter graph: larger control than z3 finishes
};

/// A bug seeded into one file; a proof that still passes proves nothing.
struct ProofTwin {
  std::string name;
  std::string file;     ///< "rtl/stream_fifo.sv"
  std::string replace;  ///< occurs once in the file
  std::string by;
};

struct ProofPlan {
  std::string place;  ///< "file:/proofs/0", for errors
  std::string name;
  std::string claim;
  std::vector<std::string> files;  ///< relative to the repository: "rtl/stream_fifo.sv"
  std::string top;
  std::vector<std::string> defines;  ///< macros, besides Yosys's FORMAL
  std::vector<std::pair<std::string, std::int64_t>> parameters;
  Engine engine = Engine::kSmt;
  bool combinational = false;  ///< no state, so one step is every step
  bool bounded = false;        ///< claimed for the first `base` steps only
  int base = 1;                ///< steps from the initial state
  int induction = 0;           ///< steps that imply the next; 0: none
  int cover = 1;               ///< steps within which every cover and the condition of every assertion is reached
  bool memory_map = false;     ///< memories as registers
  int cpu_limit_s = 60;        ///< of each call of an engine
  std::vector<ProofTwin> twins;
};

struct ProofFile {
  std::string module;
  std::vector<ProofPlan> proofs;
  std::vector<std::string> exhausted;
  std::vector<std::string> open;
};

Result<ProofFile> read_proof_file(const std::filesystem::path& file);

}  // namespace dyad::workflow
