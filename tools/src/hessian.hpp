/// \file Hessian traces from the training module, for the verbs that need them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "console.hpp"
#include "dyad/base/result.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/sensitivity.hpp"

namespace CLI {
class App;
}

namespace dyad::tools {

/// --trace-method, --trace-images, --trace-draws, --trace-stderr.
struct HessianFlags {
  std::string method = "gauss_newton";
  std::int64_t images = 0;
  int draws = 4;
  double stderr_goal = 0.1;

  void declare(CLI::App& verb);
};

/// Traces of every weighted layer on labelled images; a note says when the wanted standard error was not reached.
Result<std::vector<quantizer::LayerTrace>> measure_traces(const network::Network& network, const network::Dataset& images,
                                                          const network::Normalization& normalization, const HessianFlags& flags,
                                                          std::uint64_t seed, workflow::Progress& progress);

}  // namespace dyad::tools
