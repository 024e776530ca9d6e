#include "dyad/training/training.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <system_error>

#include "dyad/base/parallel.hpp"
#include "module_interface.hpp"

namespace dyad::training {
namespace {
namespace fs = std::filesystem;

constexpr const char* kHint = "install libtorch-dev, configure and build again; or let DYAD_TRAINING_MODULE name a libdyad_training.so";

/// Folders in which the module may lie relative to the running program: beside it, installed, or in the build tree above it.
std::vector<fs::path> candidates() {
  std::error_code code;
  const fs::path program = fs::read_symlink("/proc/self/exe", code);
  if (code) return {};
  fs::path folder = program.parent_path();
  std::vector<fs::path> files = {folder / kModuleFile, folder.parent_path() / "lib" / "dyad" / kModuleFile};
  constexpr int kDeepestProgram = 5;
  for (int up = 0; up < kDeepestProgram && folder.has_relative_path(); ++up) {
    folder = folder.parent_path();
    files.push_back(folder / "quantizer" / "training" / kModuleFile);
  }
  return files;
}

Result<const ModuleInterface*> open_file(const fs::path& file) {
  // RTLD_LOCAL: the module carries its own copy of our static libraries, which must not meet the program's.
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return Error{file.string(), std::string("the training module cannot be opened: ") + ::dlerror(), kHint};
  void* const symbol = ::dlsym(library, kModuleSymbol);
  if (!symbol) return Error{file.string(), "is not a training module of dyad", kHint};
  const ModuleInterface* const module = reinterpret_cast<ModuleEntry>(symbol)();
  if (std::string_view(module->fingerprint) != kModuleFingerprint)
    return Error{
        file.string(),
        std::string("belongs to another build: it is \"") + module->fingerprint + "\", this program needs \"" + kModuleFingerprint + "\"",
        "build the program and the module together"};
  return module;
}

Result<const ModuleInterface*> find_module() {
  if (const char* named = std::getenv("DYAD_TRAINING_MODULE"); named && *named) return open_file(named);
  std::error_code code;
  for (const fs::path& file : candidates())
    if (fs::exists(file, code)) return open_file(file);
  return Error{kModuleFile, "this build has no training module", kHint};
}

Error bad_option(const std::string& name, const std::string& message, const std::string& hint) { return Error{name, message, hint}; }

}  // namespace

// A module stays open for good; a failure is not remembered, so that a later call may find a module.
Result<const ModuleInterface*> opened_module() {
  static std::mutex mutex;
  static const ModuleInterface* module = nullptr;
  const std::lock_guard lock(mutex);
  if (module) return module;
  DYAD_TRY(module, find_module());
  return module;
}

Result<void> check_images(const network::Network& network, const network::Dataset& data, const network::Normalization& normalization,
                          const std::string& what) {
  if (data.size() == 0) return Error{data.name, what + " is empty", "give at least one image"};
  const Shape& input = network.node(network.input()).output_shape;
  const Shape& images = data.images.shape();
  if (input.size() != 3 || Shape(images.begin() + 1, images.end()) != input)
    return Error{data.name,
                 "images of " + dyad::to_string(Shape(images.begin() + 1, images.end())) + " do not fit the network's input " +
                     dyad::to_string(input),
                 "choose data of the network's size"};
  const auto channels = static_cast<std::size_t>(input[2]);
  if (normalization.mean.size() != channels || normalization.stddev.size() != channels)
    return Error{"--normalize", "has " + std::to_string(normalization.mean.size()) + " channels, the images " + std::to_string(channels),
                 "give one mean and one deviation a channel"};
  const Shape& output = network.node(network.output()).output_shape;
  const std::int64_t classes = element_count(output);
  for (std::size_t i = 0; i < data.labels.size(); ++i)
    if (data.labels[i] < 0 || data.labels[i] >= classes)
      return Error{data.name,
                   "image " + std::to_string(i) + " has label " + std::to_string(data.labels[i]) + ", the network " +
                       std::to_string(classes) + " classes",
                   "build the topology with --classes"};
  return {};
}

std::string_view to_string(HessianMethod method) { return method == HessianMethod::kGaussNewton ? "gauss_newton" : "hutchinson"; }

Result<void> open_module() {
  const auto module = opened_module();
  if (!module) return module.error();
  return {};
}

Result<std::string> module_description() {
  DYAD_TRY(const ModuleInterface* module, opened_module());
  return module->description();
}

Result<HessianTraces> hessian_traces(const network::Network& network, const network::Dataset& images,
                                     const network::Normalization& normalization, const HessianOptions& options) {
  if (options.draws < 1 || options.group < 1) return bad_option("draws, group", "must be at least 1", "for example 2 and 16");
  if (!(options.target_relative_stderr >= 0) || options.max_images < 0 || options.min_images < 0)
    return bad_option("target_relative_stderr, images", "must not be negative", "0 means no limit");
  if (!network.has_weights()) return Error{network.name, "has no weights, so it has no Hessian", "give --weights or a trained model"};
  DYAD_CHECK(check_images(network, images, normalization, "the data set"));
  DYAD_TRY(const ModuleInterface* module, opened_module());
  HessianOptions complete = options;
  if (complete.threads <= 0) complete.threads = thread_count();
  return module->hessian_traces(network, images, normalization, complete);
}

Result<void> check_training(const network::Network& network, const network::Dataset& train_images, const network::Dataset& test_images,
                            const network::Normalization& normalization, const TrainOptions& options) {
  if (options.epochs < 1) return bad_option("--epochs", "must be at least 1", "for example 20");
  if (options.batch < 2) return bad_option("--batch", "must be at least 2: batch norms need a spread", "for example 128");
  if (!(options.learning_rate > 0)) return bad_option("--lr", "must be above 0", "for example 0.1");
  if (!(options.warmup >= 0 && options.warmup < 1))
    return bad_option("--warmup", "must be in [0, 1)", "a fraction of the run, for example 0.2");
  if (!(options.momentum >= 0 && options.momentum < 1)) return bad_option("--momentum", "must be in [0, 1)", "for example 0.9");
  if (!(options.weight_decay >= 0)) return bad_option("--weight-decay", "must not be negative", "for example 5e-4");
  if (options.crop_border < -1) return bad_option("--crop", "must not be negative", "pixels, for example 4");
  if (options.resume && options.checkpoint.empty()) return bad_option("--resume", "needs a checkpoint file", "name it");
  DYAD_CHECK(check_images(network, train_images, normalization, "the training set"));
  DYAD_CHECK(check_images(network, test_images, normalization, "the test set"));
  if (train_images.size() < 2) return Error{train_images.name, "one image is no training set", "give at least two"};
  return {};
}

Result<TrainingResult> train(const network::Network& topology, const network::Dataset& train_images, const network::Dataset& test_images,
                             const network::Normalization& normalization, const TrainOptions& options) {
  DYAD_CHECK(check_training(topology, train_images, test_images, normalization, options));
  DYAD_TRY(const ModuleInterface* module, opened_module());
  TrainOptions complete = options;
  if (complete.threads <= 0) complete.threads = thread_count();
  return module->train(topology, train_images, test_images, normalization, complete);
}

Result<Tensor<float>> forward(const network::Network& network, const Tensor<float>& images) {
  if (!network.has_weights()) return Error{network.name, "has no weights", "give --weights or a trained model"};
  DYAD_TRY(const ModuleInterface* module, opened_module());
  return module->forward(network, images);
}

}  // namespace dyad::training
