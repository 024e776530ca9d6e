#include "dyad/training/reconstruction.hpp"

#include "dyad/base/parallel.hpp"
#include "module_interface.hpp"

namespace dyad::training {
namespace {

Result<void> check_network(const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
                           const quantizer::NetworkNumbers& numbers) {
  const std::string place = folded.name.empty() ? "network" : folded.name;
  if (!folded.has_weights()) return Error{place, "has no weights to reconstruct", "load a trained model, or add weights to the topology"};
  DYAD_EXPECT(numbers.carriers.size() == folded.size(), "one carrier format for every node");
  for (const network::NodeId layer : network::weighted_nodes(folded))
    DYAD_EXPECT(numbers.layers.contains(layer), "numbers for every convolution and fully connected layer");
  const Shape& expected = folded.node(folded.input()).output_shape;
  const Shape& have = images.images.shape();
  if (images.size() == 0) return Error{images.name, "no images to reconstruct on", "at least one is needed, 1024 are usual"};
  if (have.size() != 4 || Shape(have.begin() + 1, have.end()) != expected)
    return Error{images.name, "the images are not " + dyad::to_string(expected), "choose data of the network's image size"};
  const auto channels = static_cast<std::size_t>(expected[2]);
  if (normalization.mean.size() != channels || normalization.stddev.size() != channels)
    return Error{"normalization", "has not one mean and standard deviation for each of " + std::to_string(channels) + " channels",
                 "name one that fits the images"};
  return {};
}

}  // namespace

Result<Reconstruction> reconstruct(const network::Network& folded, const network::Dataset& images,
                                   const network::Normalization& normalization, const quantizer::NetworkNumbers& numbers,
                                   const ReconstructionOptions& options) {
  if (options.iterations < 0) return Error{"--iterations", "must not be negative", "0 means 250, or 400 at 2 bits"};
  if (options.images < 0) return Error{"--reconstruction-images", "must not be negative", "0 means all"};
  if (options.batch < 1) return Error{"batch", "must be at least 1", "for example 32"};
  if (!(options.rounding_rate > 0 && options.step_rate >= 0 && options.bias_rate >= 0 && options.regularization >= 0))
    return Error{"rates", "must be positive", "for example 1e-2, 4e-4, 1e-3 and a regularization of 0.01"};
  if (!(options.warmup >= 0 && options.warmup < 1)) return Error{"warmup", "must be in [0, 1)", "for example 0.2"};
  DYAD_CHECK(check_network(folded, images, normalization, numbers));
  DYAD_TRY(const ModuleInterface* module, opened_module());
  ReconstructionOptions complete = options;
  if (complete.threads <= 0) complete.threads = thread_count();
  if (complete.images == 0 || complete.images > images.size()) complete.images = images.size();
  return module->reconstruct(folded, images, normalization, numbers, complete);
}

Result<Tensor<float>> quantized_forward(const network::Network& folded, const network::Dataset& images,
                                        const network::Normalization& normalization, const quantizer::NetworkNumbers& numbers,
                                        Rounding rounding) {
  DYAD_CHECK(check_network(folded, images, normalization, numbers));
  DYAD_TRY(const ModuleInterface* module, opened_module());
  return module->quantized_forward(folded, images, normalization, numbers, rounding);
}

}  // namespace dyad::training
