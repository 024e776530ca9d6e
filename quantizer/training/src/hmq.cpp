#include "dyad/training/hmq.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/base/parallel.hpp"
#include "module_interface.hpp"

namespace dyad::training {
namespace {

Result<void> check_options(const HmqOptions& options) {
  const auto bad = [](const char* name, const char* message, const char* hint) { return Error{name, message, hint}; };
  if (options.epochs < 2)
    return bad("--epochs", "must be at least 2: one to search, one to train at the bits that were found", "for example 5");
  if (!(options.final_fraction >= 0 && options.final_fraction <= 1)) return bad("--final-fraction", "must be in [0, 1]", "for example 0.4");
  if (options.batch < 2) return bad("--batch", "must be at least 2", "for example 100");
  if (options.epoch_images < 0) return bad("--epoch-images", "must not be negative", "0 means all");
  if (options.shifts < 1 || options.shifts > 16) return bad("shifts", "must be 1 to 16", "published: 8");
  if (options.cycles < 1) return bad("cycles", "must be at least 1", "published: 6");
  if (!(options.weight_rate >= 0) || !(options.logits_rate >= 0) || !(options.weight_decay >= 0))
    return bad("--weight-rate, --logits-rate", "must not be negative", "for example 5e-4 and 0.1");
  if (!(options.gamma >= 0)) return bad("gamma", "must not be negative", "published: 32");
  if (!(options.activation_compression > 0)) return bad("--activation-compression", "must be above 0", "published: 8");
  if (!(options.budget_seconds >= 0)) return bad("--budget-seconds", "must not be negative", "0 means none");
  if (options.resume && options.checkpoint.empty()) return bad("--resume", "needs a checkpoint file", "name it with --checkpoint");
  DYAD_EXPECT(static_cast<bool>(options.choose), "a search needs to be told how bits are chosen");
  return {};
}

}  // namespace

Result<HmqResult> hmq_search(const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
                             const std::vector<HmqLayer>& layers, const std::vector<HmqTarget>& targets, const HmqOptions& options) {
  DYAD_CHECK(check_options(options));
  if (!folded.has_weights()) return Error{folded.name, "has no weights", "give --weights or a trained model"};
  DYAD_CHECK(check_images(folded, images, normalization, "the training set"));
  if (static_cast<std::int64_t>(images.labels.size()) != images.size())
    return Error{images.name, "has no labels", "choose labelled training images"};
  for (const HmqLayer& layer : layers)
    DYAD_EXPECT(!layer.weight_bits.empty() && !layer.activation_bits.empty(), "a layer without bits to choose from");
  for (const HmqTarget& target : targets)
    DYAD_EXPECT(target.limit > 0 && target.at_most_bits > 0 && target.cost.size() == layers.size(), "a target without its costs");
  DYAD_TRY(const ModuleInterface* module, opened_module());
  HmqOptions complete = options;
  if (complete.threads <= 0) complete.threads = thread_count();
  return module->hmq_search(folded, images, normalization, layers, targets, complete);
}

Result<HmqProbeResult> hmq_probe(const HmqProbe& probe) {
  DYAD_EXPECT(probe.logits.size() == probe.space.size() && probe.space.size() > 0, "one logit for each option");
  DYAD_EXPECT(probe.noise_dimension >= 0 && probe.noise_dimension < static_cast<int>(probe.values.shape().size()),
              "values have the dimension");
  DYAD_EXPECT(probe.uniforms.empty() ||
                  static_cast<std::int64_t>(probe.uniforms.size()) ==
                      probe.values.shape()[static_cast<std::size_t>(probe.noise_dimension)] * static_cast<std::int64_t>(probe.space.size()),
              "one uniform number for each option and position of the noise");
  DYAD_TRY(const ModuleInterface* module, opened_module());
  return module->hmq_probe(probe);
}

}  // namespace dyad::training
