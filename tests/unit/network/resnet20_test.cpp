// The real CIFAR-10 ResNet-20 through import, folding and float inference against the predictions of the framework that trained it.
#include <gtest/gtest.h>

#include "dyad/base/files.hpp"
#include "dyad/network/float_executor.hpp"
#include "dyad/network/import.hpp"
#include "support/test_data.hpp"

namespace dyad::network {
namespace {

// Predicted class of each image against a file of one byte an image.
std::int64_t agreements(const Tensor<float>& logits, const std::vector<std::uint8_t>& predicted) {
  return accuracy(logits, std::vector<std::int32_t>(predicted.begin(), predicted.end())).top1;
}

TEST(ResNet20, AgreesWithItsOwnFrameworkOnEveryTestImage) {
  DYAD_NEEDS_DATA("cifar10/resnet20.onnx");
  DYAD_NEEDS_DATA("cifar10/test_batch.bin");
  const auto folder = *testing_support::data_folder() / "cifar10";
  const Network whole = import_onnx(folder / "resnet20.onnx").value();
  Network network = fold_batch_norms(whole).value();
  ASSERT_TRUE(network.infer_shapes());
  const Dataset test = load_dataset(folder, Split::kTest).value();
  const Tensor<float> logits = evaluate_dataset(network, test, default_normalization(network, 3)).value();
  // data/README.md: 91.73 % top-1; the file holds the predicted class of each test image.
  EXPECT_EQ(accuracy(logits, test.labels).top1, 9173);
  EXPECT_GE(agreements(logits, read_bytes(folder / "resnet20.pred.u8").value()), 9998);
}

TEST(ResNet20, OfTheApotAuthors) {
  DYAD_NEEDS_DATA("cifar10/apot_res20_32bit.onnx");
  DYAD_NEEDS_DATA("cifar10/test_batch.bin");
  const auto folder = *testing_support::data_folder() / "cifar10";
  Network network = import_onnx(folder / "apot_res20_32bit.onnx").value();
  const Dataset test = load_dataset(folder, Split::kTest).value();
  const Normalization normalization = normalization_from_name("mean=.491,.482,.447;std=.247,.243,.262", 3).value();
  const Tensor<float> logits = evaluate_dataset(network, test, normalization).value();
  EXPECT_NEAR(accuracy(logits, test.labels).top1, 9296, 2);  // data/README.md: 92.96 %
  EXPECT_GE(agreements(logits, read_bytes(folder / "apot_res20_32bit.pred.u8").value()), 9998);
}

}  // namespace
}  // namespace dyad::network
