// dyad search: the bits of every layer under limits that a simulated accelerator supplies.
#include "dyad/workflow/search.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "console.hpp"
#include "dyad/accel_models/accelerator.hpp"
#include "dyad/workflow/report.hpp"
#include "episodes.hpp"
#include "hessian.hpp"
#include "hmq.hpp"
#include "limits.hpp"
#include "options.hpp"
#include "reconstruction.hpp"

namespace dyad::tools {
namespace {

struct Options {
  ModelOptions model;
  NormalizeOption normalize;
  PostTrainingFlags post_training;
  HessianFlags hessian;
  ReconstructionFlags reconstruction;
  EpisodeFlags episodes;
  HmqFlags hmq;
  LimitOptions limits;
  workflow::SearchRequest defaults;
  std::string data, accelerator, out, method = "exact", tier, backend = "cpu", checkpoint;
  double budget_seconds = 0;
  bool no_cycle_check = false, json = false;
};

Result<int> print_result(const Options& options, const workflow::SearchRequest& request, const workflow::SearchResult& result) {
  if (!options.out.empty()) DYAD_CHECK(quantizer::save(result.reconstructed ? result.reconstructed->network : result.network, options.out));
  const OrderedJson document = workflow::search_to_json(request, result, options.out);
  if (options.json) {
    print_document(document);
  } else {
    DYAD_TRY(const std::string text, workflow::summarize({"search", Json(document)}));
    print_text(text);
  }
  return kDone;
}

Result<int> run(const Options& options) {
  DYAD_CHECK(check_writable(options.out));
  DYAD_CHECK(check_writable(options.checkpoint));
  DYAD_CHECK(options.reconstruction.check());
  workflow::SearchRequest request = options.defaults;
  const auto method = workflow::search_method_from_name(options.method);
  const auto tier = options.tier.empty() ? accel_models::default_tier(options.accelerator) : tier_from_name(options.tier);
  DYAD_EXPECT(method && tier, "a flag admitted an unknown word");
  request.method = *method;
  DYAD_TRY(request.episodes, options.episodes.read(*method));
  if (request.episodes.kmeans && !options.episodes.was_given("--choices")) request.bits = {1, 2, 3, 4, 5, 6, 7, 8};
  DYAD_TRY(request.limits, options.limits.read());
  DYAD_TRY(request.network, options.model.load());
  accel_models::CostOptions cost;
  cost.weighted_layers = weighted_layers(request.network);
  DYAD_TRY(const auto cost_model, accel_models::make_cost_model(options.accelerator, *tier, cost));
  std::unique_ptr<CostModel> check_model;  // measurements have none
  if (*tier != Tier::kMeasured && !options.no_cycle_check) {
    DYAD_TRY(check_model, accel_models::make_cost_model(options.accelerator, Tier::kCycle, cost));
  }
  for (const std::string& sentence : cost_model->notes()) note("note: " + sentence);
  DYAD_TRY(const auto backend, make_integer_backend(options.backend));
  request.cost_model = cost_model.get();
  request.check_model = check_model.get();
  request.backend = backend.get();
  request.quantization = options.post_training.read();
  if (options.reconstruction.reconstruct) request.reconstruction = options.reconstruction.read(request.seed);
  request.hmq = options.hmq.read();
  const bool has_own_budget = workflow::searches_by_episodes(*method) || *method == workflow::SearchMethod::kHmq;
  if (!has_own_budget && !options.checkpoint.empty())
    return Error{"--checkpoint", "--method " + options.method + " ends in seconds and keeps none",
                 "use it with haq, hmq, evolution or random"};
  (has_own_budget ? request.episodes.budget_seconds : request.budget_seconds) = options.budget_seconds;
  request.hmq.budget_seconds = options.budget_seconds;
  request.episodes.checkpoint = request.hmq.checkpoint = options.checkpoint;
  request.hmq.resume = !options.checkpoint.empty();
  request.model = request.network.name;
  DYAD_TRY(request.normalization, options.normalize.choose(request.network));
  DYAD_TRY(request.calibration, network::load_dataset(options.data, network::Split::kTrain, picture_size(request.network)));
  DYAD_TRY(request.evaluation, network::load_dataset(options.data, network::Split::kTest, picture_size(request.network)));
  request.traces = [&](workflow::Progress& progress) {
    return measure_traces(request.network, request.calibration, request.normalization, options.hessian, request.seed, progress);
  };
  TerminalProgress progress;
  request.episodes.heard = [&](const std::string& words) { progress.stage_note(words); };
  DYAD_TRY(const workflow::SearchOutcome outcome, workflow::search(request, progress));
  if (const auto* result = std::get_if<workflow::SearchResult>(&outcome)) return print_result(options, request, *result);
  if (std::holds_alternative<workflow::Cancelled>(outcome)) return kInterrupted;
  const auto& infeasible = std::get<quantizer::Infeasible>(outcome);
  if (options.json) {
    print_document(workflow::infeasible_to_json(request, infeasible));
  } else {
    print_text("infeasible: " + quantizer::describe(infeasible) + "\n");
  }
  return kHonestNegative;
}

}  // namespace

void add_search(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("search", "Find the bits of every layer on an accelerator, and the integer network");
  auto options = std::make_shared<Options>();
  workflow::SearchRequest& defaults = options->defaults;
  options->model.declare(*verb);
  options->normalize.declare(*verb);
  verb->add_option("--data", options->data, "Data folder: training images calibrate, test images score")->required();
  verb->add_option("--accelerator", options->accelerator, kAcceleratorHelp)->required();
  verb->add_option("--method", options->method,
                   "exact: measured error + integer program; hawq: Hessian + integer program; haq (DDPG), evolution, random: by episodes; "
                   "hmq: by gradient, the network trained along")
      ->check(CLI::IsMember({"exact", "hawq", "haq", "hmq", "evolution", "random"}))
      ->capture_default_str();
  verb->add_option("--tier", options->tier, "Where cost comes from; default: measured of a table, else analytic")
      ->check(CLI::IsMember({"analytic", "cycle", "measured"}));
  options->limits.declare(*verb, "R times the cost at 8 bits everywhere; NAME is latency, energy, size or bops");
  verb->add_option("--choices", defaults.bits, "Bit-widths to choose from, comma-separated")
      ->delimiter(',')
      ->check(CLI::Range(1, 8))
      ->capture_default_str();
  verb->add_flag("--all-layers", defaults.all_layers, "Choose for the first and the last layer too");
  verb->add_option("--calibration-images", defaults.calibration_images, "Drawn by the seed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--sensitivity-images", defaults.sensitivity_images, "Of these, images that errors are measured on")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--evaluation-images", defaults.evaluation_images, "First test images; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--sweep", defaults.sweep_ratios, "Ratios of the first limit's cost that are solved beside it")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 10.0));
  verb->add_option("--sweep-images", defaults.sweep_images, "Images that score the points beside the result; 0: as evaluation")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--seed", defaults.seed, "Seed of every draw")->capture_default_str();
  verb->add_option("--backend", options->backend, "What runs the integer networks")->capture_default_str();
  verb->add_flag("--no-cycle-check", options->no_cycle_check, "Do not confirm the cost in the cycle tier");
  verb->add_option("--out", options->out, "The integer network, .dyad");
  options->hessian.declare(*verb);
  verb->add_option("--budget-seconds", options->budget_seconds,
                   "Time for the search: fewer episodes or epochs, fewer comparisons; 0: no such limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--checkpoint", options->checkpoint,
                   "haq, hmq, evolution, random: written after every episode or epoch; a search that was stopped goes on from it");
  options->reconstruction.declare(*verb);
  options->episodes.declare(*verb, defaults.episodes);
  options->hmq.declare(*verb);
  options->post_training.declare(*verb);
  describe(*verb, options->json,
           "dyad search resnet20.onnx --data cifar10 --accelerator bismo-cloud --method exact --limit-ratio latency=0.5 --out net.dyad");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
