/// \file Flags of the searches by episodes.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "dyad/workflow/search.hpp"

namespace dyad::tools {

struct EpisodeFlags {
  workflow::EpisodeOptions options;
  std::string scheme = "linear";

  void declare(CLI::App& verb, const workflow::EpisodeOptions& defaults);
  bool was_given(const std::string& flag) const { return verb_->count(flag) > 0; }
  /// An Error when a flag is given that `method` does not know.
  Result<workflow::EpisodeOptions> read(workflow::SearchMethod method) const;

 private:
  const CLI::App* verb_ = nullptr;
};

}  // namespace dyad::tools
