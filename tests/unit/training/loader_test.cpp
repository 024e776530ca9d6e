// Opening the module: each way in which it can be missing is an Error that says so.
#include <cstdlib>

#include "support.hpp"

namespace dyad::training {
namespace {
using namespace testing_support;

// One test in one order: once a module is open it stays open.
TEST(TrainingModule, SaysWhyItCannotBeOpenedAndOpensLater) {
  ::setenv("DYAD_TRAINING_MODULE", "/nowhere/libdyad_training.so", 1);
  const auto missing = open_module();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().place, "/nowhere/libdyad_training.so");
  EXPECT_NE(missing.error().message.find("cannot be opened"), std::string::npos);
  EXPECT_NE(missing.error().hint.find("libtorch-dev"), std::string::npos);

  ::setenv("DYAD_TRAINING_MODULE", "libm.so.6", 1);
  const auto foreign = open_module();
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().message, "is not a training module of dyad");

  network::Network net;
  Random random(1);
  finish(net, add_linear(net, "fc", add_input(net, {1, 1, 2}), 2, 2, random));
  const network::Dataset data = random_images(4, {1, 1, 2}, 2, 1);
  const network::Normalization unit{{0, 0}, {1, 1}};
  EXPECT_FALSE(hessian_traces(net, data, unit, {}));
  EXPECT_FALSE(train(net, data, data, unit, {}));
  EXPECT_FALSE(forward(net, data.normalized(0, 4, unit)));

  ::unsetenv("DYAD_TRAINING_MODULE");
  const auto description = module_description();
  if (DYAD_HAS_TRAINING) {
    ASSERT_TRUE(description) << description.error().message << ": the build has LibTorch";
    EXPECT_EQ(description->rfind("LibTorch ", 0), 0u) << *description;
    EXPECT_TRUE(forward(net, data.normalized(0, 4, unit)));
  } else {
    ASSERT_FALSE(description);
    EXPECT_EQ(description.error().message, "this build has no training module");
    EXPECT_NE(description.error().hint.find("libtorch-dev"), std::string::npos);
  }
}

}  // namespace
}  // namespace dyad::training
