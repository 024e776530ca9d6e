// Our schedule on HAQ's published layers, without its compatibility mode: same order of magnitude, no equality claimed.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/base/json.hpp"
#include "support/layers.hpp"
#include "support/test_data.hpp"

namespace dyad::accel_models {
namespace {

/// The 53 quantizable layers of MobileNetV2 (224 x 224, 100 classes) in HAQ's order: stem, per block [expand,] depthwise, project; head;
/// classifier.
std::vector<LayerShape> mobilenet_v2() {
  using testing_support::conv;
  std::vector<LayerShape> layers{conv("stem", 3, 32, 224, 3, 2)};
  const int blocks[][4] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  std::int64_t channels = 32, extent = 112;
  for (const auto& [expand, out, repeats, first_stride] : blocks)
    for (int i = 0; i < repeats; ++i) {
      const std::int64_t hidden = channels * expand;
      const int stride = i == 0 ? first_stride : 1;
      if (expand != 1) layers.push_back(conv("expand", channels, hidden, extent, 1, 1));
      layers.push_back(conv("depthwise", hidden, hidden, extent, 3, stride, static_cast<int>(hidden)));
      extent /= stride;
      layers.push_back(conv("project", hidden, out, extent, 1, 1));
      channels = out;
    }
  layers.push_back(conv("head", 320, 1280, 7, 1, 1));
  layers.push_back(testing_support::linear("classifier", 1280, 1000));
  return layers;
}

TEST(HaqTable, IsOfOurOrderOfMagnitude) {
  DYAD_NEEDS_DATA("haq/latency_table_even_layers.json");
  const auto document = read_json(*testing_support::data_folder() / "haq" / "latency_table_even_layers.json");
  ASSERT_TRUE(document);
  const auto model = make_cost_model("bismo-cloud", Tier::kAnalytic);
  ASSERT_TRUE(model);
  const std::vector<LayerShape> layers = mobilenet_v2();
  ASSERT_EQ(layers.size(), 53u);
  double log_sum = 0, ours = 0, theirs = 0;
  int count = 0;
  for (std::size_t row = 0; row < document->at("table").size(); ++row) {
    const LayerShape& layer = layers[document->at("layer_index")[row].get<std::size_t>()];
    for (int w = 1; w <= 8; ++w)
      for (int a = 1; a <= 8; ++a) {
        const auto cost = (*model)->cost(layer, {w, a, a}, Activity{});
        ASSERT_TRUE(cost);
        const double published = document->at("table")[row][static_cast<std::size_t>(w - 1)][static_cast<std::size_t>(a - 1)].get<double>();
        const auto cycles = static_cast<double>(cost->cycles.value);
        log_sum += std::abs(std::log(cycles / published));
        ours += cycles;
        theirs += published;
        ++count;
        // HAQ's machine fetches the weights of wide 7 x 7 layers again for every image, ours once a batch.
        EXPECT_LT(std::abs(std::log(cycles / published)), std::log(6.0))
            << layer.name << " " << row << " W" << w << "A" << a << ": " << cycles << " against " << published;
      }
  }
  RecordProperty("total_ratio", std::to_string(ours / theirs));
  RecordProperty("mean_ratio", std::to_string(std::exp(log_sum / count)));
  std::cout << "cycles of all points, ours / HAQ's: " << ours / theirs << "; mean factor of a point: " << std::exp(log_sum / count) << "\n";
  EXPECT_GT(ours / theirs, 0.7);
  EXPECT_LT(ours / theirs, 1.4);
  EXPECT_LT(std::exp(log_sum / count), 1.25);
}

}  // namespace
}  // namespace dyad::accel_models
