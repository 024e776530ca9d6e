#include "episode_checkpoint.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/base/json.hpp"

namespace dyad::workflow {
namespace {

Result<EpisodeCheckpoint::Episode> read_episode(const JsonReader& reader, std::size_t layers) {
  EpisodeCheckpoint::Episode episode;
  DYAD_TRY(const JsonReader bits, reader.member("bits"));
  DYAD_TRY(const auto pairs, bits.elements());
  if (pairs.size() != layers)
    return bits.error("expected one pair of bits for each of " + std::to_string(layers) + " layers", "the file is damaged; remove it");
  for (const JsonReader& pair : pairs) {
    DYAD_TRY(const auto both, pair.elements());
    if (both.size() != 2) return pair.error("expected two numbers of bits", "the file is damaged; remove it");
    DYAD_TRY(const std::int64_t weight, both[0].integer(1, 8));
    DYAD_TRY(const std::int64_t activation, both[1].integer(1, 8));
    episode.bits.push_back({static_cast<int>(weight), static_cast<int>(activation)});
  }
  DYAD_TRY(episode.score.top1, reader.number("top1"));
  DYAD_TRY(episode.score.logits_mse, reader.number("logits_mse"));
  DYAD_CHECK(reader.finish());
  return episode;
}

}  // namespace

Result<void> write_checkpoint(const std::filesystem::path& file, const std::string& hash, const EpisodeCheckpoint& checkpoint) {
  OrderedJson episodes = OrderedJson::array();
  for (const EpisodeCheckpoint::Episode& episode : checkpoint.episodes) {
    OrderedJson bits = OrderedJson::array();
    for (const LayerBits layer : episode.bits) bits.push_back({layer.weight, layer.activation});
    episodes.push_back({{"bits", std::move(bits)}, {"top1", episode.score.top1}, {"logits_mse", episode.score.logits_mse}});
  }
  const OrderedJson head{{"schema", "dyad.search_checkpoint/1"},
                         {"version", DYAD_VERSION},
                         {"config_hash", hash},
                         {"episodes", std::move(episodes)},
                         {"proposer_bytes", checkpoint.proposer.size()}};
  const std::string line = head.dump() + "\n";
  std::vector<std::uint8_t> bytes(line.begin(), line.end());
  bytes.insert(bytes.end(), checkpoint.proposer.begin(), checkpoint.proposer.end());
  return write_bytes(file, bytes);
}

Result<std::optional<EpisodeCheckpoint>> read_checkpoint(const std::filesystem::path& file, const std::string& hash, std::size_t layers) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return std::optional<EpisodeCheckpoint>();
  const std::string place = file.string();
  DYAD_TRY(const std::vector<std::uint8_t> bytes, read_bytes(file));
  const auto end = std::find(bytes.begin(), bytes.end(), '\n');
  if (end == bytes.end()) return Error{place, "is no checkpoint of a search", "name another file; a new one is made"};
  DYAD_TRY(const Json head, parse_json(std::string(bytes.begin(), end), place));
  const JsonReader reader(head, place);
  DYAD_TRY([[maybe_unused]] const int major, reader.schema("dyad.search_checkpoint", 1));
  DYAD_TRY([[maybe_unused]] const std::string version, reader.string("version"));
  DYAD_TRY(const std::string written, reader.string("config_hash"));
  if (written != hash)
    return Error{place + ":/config_hash", "is of another search",
                 "repeat that search's model, data, method, limits and seed, or name another file"};
  EpisodeCheckpoint checkpoint;
  DYAD_TRY(const JsonReader list, reader.member("episodes"));
  DYAD_TRY(const auto episodes, list.elements());
  for (const JsonReader& each : episodes) {
    DYAD_TRY(auto episode, read_episode(each, layers));
    checkpoint.episodes.push_back(std::move(episode));
  }
  const std::int64_t rest = bytes.end() - end - 1;
  DYAD_TRY(const std::int64_t size, reader.integer("proposer_bytes", 0, std::int64_t{1} << 40));
  DYAD_CHECK(reader.finish());
  if (size != rest)
    return Error{place, "has " + std::to_string(rest) + " bytes behind its header, not " + std::to_string(size),
                 "the file is damaged; remove it"};
  checkpoint.proposer.assign(end + 1, bytes.end());
  return std::optional(std::move(checkpoint));
}

}  // namespace dyad::workflow
