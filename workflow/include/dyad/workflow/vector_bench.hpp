/// \file Vectors as $readmemh files with a self-checking SystemVerilog test bench around the user's own module.
#pragma once

#include <map>

#include "dyad/workflow/vectors.hpp"

namespace dyad::workflow {

/// The module under test. Ports are those of our valid/ready convention unless `ports` names others (docs/workflow/vectors.md lists them).
struct BenchModule {
  std::string name;                          ///< also the stem of the files
  std::map<std::string, std::string> ports;  ///< signal ("acc", "out_ready", …) to the module's port; "-" leaves it unconnected
  std::vector<std::string> parameters;       ///< "Rounding=1"
  int acc_bits = 32, multiplier_bits = 32;   ///< widths of the ports that carry them
  int out_bits = 32;                         ///< of the result and of the bounds: at least the vectors' output bits
};

/// The signals of an operation's bench and their default ports, in order: {"acc", "in_acc_i"}, …
std::vector<std::pair<std::string, std::string>> bench_signals(VectorOp op);

/// File name to text: <module>_tb.sv, <module>_stimulus.memh, <module>_expected.memh.
/// An Error when a name is no identifier, a signal is unknown or a port the bench can't do without is left out.
Result<std::map<std::string, std::string>> vector_bench(const VectorFile& vectors, const BenchModule& module);

}  // namespace dyad::workflow
