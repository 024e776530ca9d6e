// Channels and tile memories: when an item is seen, when a place is free again.
#include "dyad/hwsim/channel.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "dyad/hwsim/session.hpp"
#include "dyad/hwsim/tile_memory.hpp"

namespace dyad::hwsim {
namespace {

class Scripted : public Stage {
 public:
  Scripted(const sc_core::sc_module_name& module_name, std::function<void(Scripted&)> body) : Stage(module_name), body_(std::move(body)) {}

 private:
  void step() override { body_(*this); }
  std::function<void(Scripted&)> body_;
};

struct Transfers {
  std::vector<std::pair<int, std::int64_t>> sent, received;  // item, cycle
};

/// A sender that pushes `items` as early as it can, and a receiver that pops one every `period` cycles at most.
Transfers run_channel(std::int64_t depth, int items, std::int64_t period) {
  Transfers run;
  Session session;
  auto& channel = session.make<Channel<int>>(depth);
  auto& sender = session.make<Scripted>("sender", [&](Scripted& self) {
    const int next = static_cast<int>(run.sent.size());
    if (next == items || !channel.can_push()) return;  // woken when a place is free
    if (!run.sent.empty() && run.sent.back().second == now()) return;
    run.sent.emplace_back(next, now());
    channel.push(next);
    self.wake_at(now() + 1);
  });
  std::int64_t ready = 0;
  auto& receiver = session.make<Scripted>("receiver", [&](Scripted& self) {
    if (now() < ready || !channel.can_pop()) return;
    run.received.emplace_back(channel.pop(), now());
    ready = now() + period;
    self.wake_at(ready);
  });
  channel.set_reader(&receiver);
  channel.set_writer(&sender);
  session.run();
  return run;
}

TEST(Channel, ShowsAnItemOneCycleLater) {
  const Transfers run = run_channel(4, 3, 1);
  // One a cycle from cycle 0; each is seen a cycle later.
  EXPECT_EQ(run.sent, (std::vector<std::pair<int, std::int64_t>>{{0, 0}, {1, 1}, {2, 2}}));
  EXPECT_EQ(run.received, (std::vector<std::pair<int, std::int64_t>>{{0, 1}, {1, 2}, {2, 3}}));
}

TEST(Channel, OfDepthOneMovesAnItemEverySecondCycle) {
  const Transfers run = run_channel(1, 3, 1);
  // Push 0, pop 1, the place is free in 2.
  EXPECT_EQ(run.sent, (std::vector<std::pair<int, std::int64_t>>{{0, 0}, {1, 2}, {2, 4}}));
  EXPECT_EQ(run.received, (std::vector<std::pair<int, std::int64_t>>{{0, 1}, {1, 3}, {2, 5}}));
}

TEST(Channel, OfDepthTwoHoldsFullRate) {
  const Transfers run = run_channel(2, 100, 1);
  EXPECT_EQ(run.sent.back().second, 99);
  EXPECT_EQ(run.received.back().second, 100);
}

TEST(Channel, LosesAndReordersNothingUnderBackPressure) {
  for (const std::int64_t depth : {1, 2, 3, 8}) {
    const Transfers run = run_channel(depth, 37, 5);
    ASSERT_EQ(run.received.size(), 37u);
    for (int i = 0; i < 37; ++i) EXPECT_EQ(run.received[static_cast<std::size_t>(i)].first, i);
    EXPECT_EQ(run.received.back().second, 1 + 36 * 5);
    // The sender is never more than `depth` items ahead.
    for (std::size_t i = 0; i + static_cast<std::size_t>(depth) < run.sent.size(); ++i)
      EXPECT_GT(run.sent[i + static_cast<std::size_t>(depth)].second, run.received[i].second);
  }
}

TEST(Channel, FailsLoudlyWhenMisused) {
  Session session;
  Channel<int> channel(1);
  EXPECT_THROW(channel.pop(), InternalError);
  channel.push(1);
  EXPECT_THROW(channel.push(2), InternalError);
  EXPECT_THROW(Channel<int>(0), InternalError);
}

TEST(TileMemory, PassesSlotsBothWays) {
  Session session;
  auto& memory = session.make<TileMemory>(2);
  std::vector<std::int64_t> acquired, taken;
  auto& filler = session.make<Scripted>("filler", [&](Scripted&) {
    while (acquired.size() < 4 && memory.can_acquire()) {
      memory.acquire();
      acquired.push_back(now());
      memory.commit(now() + 10, 100);  // ten cycles to fill
    }
  });
  std::int64_t busy_until = 0;
  bool reading = false;
  auto& reader = session.make<Scripted>("reader", [&](Scripted& self) {
    if (now() < busy_until) return;
    if (reading) {
      memory.release();
      reading = false;
    }
    if (!memory.can_take()) return;
    memory.take();
    taken.push_back(now());
    reading = true;
    busy_until = now() + 3;
    self.wake_at(busy_until);
  });
  memory.connect(&filler, &reader);
  session.run();
  // Both slots are filled at once, full at 10, seen at 11. Read 11-14 and 14-17; the slots are free again at 15 and 18,
  // full at 25 and 28, seen at 26 and 29.
  EXPECT_EQ(acquired, (std::vector<std::int64_t>{0, 0, 15, 18}));
  EXPECT_EQ(taken, (std::vector<std::int64_t>{11, 14, 26, 29}));
  EXPECT_EQ(memory.bits_written(), 400);
}

}  // namespace
}  // namespace dyad::hwsim
