// External memory: every expected cycle is worked out beside it.
#include "dyad/hwsim/dram.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "dyad/hwsim/dma.hpp"
#include "dyad/hwsim/session.hpp"

namespace dyad::hwsim {
namespace {

struct Client : DramClient {
  void dram_served(std::int64_t tag, std::int64_t, std::int64_t done) override { served.emplace_back(tag, done); }
  std::vector<std::pair<std::int64_t, std::int64_t>> served;
};

DramTiming timing_of(std::int64_t bits_per_cycle, std::int64_t latency) {
  DramTiming timing;
  timing.bits_per_kilocycle = bits_per_cycle * 1000;
  timing.latency = latency;
  timing.burst_bits = 64;
  timing.request_bits = 256;
  return timing;
}

using Served = std::vector<std::pair<std::int64_t, std::int64_t>>;

TEST(Dram, AddsLatencyAndTransferTime) {
  Session session;
  Client client;
  auto& dram = session.make<Dram>("dram", timing_of(32, 20), nullptr);
  const int port = dram.add_port(&client, false);
  dram.request(port, 256, 7, 5);
  dram.request(port, 128, 8, 5);
  session.run();
  // Bus: 6 to 14 and 14 to 18. Data complete 19 cycles after the bus.
  EXPECT_EQ(client.served, (Served{{7, 33}, {8, 37}}));
  EXPECT_EQ(dram.bits_read(), 384);
  EXPECT_EQ(dram.busy_cycles(), 12);
}

TEST(Dram, WithoutALimitAnswersAfterTheLatency) {
  Session session;
  Client client;
  auto& dram = session.make<Dram>("dram", timing_of(32, 20).unlimited(), nullptr);
  const int port = dram.add_port(&client, true);
  dram.request(port, 256, 1, 3);
  dram.request(port, 256, 2, 3);
  session.run();
  EXPECT_EQ(client.served, (Served{{1, 23}, {2, 23}}));
  EXPECT_EQ(dram.bits_written(), 512);
}

TEST(Dram, ServesPortsInTurn) {
  Session session;
  Client first, second;
  auto& dram = session.make<Dram>("dram", timing_of(64, 1), nullptr);
  const int a = dram.add_port(&first, false), b = dram.add_port(&second, false);
  for (int i = 0; i < 3; ++i) dram.request(a, 256, i, 0);
  for (int i = 0; i < 2; ++i) dram.request(b, 128, i, 0);
  session.run();
  // a 1-5, b 5-7, a 7-11, b 11-13, a 13-17; with latency 1 data are complete when the bus is.
  EXPECT_EQ(first.served, (Served{{0, 5}, {1, 11}, {2, 17}}));
  EXPECT_EQ(second.served, (Served{{0, 7}, {1, 13}}));
}

TEST(Dram, KeepsFractionsOfACycle) {
  Session session;
  Client client;
  DramTiming timing = timing_of(0, 1);
  timing.bits_per_kilocycle = 1500 * 100;  // 150 bits a cycle
  auto& dram = session.make<Dram>("dram", timing, nullptr);
  const int port = dram.add_port(&client, false);
  for (int i = 0; i < 3; ++i) dram.request(port, 225, i, 0);
  session.run();
  // 1.5 cycles each from cycle 1: 2.5, 4, 5.5, rounded up where a cycle is told.
  EXPECT_EQ(client.served, (Served{{0, 3}, {1, 4}, {2, 6}}));
}

TEST(Dram, PaysForNewRowsAndRefreshes) {
  Session session;
  Client client;
  DramTiming timing = timing_of(32, 1);
  timing.row_bits = 512;
  timing.row_miss_cycles = 3;
  timing.refresh_interval = 40;
  timing.refresh_cycles = 10;
  auto& dram = session.make<Dram>("dram", timing, nullptr);
  const int port = dram.add_port(&client, false);
  for (int i = 0; i < 5; ++i) dram.request(port, 256, i, 0);
  session.run();
  // Rows are entered by requests 0, 2 and 4. Bus: 1-12 (3 + 8), 12-20, 20-31, 31-39, then 3 + 8 from 39 meet the refresh 40-50: 39-60.
  EXPECT_EQ(client.served, (Served{{0, 12}, {1, 20}, {2, 31}, {3, 39}, {4, 60}}));
  EXPECT_DOUBLE_EQ(timing.stream_ticks(1024) / kTicksPerCycle, (32 + 2 * 3) * 40.0 / 30.0);
  EXPECT_EQ(timing.ideal().row_bits, 0);
  EXPECT_EQ(timing.ideal().bits_per_kilocycle, timing.bits_per_kilocycle);
}

TEST(DmaReader, SplitsTilesAndReportsThemInOrder) {
  Session session;
  auto& dram = session.make<Dram>("dram", timing_of(64, 10), nullptr);
  Served arrived;
  struct Starter : Stage {
    Starter(const sc_core::sc_module_name& module_name, std::function<void()> body) : Stage(module_name), body_(std::move(body)) {}
    void step() override { body_(); }
    std::function<void()> body_;
  };
  auto& reader = session.make<DmaReader>(dram, [&](std::int64_t tile, std::int64_t cycle) { arrived.emplace_back(tile, cycle); });
  session.make<Starter>("starter", [&] {
    reader.read(0, 600);  // 256 + 256 + 88 bits: bus 1 to 10.375
    reader.read(1, 0);    // nothing to read: no earlier than the tile before
    reader.read(2, 256);  // bus to 14.375
  });
  session.run();
  EXPECT_EQ(arrived, (Served{{0, 20}, {1, 20}, {2, 24}}));
}

}  // namespace
}  // namespace dyad::hwsim
