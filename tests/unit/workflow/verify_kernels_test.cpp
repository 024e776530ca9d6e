// verify_kernels on a backend that is wrong on purpose.
#include "dyad/workflow/verify_kernels.hpp"

#include <gtest/gtest.h>

#include "dyad/kernels/backends.hpp"

namespace dyad::workflow {
namespace {

// Adds one to the last element of every max pooling and refuses flattening.
class WrongBackend : public IntegerBackend {
 public:
  std::string name() const override { return "wrong"; }
  std::string description() const override { return "wrong on purpose"; }
  Result<std::unique_ptr<PreparedLayer>> prepare(const IntegerLayer& layer) const override {
    if (layer.op == IntegerOp::kFlatten) return Error{layer.name, "no flattening here", ""};
    DYAD_TRY(auto right, scalar_->prepare(layer));
    return std::unique_ptr<PreparedLayer>(std::make_unique<WrongLayer>(std::move(right), layer.op == IntegerOp::kMaxPool));
  }

 private:
  struct WrongLayer : PreparedLayer {
    WrongLayer(std::unique_ptr<PreparedLayer> layer, bool is_wrong) : right(std::move(layer)), wrong(is_wrong) {}
    void run(std::span<const IntegerTensor* const> inputs, IntegerTensor& output) const override {
      right->run(inputs, output);
      if (wrong) output.set(output.size() - 1, output.get(output.size() - 1) ^ 1);
    }
    std::unique_ptr<PreparedLayer> right;
    bool wrong;
  };
  std::unique_ptr<IntegerBackend> scalar_ = kernels::make_scalar_backend();
};

TEST(VerifyKernels, FindsAWrongBackendAndNamesTheLayer) {
  register_integer_backend("wrong", [] { return Result<std::unique_ptr<IntegerBackend>>(std::make_unique<WrongBackend>()); });
  SilentProgress progress;
  const auto checks = *verify_kernels({1000, 5, {"wrong"}}, progress);
  EXPECT_FALSE(all_passed(checks));
  int seen = 0;
  for (const CheckOutcome& each : checks) {
    const bool is_bad = each.name == "wrong/max_pool" || each.name == "wrong/flatten";
    seen += is_bad;
    EXPECT_EQ(each.mismatches, is_bad ? each.cases : 0) << each.name;
    EXPECT_GT(each.cases, 0) << each.name;
    if (each.name == "wrong/flatten") {
      EXPECT_NE(each.first.find("no flattening here"), std::string::npos) << each.first;
    }
    if (each.name == "wrong/max_pool") {
      EXPECT_NE(each.first.find("random 5/"), std::string::npos) << each.first;
    }
  }
  EXPECT_EQ(seen, 2);
}

TEST(VerifyKernels, PassesOnThisMachineAndRefusesUnknownBackends) {
  SilentProgress progress;
  EXPECT_TRUE(all_passed(*verify_kernels({300, 1, {"cpu/portable"}}, progress)));
  const auto refused = verify_kernels({10, 1, {"cpu/sse9"}}, progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().place, "--backend");
}

TEST(Checks, NothingComparedIsNoSuccess) {
  EXPECT_FALSE(all_passed({}));
  EXPECT_FALSE(all_passed({{"a", 0, 0, ""}}));
  EXPECT_TRUE(all_passed({{"a", 1, 0, ""}}));
}

}  // namespace
}  // namespace dyad::workflow
