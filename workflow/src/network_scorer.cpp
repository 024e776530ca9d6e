#include "network_scorer.hpp"

#include "dyad/quantizer/fake_quantization.hpp"
#include "dyad/workflow/evaluate.hpp"
#include "evaluation_parts.hpp"

namespace dyad::workflow {
namespace {

double top1_of(const Tensor<float>& logits, const network::Dataset& sample) {
  Scorer scorer(sample.labels);
  scorer.add(logits, 0);
  return std::move(scorer).finish(0).top1;
}

}  // namespace

Result<quantizer::IntegerNetwork> quantize_for(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated,
                                               const BitAssignment& assignment) {
  if (!request.episodes.kmeans) return calibrated.quantize(assignment);
  DYAD_TRY(quantizer::KmeansNetwork made,
           quantizer::quantize_kmeans(calibrated, assignment, {.iterations = 50, .pruned = false, .seed = request.seed}));
  return std::move(made.network);
}

NetworkScorer::NetworkScorer(const SearchRequest& request, quantizer::CalibratedNetwork calibrated, network::Dataset sample)
    : request_(request), calibrated_(std::move(calibrated)), sample_(std::move(sample)) {
  float_logits_ = quantizer::evaluate_float(calibrated_, sample_);
  float_top1_ = top1_of(float_logits_, sample_);
}

Result<NetworkScorer> NetworkScorer::create(const SearchRequest& request, const network::Dataset& drawn) {
  network::Dataset sample = first_images(drawn, request.episodes.reward_images);
  DYAD_TRY(auto calibrated,
           quantizer::CalibratedNetwork::calibrate(request.network, first_images(drawn, request.episodes.correction_images),
                                                   request.normalization, request.quantization));
  const network::Network& folded = calibrated.folded();
  DYAD_CHECK(check_labels(sample, element_count(folded.node(folded.output()).output_shape)));
  return NetworkScorer(request, std::move(calibrated), std::move(sample));
}

NetworkScorer::Key NetworkScorer::key_of(const BitAssignment& assignment) {
  Key key;
  for (const auto& [name, bits] : assignment) key.push_back({name, {bits.weight, bits.activation}});
  return key;
}

void NetworkScorer::know(const BitAssignment& assignment, const NetworkScore& score) { known_.emplace(key_of(assignment), score); }

Result<NetworkScore> NetworkScorer::score(const BitAssignment& assignment) {
  const Key key = key_of(assignment);
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  DYAD_TRY(const quantizer::IntegerNetwork network, quantize_for(request_, calibrated_, assignment));
  DYAD_TRY(const NetworkScore score, measure(network));
  known_.emplace(key, score);
  return score;
}

Result<NetworkScore> NetworkScorer::measure(const quantizer::IntegerNetwork& network) const {
  DYAD_TRY(const Tensor<float> logits, integer_logits(network, *request_.backend, sample_.images));
  return NetworkScore{top1_of(logits, sample_), quantizer::logits_error(float_logits_, logits).mse};
}

}  // namespace dyad::workflow
