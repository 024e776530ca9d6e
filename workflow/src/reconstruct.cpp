#include "dyad/workflow/reconstruct.hpp"

#include <nlohmann/json.hpp>

namespace dyad::workflow {

Result<std::optional<ReconstructedNetwork>> reconstruct_network(const quantizer::CalibratedNetwork& calibrated,
                                                                const BitAssignment& assignment, training::ReconstructionOptions options,
                                                                Progress& progress) {
  progress.stage("reconstruction");
  options.rounding = calibrated.options().rounding;
  options.bias_correction = calibrated.options().bias_correction;
  options.progress = [&](const training::ReconstructionProgress& at) { progress.update(at.step, at.steps); };
  options.cancelled = [&] { return progress.cancelled(); };
  DYAD_TRY(const quantizer::NetworkNumbers numbers, calibrated.numbers(assignment));
  ReconstructedNetwork result;
  DYAD_TRY(result.record, training::reconstruct(calibrated.folded(), calibrated.images(), calibrated.normalization(), numbers, options));
  if (result.record.was_cancelled) return std::optional<ReconstructedNetwork>();
  DYAD_TRY(result.network, quantizer::lower(calibrated.folded(), calibrated.normalization(), result.record.numbers, calibrated.options()));
  return std::optional(std::move(result));
}

OrderedJson reconstruction_document(const training::Reconstruction& record, const training::ReconstructionOptions& options) {
  OrderedJson blocks = OrderedJson::array();
  for (const training::BlockRecord& block : record.blocks)
    blocks.push_back({{"layers", block.layers},
                      {"target", block.target},
                      {"error_before", block.error_before},
                      {"error_after", block.error_after},
                      {"corrected_layers", block.corrected_layers},
                      {"iterations", block.iterations}});
  return {{"granularity", quantizer::to_string(options.granularity)},
          {"images", record.images},
          {"seed", options.seed},
          {"blocks", std::move(blocks)}};
}

OrderedJson equalization_document(const quantizer::EqualizationReport& report) {
  OrderedJson pairs = OrderedJson::array();
  for (const quantizer::EqualizedPair& pair : report.pairs)
    pairs.push_back({{"first", pair.first},
                     {"second", pair.second},
                     {"precision_before", pair.precision_before},
                     {"precision_after", pair.precision_after},
                     {"scaled_channels", pair.scaled_channels}});
  return {{"passes", report.passes}, {"pairs", std::move(pairs)}};
}

}  // namespace dyad::workflow
