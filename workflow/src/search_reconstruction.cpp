#include "search_reconstruction.hpp"

#include <nlohmann/json.hpp>

#include "dyad/workflow/evaluate.hpp"
#include "dyad/workflow/reconstruct.hpp"

namespace dyad::workflow {

Result<std::optional<ReconstructedSearch>> reconstruct_chosen(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated,
                                                              const PointMeter& meter, const BitAssignment& assignment,
                                                              const network::Dataset& evaluation, Progress& progress) {
  DYAD_TRY(auto made, reconstruct_network(calibrated, assignment, *request.reconstruction, progress));
  if (!made) return std::optional<ReconstructedSearch>();
  ReconstructedSearch result;
  result.network = std::move(made->network);
  result.record = std::move(made->record);
  DYAD_TRY(result.logits_mse, meter.logits_mse(result.network));
  DYAD_TRY(const Evaluation accuracy, evaluate_integer(result.network, *request.backend, evaluation, 0, progress));
  if (accuracy.images < evaluation.size()) return std::optional<ReconstructedSearch>();
  result.top1 = accuracy.top1;
  result.top5 = accuracy.top5;
  result.digest = accuracy.digest;
  return std::optional(std::move(result));
}

OrderedJson reconstruction_choices(const training::ReconstructionOptions& options) {
  return {quantizer::to_string(options.granularity),
          options.iterations,
          options.images,
          options.batch,
          {options.rounding_rate, options.step_rate, options.bias_rate},
          {options.regularization, options.beta_start, options.beta_end, options.warmup},
          options.seed};
}

OrderedJson search_reconstruction_document(const ReconstructedSearch& reconstructed, const training::ReconstructionOptions& options) {
  OrderedJson document = {{"top1", reconstructed.top1},
                          {"top5", reconstructed.top5},
                          {"digest", reconstructed.digest},
                          {"logits_mse", reconstructed.logits_mse}};
  document.update(reconstruction_document(reconstructed.record, options));
  return document;
}

}  // namespace dyad::workflow
