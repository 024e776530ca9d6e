/// \file The mutants that are linked into this program, and running them: each in a process of its own, so that none can hurt the others.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/cosim/check.hpp"

namespace dyad::tools {

/// A Verilated model that holds all mutants of a module, with one set of parameters, under the module's check.
struct MutantSet {
  std::string name;
  std::int64_t cases = 0;
  std::function<cosim::Check(const cosim::CheckOptions&)> run;
};

/// One entry of mutants.json.
struct Mutant {
  std::string module;
  int id = 0;
  std::string record;  ///< JSON, as mutate.py wrote it
};

struct MutatedModule {
  std::vector<Mutant> mutants;
  std::vector<std::string> left_out;  ///< changes that were not chosen, JSON: before, after, occurrence
  std::vector<MutantSet> sets;
};

/// Every module of this program, by name.
std::map<std::string, MutatedModule> mutated_modules();

/// What became of one mutant, or of the module itself (id 0).
struct Verdict {
  bool killed = false;
  std::string set;     ///< the set of parameters that killed it
  std::string reason;  ///< the first mismatch, the failed assertion, or how the process ended
  double cpu_s = 0;
};

/// Runs sets, with stimuli that are always the same, until one kills the mutant.
Verdict run_mutant(const std::vector<MutantSet>& sets, int id);

/// Ends this process when it has used so much CPU time; it leaves no core file.
void limit_cpu(int seconds);

/// Runs `work(i)` for i in [0, count) in up to `jobs` child processes at a time and hands over what each returns, as they finish.
/// A child that ends without a result gives an empty text and its wait status.
void in_processes(std::size_t count, int jobs, const std::function<std::string(std::size_t)>& work,
                  const std::function<void(std::size_t, const std::string&, int wait_status)>& done);

/// Static objects of the files that CMake writes for each module and set.
struct RegisterModule {
  RegisterModule(const char* module, std::string_view (*json)());
};
struct RegisterSet {
  RegisterSet(const char* module, const char* set, std::int64_t cases, std::function<cosim::Check(const cosim::CheckOptions&)> run);
};

}  // namespace dyad::tools
