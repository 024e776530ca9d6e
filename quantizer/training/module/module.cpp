// The one symbol of libdyad_training.so. LibTorch's exceptions end here.
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <malloc.h>
#include <torch/version.h>

#include "dyad/base/result.hpp"
#include "hessian.hpp"
#include "hmq_quantizer.hpp"
#include "hmq_trainer.hpp"
#include "module_interface.hpp"
#include "quantized_trainer.hpp"
#include "reconstruction.hpp"
#include "torch_network.hpp"
#include "trainer.hpp"

namespace dyad::training {
namespace {

/// Calls `body`; what LibTorch throws is a broken assumption of ours, except that memory may run out.
template <typename Body>
auto guarded(const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (const c10::Error& failure) {
    const std::string what = failure.what_without_backtrace();
    if (what.find("allocate memory") != std::string::npos)
      return Error{"training", "there is not enough memory: " + what, "use a smaller batch or group"};
    throw InternalError("LibTorch: " + what);
  }
}

std::string description() { return fmt::format("LibTorch {}, CPU", TORCH_VERSION); }

Result<Tensor<float>> logits_of(const network::Network& network, const Tensor<float>& images) {
  const at::NoGradGuard no_gradient;
  return to_dyad(TorchNetwork(network).forward(as_images(images.data(), images.shape()), false));
}

constexpr ModuleInterface kInterface = {
    kModuleFingerprint,
    description,
    [](const network::Network& network, const network::Dataset& images, const network::Normalization& normalization,
       const HessianOptions& options) { return guarded([&] { return estimate_traces(network, images, normalization, options); }); },
    [](const network::Network& topology, const network::Dataset& train_images, const network::Dataset& test_images,
       const network::Normalization& normalization, const TrainOptions& options) {
      return guarded([&] { return run_training(topology, train_images, test_images, normalization, options); });
    },
    [](const network::Network& network, const Tensor<float>& images) { return guarded([&] { return logits_of(network, images); }); },
    [](const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
       const quantizer::NetworkNumbers& numbers, const ReconstructionOptions& options) {
      return guarded([&] { return learn_numbers(folded, images, normalization, numbers, options); });
    },
    [](const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
       const quantizer::NetworkNumbers& numbers,
       Rounding rounding) { return guarded([&] { return quantized_logits(folded, images, normalization, numbers, rounding); }); },
    [](const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
       const std::vector<HmqLayer>& layers, const std::vector<HmqTarget>& targets, const HmqOptions& options) {
      return guarded([&] { return run_hmq_search(folded, images, normalization, layers, targets, options); });
    },
    [](const HmqProbe& probe) { return guarded([&] { return run_hmq_probe(probe); }); },
    [](const network::Network& network, const network::Dataset& train_images, const network::Dataset& test_images,
       const network::Normalization& normalization, const QuantizationAwareOptions& options) {
      return guarded([&] { return run_quantized_training(network, train_images, test_images, normalization, options); });
    },
    [](const quantizer::IntegerNetwork& network, const Tensor<std::uint8_t>& images) {
      return guarded([&]() -> Result<Tensor<std::int32_t>> { return run_integer_forward(network, images); });
    },
};

/// Tensors of some megabytes come and go at every step; by default glibc gives each back to the system, and the page faults
/// cost a quarter of the time (5.6 against 4.2 s for 50 steps of ResNet-8).
void keep_freed_memory() {
  constexpr int kLargestAllowed = 32 << 20, kKept = 1 << 30;
  ::mallopt(M_MMAP_THRESHOLD, kLargestAllowed);
  ::mallopt(M_TRIM_THRESHOLD, kKept);
}

}  // namespace
}  // namespace dyad::training

extern "C" __attribute__((visibility("default"))) const dyad::training::ModuleInterface* dyad_training_module() {
  dyad::training::keep_freed_memory();
  return &dyad::training::kInterface;
}
