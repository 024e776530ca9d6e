#include "hmq_checkpoint.hpp"

#include <nlohmann/json.hpp>

#include "dyad/base/json.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/summary.hpp"
#include "torch_network.hpp"

namespace dyad::training {
namespace {

constexpr const char* kHint = "start without --resume, or name another checkpoint";
constexpr const char* kParts[] = {"value.", "mean.", "square."};

/// FNV-1a, 64 bit.
template <typename T>
std::uint64_t hash(std::span<const T> values) {
  std::uint64_t state = 0xcbf29ce484222325ull;
  for (const std::uint8_t byte : std::span(reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()))
    state = (state ^ byte) * 0x100000001b3ull;
  return state;
}

at::Tensor part_of(const RAdamTensor& tensor, int part) { return part == 0 ? tensor.value : part == 1 ? tensor.mean : tensor.square; }

OrderedJson to_json(const HmqEpoch& epoch) {
  return {{"epoch", epoch.epoch},           {"final", epoch.is_final},
          {"task_loss", epoch.task_loss},   {"target_loss", epoch.target_loss},
          {"top1_train", epoch.top1_train}, {"temperature", epoch.temperature},
          {"seconds", epoch.seconds},       {"compression", epoch.compression}};
}

Result<HmqEpoch> epoch_from(const JsonReader& reader) {
  HmqEpoch epoch;
  DYAD_TRY(const std::int64_t number, reader.integer("epoch", 1, INT32_MAX));
  epoch.epoch = static_cast<int>(number);
  DYAD_TRY(epoch.is_final, reader.boolean("final", false));
  DYAD_TRY(epoch.task_loss, reader.number("task_loss"));
  DYAD_TRY(epoch.target_loss, reader.number("target_loss"));
  DYAD_TRY(epoch.top1_train, reader.number("top1_train"));
  DYAD_TRY(epoch.temperature, reader.number("temperature"));
  DYAD_TRY(epoch.seconds, reader.number("seconds"));
  DYAD_TRY(const JsonReader compression, reader.member("compression"));
  DYAD_TRY(const auto elements, compression.elements());
  for (const JsonReader& element : elements) {
    DYAD_TRY(const double value, element.number());
    epoch.compression.push_back(value);
  }
  DYAD_CHECK(reader.finish());
  return epoch;
}

Result<BitAssignment> assignment_from(const JsonReader& reader) {
  BitAssignment assignment;
  DYAD_TRY(const auto layers, reader.members());
  for (const auto& [name, layer] : layers) {
    DYAD_TRY(const std::int64_t w, layer.integer("w", 1, 16));
    DYAD_TRY(const std::int64_t a, layer.integer("a", 1, 16));
    DYAD_CHECK(layer.finish());
    assignment[name] = {static_cast<int>(w), static_cast<int>(a)};
  }
  return assignment;
}

}  // namespace

std::string describe_hmq_run(const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
                             const std::vector<HmqLayer>& layers, const std::vector<HmqTarget>& targets, const HmqOptions& options) {
  OrderedJson run;
  run["network"] = OrderedJson::array();
  for (const network::NodeId id : network::weighted_nodes(folded)) {
    const network::Node& node = folded.node(id);
    run["network"].push_back({node.name, hash<float>(node.weight.values()), hash<float>(node.bias)});
  }
  run["images"] = {images.size(), hash<std::uint8_t>(images.images.values()), hash<std::int32_t>(images.labels)};
  run["normalization"] = {normalization.mean, normalization.stddev};
  for (const HmqLayer& layer : layers)
    run["layers"].push_back({layer.weight_bits, layer.activation_bits, layer.is_input_signed, layer.input_step.value_or(0)});
  for (const HmqTarget& target : targets)
    run["targets"].push_back({target.name, target.limit, target.at_most_bits, target.fixed, target.is_largest, target.cost});
  run["options"] = {quantizer::to_string(options.ranges),
                    to_string(options.activations),
                    to_string(options.start),
                    to_string(options.teacher),
                    options.channel_scales,
                    options.shifts,
                    options.epochs,
                    options.final_fraction,
                    options.epoch_images,
                    options.batch,
                    options.weight_rate,
                    options.logits_rate,
                    options.weight_decay,
                    options.gamma,
                    options.cycles,
                    options.target_levels,
                    options.activation_compression,
                    options.augment,
                    options.seed,
                    options.budget_seconds};
  return run.dump();
}

Result<void> save_hmq_checkpoint(const HmqCheckpoint& checkpoint, const std::vector<RAdamTensor>& tensors,
                                 const std::filesystem::path& file) {
  network::Safetensors content;
  for (const RAdamTensor& tensor : tensors)
    for (int part = 0; part < 3; ++part) content.tensors[kParts[part] + tensor.name] = to_dyad(part_of(tensor, part));
  OrderedJson epochs = OrderedJson::array();
  for (const HmqEpoch& epoch : checkpoint.epochs) epochs.push_back(to_json(epoch));
  OrderedJson assignment = OrderedJson::object();
  for (const auto& [name, bits] : checkpoint.assignment) assignment[name] = {{"w", bits.weight}, {"a", bits.activation}};
  content.metadata = {{"schema", "dyad.hmq_checkpoint/1"},
                      {"run", checkpoint.run},
                      {"epochs", epochs.dump()},
                      {"assignment", assignment.dump()},
                      {"planned_epochs", std::to_string(checkpoint.planned_epochs)},
                      {"steps", std::to_string(checkpoint.steps)}};
  return network::write_safetensors(file, content);
}

Result<HmqCheckpoint> load_hmq_checkpoint(const std::filesystem::path& file, const std::string& run, std::vector<RAdamTensor>& tensors) {
  DYAD_TRY(network::Safetensors content, network::read_safetensors(file));
  const std::string place = file.string() + ":/__metadata__";
  for (const char* key : {"schema", "run", "epochs", "assignment", "planned_epochs", "steps"})
    if (!content.metadata.contains(key))
      return Error{place, std::string("is no checkpoint of an HMQ search: \"") + key + "\" is missing", kHint};
  if (content.metadata["schema"] != "dyad.hmq_checkpoint/1")
    return Error{place + "/schema", "is \"" + content.metadata["schema"] + "\", this program reads dyad.hmq_checkpoint/1", kHint};
  if (content.metadata["run"] != run) return Error{place + "/run", "belongs to a run with other options, limits, network or data", kHint};
  HmqCheckpoint checkpoint;
  checkpoint.run = run;
  const auto number = [&](const char* key) -> Result<std::int64_t> {
    DYAD_TRY(const Json value, parse_json(content.metadata[key], place + "/" + key));
    return JsonReader(value, place + "/" + key).integer(1, INT32_MAX);
  };
  DYAD_TRY(const std::int64_t planned, number("planned_epochs"));
  checkpoint.planned_epochs = static_cast<int>(planned);
  DYAD_TRY(checkpoint.steps, number("steps"));
  DYAD_TRY(const Json epochs, parse_json(content.metadata["epochs"], place + "/epochs"));
  DYAD_TRY(const auto records, JsonReader(epochs, place + "/epochs").elements());
  for (const JsonReader& reader : records) {
    DYAD_TRY(HmqEpoch epoch, epoch_from(reader));
    checkpoint.epochs.push_back(std::move(epoch));
  }
  DYAD_TRY(const Json assignment, parse_json(content.metadata["assignment"], place + "/assignment"));
  DYAD_TRY(checkpoint.assignment, assignment_from(JsonReader(assignment, place + "/assignment")));
  const at::NoGradGuard no_gradient;
  for (const RAdamTensor& tensor : tensors)
    for (int part = 0; part < 3; ++part) {
      const std::string name = kParts[part] + tensor.name;
      const at::Tensor target = part_of(tensor, part);
      const auto found = content.tensors.find(name);
      const Shape shape(target.sizes().begin(), target.sizes().end());
      if (found == content.tensors.end() || found->second.shape() != shape)
        return Error{file.string() + ":/" + name, "is missing or does not have the shape " + dyad::to_string(shape), kHint};
      std::copy(found->second.values().begin(), found->second.values().end(), target.data_ptr<float>());
    }
  return checkpoint;
}

}  // namespace dyad::training
