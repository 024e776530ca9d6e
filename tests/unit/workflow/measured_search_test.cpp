// Tables there and back: what simulate --table writes is a cost model that gives the same numbers, and the same search.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/base/files.hpp"
#include "dyad/kernels/executor.hpp"
#include "dyad/network/import.hpp"
#include "dyad/workflow/search.hpp"
#include "dyad/workflow/simulate.hpp"
#include "support/small_network.hpp"
#include "support/test_data.hpp"

namespace dyad::workflow {
namespace {

/// Cost models from a table's three files.
class MeasuredTable : public testing::Test {
 protected:
  std::vector<std::unique_ptr<CostModel>> models_of(const CostTable& table) const {
    std::vector<std::unique_ptr<CostModel>> models;
    accel_models::CostOptions options;
    options.weighted_layers = table.layer_names;
    for (const auto& [name, text] : {std::pair<std::string, std::string>{"t.npy", table_npy(table)},
                                     {"t.csv", table_csv(table)},
                                     {"t.json", to_text(table_document(table))}}) {
      EXPECT_TRUE(write_text(folder_ / name, text));
      const std::string keys = name == "t.json" ? "" : ",clock_mhz=200,batch=16";
      auto model = accel_models::make_cost_model("table:" + (folder_ / name).string() + keys, Tier::kMeasured, options);
      if (!model) throw InternalError(model.error().place + ": " + model.error().message);
      models.push_back(*std::move(model));
    }
    return models;
  }
  testing_support::TemporaryFolder folder_;
};

TEST_F(MeasuredTable, OfEveryFormatGivesTheNumbersBack) {
  const network::Network network = network::make_topology("mobilenetv2", {100, 224}).value();
  for (const accel_models::Compat compat : {accel_models::Compat::kNone, accel_models::Compat::kHaq}) {
    accel_models::CostOptions options;
    options.compat = compat;
    const auto machine = accel_models::make_cost_model("bismo-cloud", Tier::kAnalytic, options);
    const CostTable table = cost_table(network, **machine).value();
    ASSERT_EQ(table.layer_names.size(), 53u);
    for (const auto& model : models_of(table)) {
      EXPECT_EQ(model->clock().value, 200) << model->name();
      EXPECT_EQ(model->batch(), 16);
      const CostTable again = cost_table(network, *model).value();
      EXPECT_EQ(again.layer_names, table.layer_names);
      EXPECT_EQ(again.cycles, table.cycles) << model->name();
      if (model->name() != "table:t.npy") {
        EXPECT_EQ(again.energy_pj, table.energy_pj) << model->name();
      }
      EXPECT_EQ(again.tier, Tier::kMeasured);
    }
  }
}

TEST_F(MeasuredTable, NamesTheLayerAndBitsThatANetworkNeedsAndItLacks) {
  const network::Network network = network::make_topology("resnet20", {}).value();
  CostTable table = cost_table(network, **accel_models::make_cost_model("bismo-edge", Tier::kAnalytic)).value();
  table.cycles[3][3][4] = 0;
  const auto models = models_of(table);
  BitAssignment bits;
  for (const std::string& name : table.layer_names) bits[name] = {4, 4};
  EXPECT_TRUE(simulate_network(network, bits, *models[0]));
  bits[table.layer_names[3]] = {4, 5};
  const auto lacking = simulate_network(network, bits, *models[0]);
  ASSERT_FALSE(lacking);
  EXPECT_EQ(lacking.error().place, table.layer_names[3]);
  EXPECT_NE(lacking.error().message.find("W4A5"), std::string::npos);
}

TEST_F(MeasuredTable, DocumentSaysWhatItLeavesOut) {
  const network::Network network = network::make_topology("resnet20", {}).value();
  const CostTable table = cost_table(network, **accel_models::make_cost_model("bismo-edge", Tier::kAnalytic)).value();
  BitAssignment bits;
  for (const std::string& name : table.layer_names) bits[name] = {4, 4};
  const auto models = models_of(table);
  const OrderedJson document = simulation_document(simulate_network(network, bits, *models[0]).value());
  EXPECT_EQ(document["tier"], "measured");
  EXPECT_TRUE(document["accelerator"]["peak_binary_ops_per_s"].is_null());
  ASSERT_TRUE(document.contains("notes"));
  EXPECT_NE(document["notes"].dump().find("Layers without weights"), std::string::npos);
  for (const auto& layer : document["layers"]) EXPECT_EQ(layer["cycles"] == 0, !layer.contains("w")) << layer["name"];
}

// HAQ's convention costs weighted layers only, whatever their output's bits: a search with it and one with its table are the same.
TEST_F(MeasuredTable, SearchIsThatOfTheMachineItWasMadeFrom) {
  kernels::register_cpu_backends();
  const auto backend = make_integer_backend("scalar").value();
  accel_models::CostOptions haq;
  haq.compat = accel_models::Compat::kHaq;
  const auto machine = accel_models::make_cost_model("bismo-cloud", Tier::kAnalytic, haq).value();
  const network::Normalization normalization{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
  SearchRequest request;
  request.network = testing_support::small_residual_network(7);
  request.model = "small";
  request.normalization = normalization;
  request.calibration = testing_support::images_labelled_by(request.network, normalization, 64, 1);
  request.evaluation = testing_support::images_labelled_by(request.network, normalization, 100, 2);
  request.calibration_images = 64;
  request.sensitivity_images = 32;
  request.sweep_ratios = {0.5};
  request.bits = {2, 3, 4, 8};
  request.limits = {{"latency", quantizer::LimitKind::kRatio, 0.5}};
  request.backend = backend.get();
  request.cost_model = machine.get();
  SilentProgress silent;
  const auto found = [&] { return std::get<SearchResult>(search(request, silent).value()); };
  const SearchResult own = found();
  const network::Network folded = network::fold_batch_norms(request.network).value();
  const auto models = models_of(cost_table(folded, *machine).value());
  for (const auto& model : models) {
    request.cost_model = model.get();
    const SearchResult measured = found();
    EXPECT_EQ(measured.allocation.assignment, own.allocation.assignment) << model->name();
    EXPECT_EQ(measured.allocation.objective, own.allocation.objective);
    EXPECT_EQ(measured.cost.cycles, own.cost.cycles);
    EXPECT_EQ(measured.cost.latency_us, own.cost.latency_us);
    // A table's sum is the network's cost: the program is exact at once.
    EXPECT_NEAR(measured.allocation.totals.at("latency"), measured.cost.latency_us, 1e-9 * measured.cost.latency_us);
    EXPECT_EQ(measured.top1, own.top1);
    ASSERT_EQ(measured.pareto.size(), own.pareto.size());
    for (std::size_t i = 0; i < own.pareto.size(); ++i) EXPECT_EQ(measured.pareto[i].assignment, own.pareto[i].assignment);
    EXPECT_NE(measured.config_hash, own.config_hash);
    const OrderedJson document = search_to_json(request, measured, "");
    EXPECT_EQ(document["tier"], "measured");
    EXPECT_EQ(document["verified"], false);
    EXPECT_NE(document["notes"].dump().find("no cycle tier confirms them"), std::string::npos);
  }
  // A result's hash tells tables of one name apart.
  CostTable other = cost_table(folded, *machine).value();
  other.cycles[1][2][2] += 1;
  const auto changed = models_of(other);
  const auto hash_with = [&](const CostModel& model) {
    request.cost_model = &model;
    return found().config_hash;
  };
  EXPECT_EQ(hash_with(*models[0]), hash_with(*models[0]));
  EXPECT_NE(hash_with(*models[0]), hash_with(*changed[0]));
  // HAQ's table has no energies, so nothing can limit them.
  request.limits = {{"energy", quantizer::LimitKind::kRatio, 0.5}};
  const auto refused = search(request, silent);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("energy"), std::string::npos);
}

}  // namespace
}  // namespace dyad::workflow
