// Sessions: isolation, order of destruction, memory over thousands of runs, errors.
#include "dyad/hwsim/session.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "dyad/base/result.hpp"
#include "dyad/hwsim/clock.hpp"

namespace dyad::hwsim {
namespace {

/// Wakes `count` times, `period` cycles apart, starting in cycle 0.
class Ticker : public Stage {
 public:
  Ticker(const sc_core::sc_module_name& module_name, int count, std::int64_t period) : Stage(module_name), left_(count), period_(period) {}
  int steps = 0;

 private:
  void step() override {
    ++steps;
    if (--left_ > 0) wake_at(now() + period_);
  }
  int left_;
  std::int64_t period_;
};

class Faulty : public Stage {
 public:
  explicit Faulty(const sc_core::sc_module_name& module_name) : Stage(module_name) {}

 private:
  void step() override { throw InternalError("the stage is broken"); }
};

std::int64_t resident_pages() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident;
}

TEST(Session, CountsCycles) {
  Session session;
  auto& ticker = session.make<Ticker>("ticker", 5, 7);
  EXPECT_EQ(session.run().value, 28);  // wakes in 0, 7, 14, 21, 28
  EXPECT_EQ(ticker.steps, 5);
}

TEST(Session, KeepsMemoryConstantOverThousandsOfRuns) {
  std::int64_t before = 0;
  constexpr int kRuns = 3000, kWarmUp = 500;
  for (int run = 0; run < kRuns; ++run) {
    if (run == kWarmUp) before = resident_pages();
    Session session;
    session.make<Ticker>("first", 3, 10);
    session.make<Ticker>("second", 4, 5);
    ASSERT_EQ(session.run().value, 20);
  }
  // 2,500 runs that leaked even 1 kB each would take 2.5 MB.
  EXPECT_LT((resident_pages() - before) * sysconf(_SC_PAGESIZE), 1 << 20);
}

TEST(Session, DestroysModulesBeforeTheContextNewestFirst) {
  struct Recorder {
    Recorder(std::vector<int>& log, int id) : log_(log), id_(id) {}
    ~Recorder() { log_.push_back(id_); }
    std::vector<int>& log_;
    int id_;
    sc_core::sc_event event_;  // needs the context alive when it goes
  };
  std::vector<int> log;
  {
    Session session;
    session.make<Recorder>(log, 1);
    session.make<Recorder>(log, 2);
  }
  EXPECT_EQ(log, (std::vector<int>{2, 1}));
}

TEST(Session, RestoresTheContextBefore) {
  sc_core::sc_simcontext* const before = sc_core::sc_curr_simcontext;
  { Session session; }
  EXPECT_EQ(sc_core::sc_curr_simcontext, before);
}

TEST(Session, RefusesASessionInsideASession) {
  Session session;
  EXPECT_THROW(Session(), InternalError);
}

TEST(Session, WaitsForTheOtherThreadsSession) {
  std::int64_t sum = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int run = 0; run < 50; ++run) {
        Session session;  // also guards `sum`
        session.make<Ticker>("ticker", 2, 3);
        sum += session.run().value;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 4 * 50 * 3);
}

TEST(Session, ReportsAnExceptionOfAStageAndGoesOn) {
  {
    Session session;
    session.make<Faulty>("faulty");
    try {
      session.run();
      FAIL() << "no exception";
    } catch (const InternalError& error) {
      EXPECT_NE(std::string(error.what()).find("broken"), std::string::npos) << error.what();
    }
  }
  Session next;
  next.make<Ticker>("ticker", 2, 4);
  EXPECT_EQ(next.run().value, 4);
}

TEST(Stage, KeepsALaterWishWhenAnEarlierOneComes) {
  class Wisher : public Stage {
   public:
    explicit Wisher(const sc_core::sc_module_name& module_name) : Stage(module_name) {}
    std::vector<std::int64_t> cycles;

   private:
    void step() override {
      cycles.push_back(now());
      if (cycles.size() == 1) {
        wake_at(20);
        wake_at(5);
        wake_at(20);
        wake_at(9);
      }
    }
  };
  Session session;
  auto& wisher = session.make<Wisher>("wisher");
  session.run();
  EXPECT_EQ(wisher.cycles, (std::vector<std::int64_t>{0, 5, 9, 20}));
}

}  // namespace
}  // namespace dyad::hwsim
