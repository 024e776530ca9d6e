/// \file Flags of the search method hmq.
#pragma once

#include <string>

#include "dyad/training/hmq.hpp"

namespace CLI {
class App;
}

namespace dyad::tools {

/// --epochs, --epoch-images, --hmq-...
struct HmqFlags {
  training::HmqOptions options;
  std::string ranges = "exact", activations = "gradient", start = "balanced", teacher = "float", channels = "scaled";
  bool no_augment = false;

  void declare(CLI::App& verb);
  training::HmqOptions read() const;
};

}  // namespace dyad::tools
