// The search on a real ResNet-20 and the simulated accelerator, with few images so that it stays quick.
#include <gtest/gtest.h>

#include <algorithm>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/kernels/executor.hpp"
#include "dyad/network/import.hpp"
#include "dyad/workflow/search.hpp"
#include "dyad/workflow/simulate.hpp"
#include "support/test_data.hpp"

namespace dyad::workflow {
namespace {

TEST(SearchResNet20, AtTheCostOfW4A4LosesAtMostSeventyPercentOfItsLogitsError) {
  DYAD_NEEDS_DATA("cifar10/resnet20.onnx");
  const std::filesystem::path folder = *testing_support::data_folder() / "cifar10";
  kernels::register_cpu_backends();
  const auto backend = make_integer_backend("cpu").value();
  const auto analytic = accel_models::make_cost_model("bismo-cloud", Tier::kAnalytic).value();
  const auto cycle = accel_models::make_cost_model("bismo-cloud", Tier::kCycle).value();

  SearchRequest request;
  request.network = network::load_model((folder / "resnet20.onnx").string(), {}, {}).value();
  request.model = "resnet20";
  request.normalization = network::normalization_from_name("imagenet", 3).value();
  request.calibration = network::load_dataset(folder, network::Split::kTrain).value();
  request.evaluation = network::load_dataset(folder, network::Split::kTest).value();
  request.calibration_images = 256;
  request.sensitivity_images = 64;
  request.evaluation_images = 500;
  request.sweep_ratios = {};
  request.bits = {2, 3, 4, 5, 6, 8};
  request.cost_model = analytic.get();
  request.check_model = cycle.get();
  request.backend = backend.get();
  const network::Network folded = network::fold_batch_norms(request.network).value();
  const Simulation w4a4 = simulate_network(folded, quantizer::uniform_assignment(folded, {4, 4}, false), *analytic).value();
  request.limits = {{"latency", quantizer::LimitKind::kAbsolute, w4a4.totals.latency_us}};

  SilentProgress progress;
  const SearchOutcome outcome = search(request, progress).value();
  const auto& result = std::get<SearchResult>(outcome);
  EXPECT_TRUE(result.allocation.proved);
  EXPECT_LE(result.cost.latency_us, w4a4.totals.latency_us);
  ASSERT_TRUE(result.cycle_check);
  EXPECT_TRUE(result.cycle_check->within_contract());
  const auto uniform =
      std::find_if(result.pareto.begin(), result.pareto.end(), [](const ParetoPoint& point) { return point.label == "W4A4"; });
  ASSERT_NE(uniform, result.pareto.end());
  EXPECT_LE(result.logits_mse, 0.7 * uniform->logits_mse);  // 0.39 with 256 images
  EXPECT_GE(result.top1, 88);                               // 91.31 on all 10,000 images with 1,000 for calibration
}

}  // namespace
}  // namespace dyad::workflow
