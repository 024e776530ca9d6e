#include "dyad/training/quantization_aware.hpp"

#include <utility>

#include "dyad/base/parallel.hpp"
#include "module_interface.hpp"

namespace dyad::training {
namespace {

Result<void> check_distillation(const network::Network& network, const Distillation& distillation) {
  if (!(distillation.weight >= 0 && distillation.weight <= 1) || !(distillation.temperature > 0))
    return Error{"--distillation", "needs a weight in [0, 1] and a temperature above 0", "for example 0.95,6"};
  const network::Network& teacher = distillation.teacher;
  if (!teacher.has_weights()) return Error{"--teacher", "the teacher has no weights", "name a trained model"};
  const auto shapes = [](const network::Network& net) {
    return std::pair(net.node(net.input()).output_shape, element_count(net.node(net.output()).output_shape));
  };
  if (shapes(teacher) != shapes(network))
    return Error{"--teacher", "the teacher has another image size or number of classes than the network",
                 "choose one trained on the same data"};
  return {};
}

}  // namespace

Result<QuantizationAwareResult> train_quantized(const network::Network& network, const network::Dataset& train_images,
                                                const network::Dataset& test_images, const network::Normalization& normalization,
                                                const QuantizationAwareOptions& options) {
  DYAD_CHECK(check_training(network, train_images, test_images, normalization, options));
  if (!network.has_weights())
    return Error{network.name, "has no weights", "quantization-aware training starts from a trained network: give --weights or a model"};
  if (options.integer_epochs < 0 || options.integer_epochs > options.epochs)
    return Error{"--integer-epochs", "must be 0 to the number of epochs", "for example 1"};
  if (options.calibration_images < 1) return Error{"--calibration-images", "must be at least 1", "for example 1024"};
  const HawqRules& hawq = options.hawq;
  if (hawq.momentum != -1 && !(hawq.momentum >= 0 && hawq.momentum < 1))
    return Error{"--range-momentum", "must be -1 (running extremes) or in [0, 1)", "for example 0.99"};
  if (!(hawq.percentile == 0 || (hawq.percentile > 50 && hawq.percentile <= 100)))
    return Error{"--percentile", "must be 0 (extremes) or above 50 up to 100", "for example 99.9"};
  if (options.distillation) DYAD_CHECK(check_distillation(network, *options.distillation));
  DYAD_TRY(const ModuleInterface* module, opened_module());
  QuantizationAwareOptions complete = options;
  if (complete.threads <= 0) complete.threads = thread_count();
  return module->train_quantized(network, train_images, test_images, normalization, complete);
}

Result<Tensor<std::int32_t>> integer_forward(const quantizer::IntegerNetwork& network, const Tensor<std::uint8_t>& images) {
  DYAD_CHECK(quantizer::validate(network, network.name));
  for (const IntegerLayer& layer : network.layers)
    if (!layer.output_levels.is_uniform())
      return Error{
          network.name + ":/" + layer.name,
          "layer '" + layer.name + "' writes levels (" + describe(layer.output_levels) + "), which the training module does not run",
          "run it with the backend cpu or scalar"};
  const Shape& shape = images.shape();
  if (shape.size() != 4 || shape[1] != network.input.height || shape[2] != network.input.width || shape[3] != network.input.channels)
    return Error{network.name, "images of " + dyad::to_string(shape) + " do not fit the network's input",
                 "choose data of the network's size"};
  DYAD_TRY(const ModuleInterface* module, opened_module());
  return module->integer_forward(network, images);
}

}  // namespace dyad::training
