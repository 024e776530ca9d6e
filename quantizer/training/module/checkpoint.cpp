#include "checkpoint.hpp"

#include <nlohmann/json.hpp>

#include "dyad/base/json.hpp"

namespace dyad::training {
namespace {

constexpr int kSchemaMajor = 1;

/// FNV-1a, 64 bit.
template <typename T>
std::uint64_t hash(std::span<const T> values) {
  std::uint64_t state = 0xcbf29ce484222325ull;
  for (const T value : values) state = (state ^ static_cast<std::uint64_t>(static_cast<std::int64_t>(value))) * 0x100000001b3ull;
  return state;
}

OrderedJson describe(const network::Dataset& data) {
  return {{"images", data.size()}, {"hash", hash<std::uint8_t>(data.images.values())}, {"labels_hash", hash<std::int32_t>(data.labels)}};
}

OrderedJson to_json(const EpochRecord& record) {
  return {{"epoch", record.epoch},    {"loss", record.loss},           {"top1_train", record.top1_train},
          {"top1", record.top1},      {"test_loss", record.test_loss}, {"learning_rate", record.learning_rate},
          {"seconds", record.seconds}};
}

Result<EpochRecord> epoch_from(const JsonReader& reader) {
  EpochRecord record;
  DYAD_TRY(const std::int64_t epoch, reader.integer("epoch", 1, INT32_MAX));
  record.epoch = static_cast<int>(epoch);
  DYAD_TRY(record.loss, reader.number("loss"));
  DYAD_TRY(record.top1_train, reader.number("top1_train"));
  DYAD_TRY(record.top1, reader.number("top1"));
  DYAD_TRY(record.test_loss, reader.number("test_loss"));
  DYAD_TRY(record.learning_rate, reader.number("learning_rate"));
  DYAD_TRY(record.seconds, reader.number("seconds"));
  DYAD_CHECK(reader.finish());
  return record;
}

constexpr const char* kHint = "start without --resume, or name another checkpoint";

}  // namespace

std::string describe_run(const network::Network& topology, const network::Dataset& train_images, const network::Dataset& test_images,
                         const network::Normalization& normalization, const TrainOptions& options) {
  OrderedJson run;
  run["topology"] = topology.name;
  run["train"] = describe(train_images);
  run["test"] = describe(test_images);
  run["mean"] = normalization.mean;
  run["std"] = normalization.stddev;
  run["epochs"] = options.epochs;
  run["batch"] = options.batch;
  run["learning_rate"] = options.learning_rate;
  run["schedule"] = options.schedule == LearningRateSchedule::kCosine ? "cosine" : "step";
  run["warmup"] = options.warmup;
  run["step_milestones"] = options.step_milestones;
  run["step_factor"] = options.step_factor;
  run["momentum"] = options.momentum;
  run["weight_decay"] = options.weight_decay;
  run["augment"] = options.augment;
  run["crop_border"] = options.crop_border;
  run["seed"] = options.seed;
  run["early_stop"] = options.early_stop;
  return run.dump();
}

Result<void> save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& file) {
  network::Safetensors content;
  const auto add = [&](const std::string& prefix, const std::map<std::string, Tensor<float>>& tensors) {
    for (const auto& [name, tensor] : tensors) content.tensors[prefix + name] = tensor;
  };
  add("model.", checkpoint.model);
  add("momentum.", checkpoint.momentum);
  add("best.", checkpoint.best);
  OrderedJson epochs = OrderedJson::array();
  for (const EpochRecord& record : checkpoint.epochs) epochs.push_back(to_json(record));
  content.metadata = {{"schema", "dyad.checkpoint/" + std::to_string(kSchemaMajor)},
                      {"run", checkpoint.run},
                      {"epochs", epochs.dump()},
                      {"best_epoch", std::to_string(checkpoint.best_epoch)}};
  return network::write_safetensors(file, content);
}

Result<Checkpoint> load_checkpoint(const std::filesystem::path& file, const std::string& run) {
  DYAD_TRY(network::Safetensors content, network::read_safetensors(file));
  const std::string place = file.string() + ":/__metadata__";
  for (const char* key : {"schema", "run", "epochs", "best_epoch"})
    if (!content.metadata.contains(key)) return Error{place, std::string("is no checkpoint: \"") + key + "\" is missing", kHint};
  if (content.metadata["schema"] != "dyad.checkpoint/1")
    return Error{place + "/schema", "is \"" + content.metadata["schema"] + "\", this program reads dyad.checkpoint/1", kHint};
  if (content.metadata["run"] != run)
    return Error{place + "/run", "belongs to a run with other options, topology or data: " + content.metadata["run"] + " instead of " + run,
                 kHint};
  Checkpoint checkpoint;
  checkpoint.run = run;
  DYAD_TRY(const Json epochs, parse_json(content.metadata["epochs"], place + "/epochs"));
  DYAD_TRY(const auto records, JsonReader(epochs, place + "/epochs").elements());
  for (const JsonReader& reader : records) {
    DYAD_TRY(EpochRecord record, epoch_from(reader));
    checkpoint.epochs.push_back(record);
  }
  DYAD_TRY(const Json best, parse_json(content.metadata["best_epoch"], place + "/best_epoch"));
  DYAD_TRY(const std::int64_t best_epoch, JsonReader(best, place + "/best_epoch").integer(1, static_cast<std::int64_t>(records.size())));
  checkpoint.best_epoch = static_cast<int>(best_epoch);
  for (auto& [name, tensor] : content.tensors) {
    const std::size_t dot = name.find('.');
    const std::string prefix = name.substr(0, dot), rest = dot == std::string::npos ? "" : name.substr(dot + 1);
    auto* const target = prefix == "model"      ? &checkpoint.model
                         : prefix == "momentum" ? &checkpoint.momentum
                         : prefix == "best"     ? &checkpoint.best
                                                : nullptr;
    if (!target) return Error{file.string() + ":/" + name, "does not belong in a checkpoint", kHint};
    target->emplace(rest, std::move(tensor));
  }
  return checkpoint;
}

}  // namespace dyad::training
