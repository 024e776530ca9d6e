/// \file The file that a search by episodes leaves after every episode (docs/workflow/search.md, dyad.search_checkpoint/1).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dyad/base/result.hpp"
#include "network_scorer.hpp"
#include "proposers.hpp"

namespace dyad::workflow {

struct EpisodeCheckpoint {
  struct Episode {
    Bits bits;
    NetworkScore score;
  };
  std::vector<Episode> episodes;
  std::vector<std::uint8_t> proposer;
};

Result<void> write_checkpoint(const std::filesystem::path& file, const std::string& hash, const EpisodeCheckpoint& checkpoint);
/// Nothing when there is no such file. An Error when it is of another search or damaged. `layers`: how many there are.
Result<std::optional<EpisodeCheckpoint>> read_checkpoint(const std::filesystem::path& file, const std::string& hash, std::size_t layers);

}  // namespace dyad::workflow
