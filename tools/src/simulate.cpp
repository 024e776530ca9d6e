// dyad simulate: cost of a network or of a layer on an accelerator.
#include "dyad/workflow/simulate.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "dyad/accel_models/accelerator.hpp"
#include "dyad/base/files.hpp"
#include "dyad/hwsim/trace.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/summary.hpp"
#include "dyad/workflow/layer_flags.hpp"
#include "dyad/workflow/report.hpp"
#include "options.hpp"

namespace dyad::tools {
namespace {

struct Options {
  ModelOptions model;
  BitsOptions bits;
  std::string gemm, conv, accelerator, tier, dram = "described", memory, compat, isca2018_outputs, trace, table_out, csv;
  int batch = 0;
  bool table = false, im2col = false, shadow_prices = false, json = false;
};

/// The cost table to the file that its ending names.
Result<void> write_table(const workflow::CostTable& table, const std::string& file) {
  const std::string extension = std::filesystem::path(file).extension().string();
  if (extension == ".csv") return write_text(file, workflow::table_csv(table));
  if (extension == ".npy") return write_text(file, workflow::table_npy(table));
  return Error{file, "a table is written as .csv or .npy", "change the ending"};
}

/// The table of bismo-cloud is HAQ's, unless another tier is asked for.
accel_models::Compat compat_of(const Options& options, Tier tier) {
  using accel_models::Compat;
  if (options.compat == "haq") return Compat::kHaq;
  if (options.compat == "isca2018") return Compat::kIsca2018;
  if (options.compat == "scalesim") return Compat::kScaleSim;
  if (options.compat.empty() && options.table && options.accelerator == "bismo-cloud" && tier == Tier::kAnalytic && options.memory.empty())
    return Compat::kHaq;
  return Compat::kNone;
}

/// Prices cost a few model calls a layer: the cycle tier gives them when asked.
workflow::Simulation with_prices(const Options& options, workflow::Simulation simulation, const CostModel& model) {
  if (options.shadow_prices || model.tier() != Tier::kCycle) workflow::add_shadow_prices(model, simulation);
  return simulation;
}

void say_notes(const CostModel& model) {
  for (const std::string& sentence : model.notes()) note("note: " + sentence);
}

Result<int> print_table(const Options& options, const network::Network& network, const CostModel& model) {
  DYAD_TRY(const workflow::CostTable table, workflow::cost_table(network, model));
  if (!options.table_out.empty()) DYAD_CHECK(write_table(table, options.table_out));
  if (options.json) {
    print_document(workflow::table_document(table));
  } else {
    print_text(workflow::table_csv(table));
  }
  return kDone;
}

Result<workflow::Simulation> simulate_one_layer(const Options& options, accel_models::CostOptions cost, Tier tier) {
  DYAD_TRY(const workflow::RequestedLayer layer,
           options.gemm.empty() ? workflow::parse_conv(options.conv) : workflow::parse_gemm(options.gemm));
  if (!cost.batch) cost.batch = layer.batch;
  DYAD_TRY(const LayerBits bits, network::width_from_text(options.bits.bits));
  if (options.im2col) cost.im2col_layer = layer.shape.name;
  cost.weighted_layers = {layer.shape.name};
  DYAD_TRY(const auto model, accel_models::make_cost_model(options.accelerator, tier, cost));
  say_notes(*model);
  DYAD_TRY(workflow::Simulation simulation,
           workflow::simulate_layers(std::span(&layer.shape, 1), {bits.weight, bits.activation, bits.activation}, *model));
  simulation.model = layer.shape.name;
  return with_prices(options, std::move(simulation), *model);
}

Result<int> run(const Options& options) {
  const auto tier = options.tier.empty() ? accel_models::default_tier(options.accelerator) : tier_from_name(options.tier);
  DYAD_EXPECT(tier.has_value(), "a flag admitted an unknown tier");
  if (int{!options.model.model.empty()} + int{!options.gemm.empty()} + int{!options.conv.empty()} != 1)
    return Error{"command line", "exactly one of MODEL, --gemm and --conv is needed", "see: dyad simulate --help"};
  if (options.bits.bits.empty() && !options.table) return Error{"--bits", "bits are needed", "for example --bits W8A8"};
  if (options.table && options.model.model.empty()) return Error{"--table", "a table is of a network", "name a MODEL"};
  accel_models::CostOptions cost;
  if (options.batch > 0) cost.batch = options.batch;
  cost.dram = options.dram == "ideal"       ? accel_models::DramMode::kIdeal
              : options.dram == "unlimited" ? accel_models::DramMode::kUnlimited
                                            : accel_models::DramMode::kAsDescribed;
  cost.memory = options.memory;
  cost.compat = compat_of(options, *tier);
  if (options.im2col && cost.compat != accel_models::Compat::kIsca2018)
    return Error{"--im2col", "belongs to --compat isca2018", "leave one of them out, or add the other"};
  if (!options.isca2018_outputs.empty() && cost.compat != accel_models::Compat::kIsca2018)
    return Error{"--isca2018-outputs", "belongs to --compat isca2018", "leave one of them out, or add the other"};
  if (options.isca2018_outputs == "requantized") cost.isca2018_outputs = accel_models::isca2018::Outputs::kRequantized;
  for (const std::string& out : {options.csv, options.table_out}) DYAD_CHECK(check_writable(out));
  if (options.table && (options.shadow_prices || !options.csv.empty()))
    return Error{options.csv.empty() ? "--shadow-prices" : "--csv", "is about one choice of bits, --table about all of them",
                 "leave one of them out; --table-out F.csv writes the table"};
  if (!options.trace.empty()) {
    if (*tier != Tier::kCycle) return Error{"--trace", "only the cycle tier has a timeline", "add --tier cycle"};
    cost.trace = std::make_shared<hwsim::Trace>();
  }
  workflow::Simulation simulation;
  if (options.model.model.empty()) {
    DYAD_TRY(simulation, simulate_one_layer(options, cost, *tier));
  } else {
    DYAD_TRY(const network::Network network, options.model.load());
    cost.weighted_layers = weighted_layers(network);
    if (options.im2col && !cost.weighted_layers.empty()) cost.im2col_layer = cost.weighted_layers.front();
    DYAD_TRY(const auto model, accel_models::make_cost_model(options.accelerator, *tier, cost));
    say_notes(*model);
    if (options.table) return print_table(options, network, *model);
    DYAD_TRY(const auto bits, options.bits.read(network));
    if (!bits) return Error{"--bits", "the accelerators compute integers only", "for example --bits W8A8"};
    DYAD_TRY(simulation, workflow::simulate_network(network, *bits, *model));
    simulation = with_prices(options, std::move(simulation), *model);
  }
  simulation.bits = options.bits.bits;
  if (cost.trace) DYAD_CHECK(cost.trace->write(options.trace));
  if (!options.csv.empty()) DYAD_CHECK(write_text(options.csv, workflow::simulation_csv(simulation)));
  const OrderedJson document = workflow::simulation_document(simulation);
  if (options.json) {
    print_document(document);
  } else {
    DYAD_TRY(const std::string text, workflow::summarize({"simulation", Json(document)}));
    print_text(text);
  }
  return kDone;
}

}  // namespace

void add_simulate(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("simulate", "Latency and energy of a network or a layer on an accelerator");
  auto options = std::make_shared<Options>();
  options->model.declare(*verb);
  verb->get_option("MODEL")->required(false);
  verb->add_option("--gemm", options->gemm, "M,N,K: one matrix product instead of a network");
  verb->add_option("--conv", options->conv, "kernel=3,output=56,stride=1,in=64,out=64,groups=1,batch=16: one convolution");
  verb->add_option("--accelerator", options->accelerator, kAcceleratorHelp)->required();
  options->bits.declare(*verb, false);
  verb->add_option("--tier", options->tier, "How exactly; default: measured of a table, else analytic")
      ->check(CLI::IsMember({"analytic", "cycle", "measured"}));
  verb->add_option("--batch", options->batch, "Images at once; default: the accelerator's")->check(CLI::Range(1, 65536));
  verb->add_option("--dram", options->dram, "described; ideal: fixed latency and bandwidth; unlimited: fixed latency only")
      ->check(CLI::IsMember({"described", "ideal", "unlimited"}))
      ->capture_default_str();
  std::string memories;
  for (const std::string& name : accel_models::memory_names()) memories += (memories.empty() ? "" : ", ") + name;
  verb->add_option("--memory", options->memory, "Another external memory: a JSON file, or one of " + memories);
  verb->add_option("--compat", options->compat,
                   "A published simulator's conventions: haq (implied by bismo-cloud --table), isca2018 (Bit Fusion), scalesim; none")
      ->check(CLI::IsMember({"haq", "isca2018", "scalesim", "none"}));
  verb->add_flag("--im2col", options->im2col, "Of --compat isca2018: the host builds the rows of the first layer");
  verb->add_option("--isca2018-outputs", options->isca2018_outputs,
                   "Of --compat isca2018: 32bit, as published: 32-bit outputs to memory; requantized: at the layer's out bits")
      ->check(CLI::IsMember({"32bit", "requantized"}));
  verb->add_flag("--shadow-prices", options->shadow_prices,
                 "What a bit less of weights or activations saves in each layer, in the cycle tier too (the other tiers always tell)");
  verb->add_option("--csv", options->csv, "The layers as .csv: cost, what each resource takes alone, shadow prices");
  verb->add_option("--trace", options->trace, "Timeline of the cycle tier, for Perfetto");
  verb->add_flag("--table", options->table, "Cycles and energy of every layer at every w and a from 1 to 8");
  verb->add_option("--table-out", options->table_out, "The table as .csv, or its cycles as .npy [layer][w-1][a-1]")->needs("--table");
  describe(*verb, options->json, "dyad simulate resnet18 --accelerator bismo-cloud --bits W4A4 --tier cycle");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
