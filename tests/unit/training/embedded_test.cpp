// The committed weights of the embedded network: they score what their log says, on images that Debian ships.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "dyad/base/json.hpp"
#include "dyad/network/float_executor.hpp"
#include "support.hpp"

namespace dyad::training {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(DYAD_SOURCE_FOLDER) / "network" / "data";

TEST(EmbeddedNetwork, LogAndMetadataAgree) {
  const auto log = read_json(kFolder / "embedded_resnet8_fmnist.log.json");
  ASSERT_TRUE(log) << log.error().message;
  const auto weights = network::read_safetensors(kFolder / "embedded_resnet8_fmnist.safetensors");
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_EQ(weights->metadata.at("command"), log->at("command"));
  const auto& epochs = log->at("epochs");
  ASSERT_EQ(epochs.size(), 24u);
  double best = 0;
  for (const auto& epoch : epochs) best = std::max(best, epoch.at("top1").get<double>());
  EXPECT_EQ(best, log->at("top1").get<double>());
  EXPECT_EQ(std::stod(weights->metadata.at("top1")), best);
  EXPECT_EQ(epochs.at(log->at("best_epoch").get<std::size_t>() - 1).at("top1").get<double>(), best);
  EXPECT_LE(std::filesystem::file_size(kFolder / "embedded_resnet8_fmnist.safetensors"), 500'000u);
}

TEST(EmbeddedNetwork, ScoresWhatItsLogSays) {
  const std::filesystem::path data = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << "needs Debian's dataset-fashion-mnist";
  auto net = network::make_topology("resnet8-fmnist", {});
  const auto weights = network::read_safetensors(kFolder / "embedded_resnet8_fmnist.safetensors");
  ASSERT_TRUE(net && weights);
  const auto status = network::load_weights(*net, *weights, "embedded");
  ASSERT_TRUE(status) << status.error().message;
  const auto folded = network::fold_batch_norms(*net);
  const auto test = network::load_dataset(data, network::Split::kTest);
  ASSERT_TRUE(folded && test);
  ASSERT_EQ(test->size(), 10'000);
  constexpr std::int64_t kBatch = 100;
  int correct = 0;
  for (std::int64_t first = 0; first < test->size(); first += kBatch) {
    const Tensor<float> logits = network::evaluate(*folded, test->normalized(first, kBatch, *net->normalization));
    for (std::int64_t i = 0; i < kBatch; ++i) {
      const auto row = logits.values().subspan(static_cast<std::size_t>(i * 10), 10);
      correct += std::max_element(row.begin(), row.end()) - row.begin() == test->labels[static_cast<std::size_t>(first + i)];
    }
  }
  // LibTorch counted 9,354 and the float executor did too; near ties may turn with another order of additions.
  EXPECT_NEAR(correct, 9354, 3);
}

}  // namespace
}  // namespace dyad::training
