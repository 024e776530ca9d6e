// Every registered check of an RTL module against its reference model, with fewer cases than `dyad verify rtl` runs.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dyad/cosim/check.hpp"

namespace dyad::cosim {
namespace {

TEST(RegisteredChecks, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const RegisteredCheck& check : registered_checks()) EXPECT_TRUE(names.insert(check.name).second) << check.name;
}

TEST(RegisteredChecks, FindNoMismatch) {
  for (const RegisteredCheck& check : registered_checks()) {
    for (const std::uint64_t seed : {1, 2}) {
      SCOPED_TRACE(check.name + ", seed " + std::to_string(seed));
      const Check result = run_check(check, {seed, std::max<std::int64_t>(1, check.default_cases / 100)});
      EXPECT_EQ(result.mismatches, 0) << result.first;
      EXPECT_GE(result.cases, check.default_cases / 100);
    }
  }
}

}  // namespace
}  // namespace dyad::cosim
