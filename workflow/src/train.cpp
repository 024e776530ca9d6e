#include "dyad/workflow/train.hpp"

#include <nlohmann/json.hpp>

namespace dyad::workflow {

OrderedJson training_document(const std::string& model, const training::TrainingResult& result, const training::TrainOptions& options) {
  OrderedJson epochs = OrderedJson::array();
  for (const training::EpochRecord& epoch : result.epochs)
    epochs.push_back({{"epoch", epoch.epoch},
                      {"loss", epoch.loss},
                      {"top1_train", epoch.top1_train},
                      {"top1", epoch.top1},
                      {"test_loss", epoch.test_loss},
                      {"learning_rate", epoch.learning_rate}});
  return {{"schema", "dyad.training/1"},
          {"version", DYAD_VERSION},
          {"seed", options.seed},
          {"model", model},
          {"command", options.command},
          {"epochs", std::move(epochs)},
          {"top1", result.top1},
          {"best_epoch", result.best_epoch},
          {"stopped_early", result.stopped_early},
          {"out", options.out.string()}};
}

OrderedJson quantized_training_document(const std::string& model, const training::QuantizationAwareResult& result,
                                        const training::QuantizationAwareOptions& options) {
  OrderedJson document = training_document(model, result.training, options);
  OrderedJson bits = OrderedJson::object();
  for (const auto& [name, layer] : options.bits) bits[name] = {{"w", layer.weight}, {"a", layer.activation}};
  document["scheme"] = training::to_string(options.scheme);
  document["integer_epochs"] = options.integer_epochs;
  document["assignment"] = std::move(bits);
  if (!options.integer_out.empty()) document["export"] = options.integer_out.string();
  return document;
}

}  // namespace dyad::workflow
