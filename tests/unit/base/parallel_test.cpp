#include "dyad/base/parallel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace dyad {
namespace {

class Parallel : public testing::Test {
 protected:
  ~Parallel() override { set_thread_count(0); }
};

TEST_F(Parallel, CallsEachIndexOnceWithAnyNumberOfThreads) {
  for (const int threads : {1, 2, 3, 17})
    for (const int count : {0, 1, 2, 1000}) {
      set_thread_count(threads);
      std::vector<int> calls(static_cast<std::size_t>(count));
      parallel_for(count, [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; });
      for (const int each : calls) EXPECT_EQ(each, 1);
    }
}

TEST_F(Parallel, RethrowsAndStops) {
  set_thread_count(3);
  EXPECT_THROW(parallel_for(100,
                            [](std::int64_t i) {
                              if (i == 50) throw std::runtime_error("x");
                            }),
               std::runtime_error);
  std::atomic<int> after{0};
  parallel_for(10, [&](std::int64_t) { ++after; });
  EXPECT_EQ(after, 10);
}

TEST_F(Parallel, NestedLoopsRunSerially) {
  set_thread_count(2);
  std::atomic<int> sum{0};
  parallel_for(4, [&](std::int64_t) { parallel_for(5, [&](std::int64_t) { ++sum; }); });
  EXPECT_EQ(sum, 20);
}

TEST_F(Parallel, ThreadCountIsTheRequestedOne) {
  set_thread_count(5);
  EXPECT_EQ(thread_count(), 5);
  set_thread_count(0);
  EXPECT_GE(thread_count(), 1);
}

}  // namespace
}  // namespace dyad
