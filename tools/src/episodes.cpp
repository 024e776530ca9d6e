#include "episodes.hpp"

#include "options.hpp"

namespace dyad::tools {

void EpisodeFlags::declare(CLI::App& verb, const workflow::EpisodeOptions& defaults) {
  options = defaults;
  verb_ = &verb;
  verb.add_option("--episodes,--evaluations", options.count, "haq, evolution, random: networks that are scored")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--reward-images", options.reward_images, "Calibration images that score an episode")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--scheme", scheme, "linear; kmeans: weights as codebooks, limits on size only")
      ->check(CLI::IsMember({"linear", "kmeans"}))
      ->capture_default_str();
  verb.add_flag("--haq-compat", options.haq_compat, "haq: with the published implementation's quirks");
}

Result<workflow::EpisodeOptions> EpisodeFlags::read(workflow::SearchMethod method) const {
  if (!workflow::searches_by_episodes(method))
    for (const char* flag : {"--episodes", "--reward-images", "--scheme"})
      if (was_given(flag))
        return Error{flag, "--method " + std::string(to_string(method)) + " has no episodes",
                     "use it with --method haq, evolution or random"};
  if (options.haq_compat && method != workflow::SearchMethod::kHaq)
    return Error{"--haq-compat", "--method " + std::string(to_string(method)) + " is not HAQ's", "use it with --method haq"};
  workflow::EpisodeOptions read = options;
  read.kmeans = scheme == "kmeans";
  return read;
}

}  // namespace dyad::tools
