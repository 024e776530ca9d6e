// dyad compare: two networks, backends or roundings, layer by layer.
#include "dyad/workflow/compare.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.hpp"
#include "console.hpp"
#include "dyad/network/import.hpp"
#include "dyad/quantizer/integer_tensors.hpp"
#include "options.hpp"

namespace dyad::tools {
namespace {

struct Options {
  std::string a, b, data, backend = "cpu", backend_b, rounding_b, weights;
  NormalizeOption normalize;
  std::int64_t limit = 0;
  bool json = false;
};

/// One side: an integer network with its backend, or a float one with its normalization.
struct Side {
  std::optional<quantizer::IntegerNetwork> integers;
  std::unique_ptr<IntegerBackend> backend;
  std::optional<network::Network> floats;
  network::Normalization normalization;
};

Result<Side> load_side(const Options& options, const std::string& file, const std::string& backend) {
  Side side;
  if (quantizer::is_integer_network(file)) {
    DYAD_TRY(side.integers, quantizer::import_integer_network(file));
    DYAD_TRY(side.backend, make_integer_backend(backend));
    return side;
  }
  DYAD_TRY(side.floats, network::load_model(file, {0, 0}, options.weights));
  DYAD_TRY(side.normalization, options.normalize.choose(*side.floats));
  return side;
}

Result<workflow::Comparison> compare(Side& a, Side& b, const network::Dataset& images, workflow::Progress& progress) {
  if (a.integers && b.integers) return workflow::compare_integers(*a.integers, *a.backend, *b.integers, *b.backend, images, progress);
  if (a.floats && b.floats) return workflow::compare_floats(*a.floats, *b.floats, a.normalization, b.normalization, images, progress);
  const bool float_first = a.floats.has_value();
  const Side &of_floats = float_first ? a : b, &of_integers = float_first ? b : a;
  return workflow::compare_float_with_integers(*of_floats.floats, of_floats.normalization, *of_integers.integers, *of_integers.backend,
                                               images, progress);
}

Result<int> run(Options options) {
  const bool same_network = options.b.empty();
  if (same_network) options.b = options.a;
  if (same_network && options.rounding_b.empty() && options.backend_b.empty())
    return Error{"compare", "nothing differs between the two sides", "give a second network, --backend-b or --rounding-b"};
  DYAD_TRY(Side a, load_side(options, options.a, options.backend));
  DYAD_TRY(Side b, load_side(options, options.b, options.backend_b.empty() ? options.backend : options.backend_b));
  if (!options.rounding_b.empty()) {
    const auto rounding = rounding_from_name(options.rounding_b);
    DYAD_EXPECT(rounding.has_value(), "a flag admitted an unknown rounding");
    if (!b.integers) return Error{"--rounding-b", "'" + options.b + "' is a float network", "give an integer network as the second one"};
    DYAD_TRY(b.integers, workflow::with_rounding(*std::move(b.integers), *rounding));
  }
  if (a.integers && b.floats) {
    // The float side is always a, so that columns and names mean the same.
    std::swap(a, b);
    std::swap(options.a, options.b);
    note("note: the float network is compared as a");
  }
  const std::int64_t size = a.integers ? a.integers->input.height : picture_size(*a.floats);
  DYAD_TRY(const network::Dataset images, test_images(size, options.data, options.limit));
  TerminalProgress progress;
  DYAD_TRY(const workflow::Comparison comparison, compare(a, b, images, progress));
  if (options.json) {
    print_document(workflow::comparison_document(comparison, options.a, options.b));
  } else {
    print_text(workflow::comparison_text(comparison));
  }
  return comparison.both_integers && !comparison.first_diverging.empty() ? kHonestNegative : kDone;
}

}  // namespace

void add_compare(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("compare", "Difference of two networks, backends or roundings, layer by layer");
  auto options = std::make_shared<Options>();
  verb->add_option("A", options->a, "A float model or an integer network")->required();
  verb->add_option("B", options->b, "The other one; without it A again, on another backend or with another rounding");
  verb->add_option("--data", options->data, "Images: a file or a folder, its test split")->required();
  verb->add_option("--limit", options->limit, "Only the first images")->check(CLI::PositiveNumber);
  verb->add_option("--backend", options->backend, "Of integer networks: scalar or cpu")->capture_default_str();
  verb->add_option("--backend-b", options->backend_b, "Of B, when it is another one");
  verb->add_option("--rounding-b", options->rounding_b, "Round every requantization of B in another way")
      ->check(CLI::IsMember({"half_up", "half_even", "half_away", "floor", "gemmlowp"}));
  verb->add_option("--weights", options->weights, "Weights of a topology, safetensors");
  options->normalize.declare(*verb);
  describe(*verb, options->json, "dyad compare resnet20.onnx resnet20.dyad --data cifar10 --limit 100");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
