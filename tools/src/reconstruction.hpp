/// \file Flags of post-training reconstruction, shared by `quantize` and `search`.
#pragma once

#include <cstdint>
#include <string>

#include "dyad/base/result.hpp"
#include "dyad/training/reconstruction.hpp"

namespace CLI {
class App;
}

namespace dyad::tools {

/// --reconstruct, --iterations, --reconstruction-images, --granularity.
struct ReconstructionFlags {
  bool reconstruct = false;
  int iterations = 0;
  std::int64_t images = 1024;
  std::string granularity = "block";

  void declare(CLI::App& verb);
  training::ReconstructionOptions read(std::uint64_t seed) const;
  /// An Error before long work when reconstruction is asked for and this build has no training module.
  Result<void> check() const;
};

}  // namespace dyad::tools
