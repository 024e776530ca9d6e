// External memory: every expected cycle is worked out beside it.
#include "dyad/hwsim/dram.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "dyad/base/random.hpp"
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

DramTiming banked_timing(std::int64_t row_miss, std::int64_t row_cycle) {
  DramTiming timing = timing_of(32, 1);
  timing.row_bits = 512;  // 16 cycles
  timing.banks = 8;       // two for each port
  timing.row_miss_cycles = row_miss;
  timing.row_cycle_cycles = row_cycle;
  return timing;
}

TEST(Dram, HidesAnActivationBehindAnotherBanksTransfer) {
  Session session;
  Client client;
  auto& dram = session.make<Dram>("dram", banked_timing(30, 40), nullptr);
  const int port = dram.add_port(&client, false);
  for (int i = 0; i < 8; ++i) dram.request(port, 256, i, 0);
  session.run();
  // Row 0 (bank 0) 1-17, row 1 (bank 1) 17-33. Row 2 may begin 30 after row 0's end (47, later than 1 + 40): 47-63; row 3 33 + 30: 63-79.
  EXPECT_EQ(client.served, (Served{{0, 9}, {1, 17}, {2, 25}, {3, 33}, {4, 55}, {5, 63}, {6, 71}, {7, 79}}));
  EXPECT_EQ(dram.row_misses(), 4);
  EXPECT_EQ(dram.row_wait_cycles(), 14);
  EXPECT_EQ(dram.busy_cycles(), 64);
  EXPECT_DOUBLE_EQ(dram.timing().stream_ticks(512) / kTicksPerCycle, 23);  // (16 + 30) / 2
}

TEST(Dram, ActivatesABankNoSoonerThanItsRowCycle) {
  Session session;
  Client client;
  auto& dram = session.make<Dram>("dram", banked_timing(5, 50), nullptr);
  const int port = dram.add_port(&client, false);
  for (int i = 0; i < 8; ++i) dram.request(port, 256, i, 0);
  session.run();
  // Row 2 begins 50 after row 0 began: 51-67; row 3 17 + 50: 67-83.
  EXPECT_EQ(client.served, (Served{{0, 9}, {1, 17}, {2, 25}, {3, 33}, {4, 59}, {5, 67}, {6, 75}, {7, 83}}));
  EXPECT_DOUBLE_EQ(dram.timing().stream_ticks(512) / kTicksPerCycle, 25);  // 50 / 2
}

TEST(Dram, HidesActivationsBehindAnotherPortsTransfers) {
  Session session;
  Client first, second;
  auto& dram = session.make<Dram>("dram", banked_timing(30, 40), nullptr);
  const int a = dram.add_port(&first, false), b = dram.add_port(&second, true);
  for (int i = 0; i < 8; ++i) {
    dram.request(a, 256, i, 0);
    dram.request(b, 256, i, 0);
  }
  session.run();
  // Requests take 8 cycles in turn; row 0 of a port ends by 33 at the latest, and its row 2, in the same bank, begins at 65 at the
  // earliest.
  EXPECT_EQ(dram.row_wait_cycles(), 0);
  EXPECT_EQ(first.served.back(), (std::pair<std::int64_t, std::int64_t>{7, 1 + 15 * 8}));
  EXPECT_EQ(second.served.back(), (std::pair<std::int64_t, std::int64_t>{7, 1 + 16 * 8}));
}

TEST(Dram, DealsAStreamToItsChannels) {
  Session session;
  Client client;
  DramTiming timing = timing_of(32, 1);
  timing.channels = 2;  // of 16 bits a cycle
  timing.interleave_bits = 128;
  auto& dram = session.make<Dram>("dram", timing, nullptr);
  const int port = dram.add_port(&client, false);
  int tag = 0;
  for (const int bits : {256, 128, 128, 64}) dram.request(port, bits, tag++, 0);
  session.run();
  // 0: 128 bits in each channel, 1-9; 1: all in channel 0, 9-17; 2: all in channel 1 beside it; 3: channel 0, 17-21.
  EXPECT_EQ(client.served, (Served{{0, 9}, {1, 17}, {2, 17}, {3, 21}}));
  EXPECT_EQ(dram.busy_cycles(), 18);
  EXPECT_EQ(timing.request_ticks(128) / kTicksPerCycle, 8);
  EXPECT_EQ(timing.request_ticks(256) / kTicksPerCycle, 8);
  EXPECT_EQ(timing.bits_below(300, 0), 172);
  EXPECT_EQ(timing.bits_below(300, 1), 128);
}

