// Complete HAWQ-V3 residual blocks (vectors hawq_res_blocks*.json) as integer layers on both backends.
#include "support/hawq_blocks.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dyad/base/json.hpp"
#include "dyad/kernels/backends.hpp"
#include "support/test_data.hpp"

namespace dyad::kernels {
namespace {

TEST(HawqBlocks, AreEqualOnEveryBackend) {
  const auto files = testing_support::vector_files("hawq_res_blocks");
  if (files.empty()) GTEST_SKIP() << "needs hawq_res_blocks*.json under DYAD_VECTORS";
  std::vector<std::unique_ptr<IntegerBackend>> backends;
  backends.push_back(make_scalar_backend());
  for (const CpuIsa isa : available_cpu_isas()) backends.push_back(*make_cpu_backend(isa));
  for (const auto& file : files) {
    const auto document = read_json(file);
    ASSERT_TRUE(document.has_value()) << document.error().place << ": " << document.error().message;
    const Json& blocks = document->at("cases");
    ASSERT_FALSE(blocks.empty()) << file;
    for (std::size_t i = 0; i < blocks.size(); ++i)
      for (const auto& backend : backends)
        EXPECT_EQ(testing_support::hawq_block_mismatches(blocks[i], *backend), 0)
            << file << " block " << i << " on " << backend->description();
  }
}

}  // namespace
}  // namespace dyad::kernels
