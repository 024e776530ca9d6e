// main of every test program: fails a program that ran no test, reports one that could only skip.
#include <gtest/gtest.h>

#include <iostream>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int status = RUN_ALL_TESTS();
  const testing::UnitTest& unit = *testing::UnitTest::GetInstance();
  if (testing::GTEST_FLAG(list_tests) || status != 0) return status;
  if (unit.test_to_run_count() == 0) {
    std::cerr << "no test was run\n";
    return 1;
  }
  constexpr int kAllSkipped = 77;
  return unit.skipped_test_count() == unit.test_to_run_count() ? kAllSkipped : 0;
}