// In rows r of a stream: begin(r) = max(begin(r - 1) + T, end(r - B) + miss, begin(r - B) + tRC), a recurrence of period
// P = max(T, (T + miss) / B, tRC / B) a row. So n rows take from (n - B) P to n P; a refresh delays what follows by its length at most.
class StreamBounds {
 public:
  explicit StreamBounds(const DramTiming& timing) : timing_(timing), still_(timing) { still_.refresh_interval = 0; }
  double row(const DramTiming& timing) const {
    return timing.stream_ticks(static_cast<double>(timing.channels * timing.row_bits)) / kTicksPerCycle;
  }
  double edge() const { return row(still_) * static_cast<double>(timing_.port_banks()); }
  double refresh() const {
    return timing_.refresh_interval == 0 ? 0 : static_cast<double>(timing_.refresh_cycles) * row(timing_) / row(still_);
  }
  double still_cycles(double bits) const { return still_.stream_ticks(bits) / kTicksPerCycle; }

 private:
  DramTiming timing_, still_;
};

DramTiming random_banked_timing(Random& random) {
  DramTiming timing = timing_of(1, random.between(1, 30));
  timing.bits_per_kilocycle = random.between(4000, 200000);
  timing.request_bits = 64 * random.between(1, 32);
  timing.channels = random.between(1, 8);
  timing.interleave_bits = 64 * random.between(1, 4);
  timing.row_bits = timing.interleave_bits * random.between(2, 40);
  timing.banks = 4 * random.between(1, 4);
  timing.row_miss_cycles = random.between(0, 60);
  timing.row_cycle_cycles = random.between(0, 150);
  if (random.coin()) {
    timing.refresh_interval = random.between(300, 2000);
    timing.refresh_cycles = random.between(0, timing.refresh_interval / 5);
  }
  return timing;
}

TEST(Dram, TakesAsLongForAStreamAsTheClosedFormSays) {
  constexpr std::uint64_t kSeed = 20261120;
  Random random(kSeed);
  int waited = 0, refreshed = 0;
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", case " + std::to_string(i));
    const DramTiming timing = random_banked_timing(random);
    const std::int64_t ports = random.between(1, 3), rows = random.between(20, 60), bits = timing.channels * timing.row_bits * rows;
    Session session;
    std::vector<Client> clients(static_cast<std::size_t>(ports));
    auto& dram = session.make<Dram>("dram", timing, nullptr);
    std::int64_t requests = 0;
    for (std::int64_t p = 0; p < ports; ++p) {
      const int port = dram.add_port(&clients[static_cast<std::size_t>(p)], p == 2);
      for (std::int64_t left = bits; left > 0; ++requests) {
        const std::int64_t size = std::min(left, 64 * random.between(1, timing.request_bits / 64));
        dram.request(port, size, 0, 0);
        left -= size;
      }
    }
    session.run();
    std::int64_t last = 0;
    for (const Client& client : clients)
      for (const auto& [tag, done] : client.served) last = std::max(last, done);
    const auto cycles = static_cast<double>(last - timing.latency);  // the buses start in cycle 1
    const auto streams = static_cast<double>(ports), all = streams * static_cast<double>(bits);
    const StreamBounds bounds(timing);
    // Every part of a request is rounded up to a tick, the end to a cycle.
    const double rounding = 2 + static_cast<double>(requests + ports * rows) / kTicksPerCycle;
    EXPECT_EQ(dram.row_misses(), ports * rows * timing.channels);
    // Streams hide each other's activations: together they take no longer than one after another.
    EXPECT_LE(cycles, timing.stream_ticks(all) / kTicksPerCycle + bounds.refresh() + streams * bounds.edge() + rounding);
    EXPECT_GE(cycles, static_cast<double>(timing.transfer_ticks(static_cast<std::int64_t>(all))) / kTicksPerCycle - 1);
    if (ports == 1) {
      EXPECT_GE(cycles, bounds.still_cycles(all) - bounds.edge() - 1);
    }
    if (ports == 1 && timing.refresh_interval == 0) {
      EXPECT_LE(cycles, bounds.still_cycles(all) + rounding);
    }
    // Where no bus waits for a row, a refresh stops transfers only.
    if (dram.row_wait_cycles() == 0) {
      DramTiming without_rows = timing;
      without_rows.row_bits = 0;
      EXPECT_GE(cycles, without_rows.stream_ticks(all) / kTicksPerCycle - bounds.refresh() - 2);
    }
    waited += dram.row_wait_cycles() > 0;
    refreshed += timing.refresh_interval > 0;
  }
  EXPECT_GT(waited, 50);
  EXPECT_GT(refreshed, 100);
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
