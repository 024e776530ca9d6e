/// \file What libdyad_training.so exports: one C symbol that gives a table of functions.
#pragma once

#include <string>

#include "dyad/training/hmq.hpp"
#include "dyad/training/quantization_aware.hpp"
#include "dyad/training/reconstruction.hpp"
#include "dyad/training/training.hpp"

namespace dyad::training {

/// Both sides are built from one source tree by one compiler; `fingerprint` catches a stale module.
struct ModuleInterface {
  const char* fingerprint;
  std::string (*description)();
  Result<HessianTraces> (*hessian_traces)(const network::Network&, const network::Dataset&, const network::Normalization&,
                                          const HessianOptions&);
  Result<TrainingResult> (*train)(const network::Network&, const network::Dataset&, const network::Dataset&, const network::Normalization&,
                                  const TrainOptions&);
  Result<Tensor<float>> (*forward)(const network::Network&, const Tensor<float>&);
  Result<Reconstruction> (*reconstruct)(const network::Network&, const network::Dataset&, const network::Normalization&,
                                        const quantizer::NetworkNumbers&, const ReconstructionOptions&);
  Result<Tensor<float>> (*quantized_forward)(const network::Network&, const network::Dataset&, const network::Normalization&,
                                             const quantizer::NetworkNumbers&, Rounding);
  Result<HmqResult> (*hmq_search)(const network::Network&, const network::Dataset&, const network::Normalization&,
                                  const std::vector<HmqLayer>&, const std::vector<HmqTarget>&, const HmqOptions&);
  Result<HmqProbeResult> (*hmq_probe)(const HmqProbe&);
  Result<QuantizationAwareResult> (*train_quantized)(const network::Network&, const network::Dataset&, const network::Dataset&,
                                                     const network::Normalization&, const QuantizationAwareOptions&);
  Result<Tensor<std::int32_t>> (*integer_forward)(const quantizer::IntegerNetwork&, const Tensor<std::uint8_t>&);
};

inline constexpr const char* kModuleFile = "libdyad_training.so";
inline constexpr const char* kModuleSymbol = "dyad_training_module";
inline constexpr const char* kModuleFingerprint = "dyad " DYAD_VERSION " training interface 3, compiler " __VERSION__;

/// An Error when the images can't train the network: other shape, channels or classes.
Result<void> check_images(const network::Network& network, const network::Dataset& data, const network::Normalization& normalization,
                          const std::string& what);

using ModuleEntry = const ModuleInterface* (*)();

/// Options and data of a training run; errors name the flag.
Result<void> check_training(const network::Network& network, const network::Dataset& train_images, const network::Dataset& test_images,
                            const network::Normalization& normalization, const TrainOptions& options);

/// The module, opened on first use (docs at open_module()).
Result<const ModuleInterface*> opened_module();

}  // namespace dyad::training
