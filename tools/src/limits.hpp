/// \file The three spellings of a limit on the command line.
#pragma once

#include <string>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/quantizer/allocation.hpp"

namespace CLI {
class App;
}

namespace dyad::tools {

/// --limit, --limit-fraction, --limit-ratio; each may be given several times.
struct LimitOptions {
  std::vector<std::string> absolute, fraction, ratio;

  void declare(CLI::App& verb, const std::string& ratio_meaning);
  Result<std::vector<quantizer::LimitRequest>> read() const;
};

}  // namespace dyad::tools
