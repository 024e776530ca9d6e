// External memories by preset, banks of SRAM by size, and what the machines that name them are charged. Worked by hand.
#include "dyad/accel_models/memory.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/base/files.hpp"
#include "support/layers.hpp"
#include "support/test_data.hpp"

namespace dyad::accel_models {
namespace {

template <typename Number>
Json number(Number value) {
  return {{"value", value}, {"source", "test"}};
}

Json example_memory() {
  Json memory{{"schema", "dyad.memory/1"}, {"name", "small"}};
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, int>>{{"data_rate_mt_per_s", 1000},
                                                                                     {"channel_width_bits", 16},
                                                                                     {"channels", 2},
                                                                                     {"banks", 8},
                                                                                     {"row_bits", 8192},
                                                                                     {"burst_length", 8},
                                                                                     {"interleave_bits", 256},
                                                                                     {"request_bits", 1024},
                                                                                     {"latency_ns", 60},
                                                                                     {"trcd_ns", 15},
                                                                                     {"trp_ns", 20},
                                                                                     {"tras_ns", 40},
                                                                                     {"trfc_ns", 200},
                                                                                     {"trefi_ns", 4000},
                                                                                     {"energy_pj_per_bit", 5},
                                                                                     {"background_mw_per_channel", 30}})
    memory[key] = number(value);
  return memory;
}

TEST(Memory, TurnsNanosecondsIntoCycles) {
  const auto memory = parse_memory(example_memory().dump(), "small.json", 200);
  ASSERT_TRUE(memory) << memory.error().place << ": " << memory.error().message;
  const hwsim::DramTiming& t = memory->timing;
  EXPECT_EQ(t.bits_per_kilocycle, 160000);  // 2 channels * 16 bits * 1000 MT/s at 200 MHz: 160 bits a cycle
  EXPECT_EQ(t.latency, 12);
  EXPECT_EQ(t.burst_bits, 128);
  EXPECT_EQ(t.channels, 2);
  EXPECT_EQ(t.banks, 8);
  EXPECT_EQ(t.port_banks(), 2);
  EXPECT_EQ(t.row_miss_cycles, 7);    // tRP + tRCD = 35 ns
  EXPECT_EQ(t.row_cycle_cycles, 12);  // tRAS + tRP = 60 ns
  EXPECT_EQ(t.refresh_interval, 800);
  EXPECT_EQ(t.refresh_cycles, 47);  // tRFC + tRP + tRCD = 235 ns
  EXPECT_DOUBLE_EQ(memory->energy_pj_per_bit->value, 5);
  EXPECT_DOUBLE_EQ(memory->background_mw->value, 60);  // of two channels
}

TEST(Memory, NamesThePointerOfEveryFault) {
  const auto expect = [](const char* key, const Json& value, const char* pointer, const char* word) {
    Json wrong = example_memory();
    if (value.is_null()) {
      wrong.erase(key);
    } else {
      wrong[key] = value;
    }
    const auto memory = parse_memory(wrong.dump(), "small.json", 200);
    ASSERT_FALSE(memory) << key;
    EXPECT_EQ(memory.error().place, std::string("small.json") + pointer);
    EXPECT_NE(memory.error().message.find(word), std::string::npos) << memory.error().message;
    EXPECT_FALSE(memory.error().hint.empty());
  };
  expect("channels", number(0), ":/channels/value", "integer from 1");
  expect("channels", number(1.5), ":/channels/value", "integer");
  expect("banks", number(6), ":/banks/value", "multiple of 4");
  expect("interleave_bits", number(200), ":/interleave_bits/value", "bursts of 128");
  expect("request_bits", number(1000), ":/request_bits/value", "bursts of 128");
  expect("row_bits", number(8200), ":/row_bits/value", "interleave_bits");
  expect("trfc_ns", number(4000), ":/trfc_ns/value", "longer than the interval");
  expect("data_rate_mt_per_s", number(0), ":/data_rate_mt_per_s/value", "positive");
  expect("trcd_ns", number(-1), ":/trcd_ns/value", "negative");
  expect("energy_pj_per_bit", Json(), "", "energy_pj_per_bit");
  expect("energy_pj_per_bit", Json(5), ":/energy_pj_per_bit", "object");
  expect("rank", number(1), ":/rank", "unknown key");
  expect("schema", "dyad.accelerator/1", ":/schema", "dyad.memory/1");
}

TEST(Memory, PresetsHaveTheBandwidthOfTheirStandards) {
  const std::map<std::string, double> gb_per_s{{"ddr3", 2.1},    {"ddr4-3200", 25.6}, {"gddr6-14", 56},
                                               {"hbm2e", 409.6}, {"hbm3", 819.2},     {"lpddr4-4266", 17.064}};
  ASSERT_EQ(memory_names().size(), gb_per_s.size());
  for (const std::string& name : memory_names()) {
    SCOPED_TRACE(name);
    const auto memory = load_memory(name, 1000);
    ASSERT_TRUE(memory) << memory.error().place << ": " << memory.error().message;
    EXPECT_EQ(memory->name, name);
    EXPECT_NEAR(static_cast<double>(memory->timing.bits_per_kilocycle), gb_per_s.at(name) * 8000, 1);
    // What the page says: banks hide every activation of a stream, so rows cost nothing and only refreshes take bandwidth.
    hwsim::DramTiming still = memory->timing;
    still.refresh_interval = 0;
    EXPECT_NEAR(still.stream_ticks(1e9), static_cast<double>(still.transfer_ticks(1000000000)), 1);
  }
  const auto unknown = load_memory("hbm9", 1000);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().hint.find("ddr3, ddr4-3200"), std::string::npos);
}

Json example_accelerator(const std::string& preset) {
  return {{"schema", "dyad.accelerator/1"},
          {"name", "tiny"},
          {"family", "bit_serial"},
          {"clock_mhz", number(100)},
          {"batch", 1},
          {"bit_serial",
           {{"rows", number(2)},
            {"columns", number(2)},
            {"depth_bits", number(8)},
            {"activation_entries", number(64)},
            {"weight_entries", number(64)},
            {"pipeline_cycles", number(3)},
            {"requantizer_lanes", number(4)},
            {"output_port_bits", number(32)},
            {"output_buffer_bits", number(1024)},
            {"queue_depth", number(8)}}},
          {"dram", {{"preset", preset}}},
          {"technology", "asic-45nm-ddr3"}};
}

TEST(Memory, AnAcceleratorNamesAPresetAndOverridesIt) {
  Json tiny = example_accelerator("hbm2e");
  const auto plain = parse_accelerator(tiny.dump(), "tiny.json");
  ASSERT_TRUE(plain) << plain.error().place << ": " << plain.error().message;
  EXPECT_EQ(plain->dram.channels, 16);
  EXPECT_DOUBLE_EQ(plain->dram_energy_pj_per_bit.value, 3.9);  // not the technology's 70
  EXPECT_FALSE(plain->dram_background_mw);
  tiny["dram"]["channels"] = number(32);
  tiny["dram"]["background_mw_per_channel"] = number(10);
  const auto two_stacks = parse_accelerator(tiny.dump(), "tiny.json");
  ASSERT_TRUE(two_stacks) << two_stacks.error().place << ": " << two_stacks.error().message;
  EXPECT_EQ(two_stacks->dram.bits_per_kilocycle, 2 * plain->dram.bits_per_kilocycle);
  EXPECT_DOUBLE_EQ(two_stacks->dram_background_mw->value, 320);
  EXPECT_NE(two_stacks->hash, plain->hash);

  const auto expect_error = [&](const char* key, const Json& value, const std::string& place) {
    Json wrong = example_accelerator("hbm2e");
    wrong["dram"][key] = value;
    const auto loaded = parse_accelerator(wrong.dump(), "tiny.json");
    ASSERT_FALSE(loaded) << key;
    EXPECT_EQ(loaded.error().place, place);
  };
  expect_error("preset", "hbm9", "tiny.json:/dram/preset");
  expect_error("channels", number(0.5), "tiny.json:/dram/channels/value");
  expect_error("bandwidth_gb_per_s", number(10), "tiny.json:/dram/bandwidth_gb_per_s");
}

TEST(Memory, AFileIsLookedForBesideTheAccelerator) {
  testing_support::TemporaryFolder folder;
  ASSERT_TRUE(write_text(folder / "small.json", example_memory().dump()));
  ASSERT_TRUE(write_text(folder / "tiny.json", example_accelerator("small.json").dump()));
  const auto loaded = load_accelerator((folder / "tiny.json").string());
  ASSERT_TRUE(loaded) << loaded.error().place << ": " << loaded.error().message;
  EXPECT_EQ(loaded->dram.channels, 2);
  Json broken = example_memory();
  broken["banks"] = number(3);
  ASSERT_TRUE(write_text(folder / "small.json", broken.dump()));
  const auto refused = load_accelerator((folder / "tiny.json").string());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().place.find("small.json:/banks/value"), std::string::npos) << refused.error().place;
}

TEST(Memory, TakesTheAcceleratorsPlace) {
  CostOptions options;
  options.memory = "hbm2e";
  const auto model = make_cost_model("bismo-edge", Tier::kCycle, options), own = make_cost_model("bismo-edge", Tier::kCycle);
  ASSERT_TRUE(model && own);
  EXPECT_EQ((*model)->name(), "bismo-edge with hbm2e");
  EXPECT_NEAR((*model)->ceilings().dram_bytes_per_s, 409.6e9, 1e8);
  const LayerShape layer = testing_support::conv("conv", 64, 64, 14, 3, 1);
  const auto fast = (*model)->cost(layer, {8, 8, 8}, Activity{}), slow = (*own)->cost(layer, {8, 8, 8}, Activity{});
  ASSERT_TRUE(fast && slow);
  EXPECT_LT(fast->cycles, slow->cycles);
  EXPECT_DOUBLE_EQ(fast->energy_pj.at("dram"), 3.9 * static_cast<double>((fast->dram_read + fast->dram_write).value));
  EXPECT_FALSE(fast->energy_pj.contains("idle"));  // no background of HBM2E is known
  EXPECT_GT(slow->energy_pj.at("idle"), 0);
  options.compat = Compat::kHaq;
  const auto refused = make_cost_model("bismo-edge", Tier::kAnalytic, options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().place, "--memory");
}

TEST(Sram, InterpolatesBetweenPublishedBanks) {
  const auto table = load_sram_table("cacti-45nm-itrs-hp");
  ASSERT_TRUE(table) << table.error().place << ": " << table.error().message;
  const auto published = table->bank(4096, 2);
  ASSERT_TRUE(published);
  EXPECT_DOUBLE_EQ(published->read_energy_pj_per_bit, 0.107173);
  EXPECT_DOUBLE_EQ(published->leakage_mw, 7.30186);
  // 3,072 bytes lie ln 1.5 / ln 2 = 0.584963 of the way from 2 KiB to 4 KiB:
  // 0.0594744 * (0.107173 / 0.0594744)^0.584963 = 0.0839342, 3.22997 * (7.30186 / 3.22997)^0.584963 = 5.20472.
  const auto between = table->bank(3072, 2);
  ASSERT_TRUE(between);
  EXPECT_NEAR(between->read_energy_pj_per_bit, 0.0839342, 2e-6);
  EXPECT_NEAR(between->leakage_mw, 5.20472, 2e-4);
  EXPECT_TRUE(table->bank(128, 2) && table->bank(16384, 2) && table->bank(1000, 3));
  for (const auto& [bytes, ports, word] :
       {std::tuple{127, 2, "outside"}, {16385, 2, "outside"}, {511, 3, "outside"}, {8192, 3, "outside"}, {4096, 1, "1 ports"}}) {
    const auto refused = table->bank(bytes, ports);
    ASSERT_FALSE(refused) << bytes;
    EXPECT_NE(refused.error().message.find(word), std::string::npos) << refused.error().message;
  }
}

class BankedMachine : public testing::Test {
 protected:
  Result<Accelerator> load(const Json& accelerator) {
    Json technology{{"schema", "dyad.technology/1"}, {"name", "tiny"}};
    for (const auto& [key, value] : std::initializer_list<std::pair<const char*, double>>{{"binary_op_energy_pj", 2},
                                                                                          {"requantize_energy_pj", 3},
                                                                                          {"sram_read_energy_pj_per_bit", 0.5},
                                                                                          {"sram_write_energy_pj_per_bit", 0.25},
                                                                                          {"dram_energy_pj_per_bit", 10},
                                                                                          {"sram_leakage_mw_per_bit", 0.001},
                                                                                          {"array_leakage_mw_per_lane", 0.5}})
      technology[key] = number(value);
    if (with_table_) technology["sram"] = {{"table", "cacti-45nm-itrs-hp"}, {"leakage_scale", number(0.5)}};
    EXPECT_TRUE(write_text(folder_ / "tiny-technology.json", technology.dump()));
    EXPECT_TRUE(write_text(folder_ / "tiny.json", accelerator.dump()));
    return load_accelerator((folder_ / "tiny.json").string());
  }
  Json machine() const {
    Json tiny = example_accelerator("");
    tiny["technology"] = "tiny-technology.json";
    tiny["dram"] = {{"bandwidth_gb_per_s", number(0.1)},
                    {"latency_ns", number(100)},
                    {"burst_bits", 8},
                    {"request_bits", 64},
                    {"background_mw", number(200)}};
    tiny["activation_memory"] = {{"bank_bytes", number(128)}, {"ports", 2}};  // 64 entries * 16 bits: one bank
    return tiny;
  }
  testing_support::TemporaryFolder folder_;
  bool with_table_ = true;
};

TEST_F(BankedMachine, IsChargedByItsBanksAndShowsLeakageAndIdleApart) {
  const auto loaded = load(machine());
  ASSERT_TRUE(loaded) << loaded.error().place << ": " << loaded.error().message;
  EXPECT_EQ(loaded->activation_memory->banks, 1);
  EXPECT_FALSE(loaded->weight_memory);
  LayerShape layer;  // (2 x 8) by (8 x 2), as in accelerator_test: 45 cycles at 100 MHz
  layer.name = "product";
  layer.in_h = layer.out_h = 2;
  layer.in_channels = 8;
  layer.out_channels = 2;
  for (const Tier tier : {Tier::kCycle, Tier::kAnalytic}) {
    const auto model = make_cost_model(*loaded, tier);
    ASSERT_TRUE(model);
    const auto cost = (*model)->cost(layer, {2, 3, 8}, Activity{});
    ASSERT_TRUE(cost) << cost.error().message;
    const double time_us = static_cast<double>(cost->cycles.value) / 100;
    // Activations: 6 cycles * 2 rows * 8 bits read, 2 * 3 * 8 bits written; weights 96 read, 32 written.
    EXPECT_NEAR(cost->energy_pj.at("sram"), 96 * 0.0213657 + 48 * 0.0289162 + 96 * 0.5 + 32 * 0.25, 1e-9);
    // Half of the bank's 0.249588 mW, 1,024 bits of weights at 1 uW, 32 lanes at 0.5 mW.
    EXPECT_NEAR(cost->energy_pj.at("leakage"), (0.124794 + 1.024 + 16) * time_us * 1000, 1e-6);
    // 112 bits at 8 a cycle take 14 cycles; for the rest of the time the memory idles.
    EXPECT_NEAR(cost->energy_pj.at("idle"), 200 * (time_us - 0.14) * 1000, 1e-6);
    double sum = 0;
    for (const auto& [component, energy] : cost->energy_pj) sum += energy;
    EXPECT_DOUBLE_EQ(cost->energy().value, sum);
    EXPECT_EQ(cost->energy_pj.size(), 5u);
  }
}

TEST_F(BankedMachine, ChargesEachMemoryForItsOwnBits) {
  Json wide = machine();
  wide["bit_serial"]["columns"] = number(4);
  wide["weight_memory"] = {{"bank_bytes", number(256)}, {"ports", 2}};  // 64 entries * 32 bits
  const auto loaded = load(wide);
  ASSERT_TRUE(loaded) << loaded.error().place << ": " << loaded.error().message;
  const SramBank& weights = loaded->weight_memory->bank;
  LayerShape layer;
  layer.name = "product";
  layer.in_h = layer.out_h = 2;
  layer.in_channels = 8;
  layer.out_channels = 2;
  // 6 cycles of 2 * 8 bits of activations and 4 * 8 of weights; 2 * 3 * 8 and 4 * 2 * 8 bits written. The fused addition's operand, 4
  // values of 8 bits, is written to and read from the activation memory.
  for (const bool adds : {false, true}) {
    layer.adds_residual = adds;
    const auto cost = (*make_cost_model(*loaded, Tier::kAnalytic))->cost(layer, {2, 3, 8}, Activity{});
    ASSERT_TRUE(cost) << cost.error().message;
    const double residual = adds ? 32 * (0.0213657 + 0.0289162) : 0;
    EXPECT_NEAR(cost->energy_pj.at("sram"),
                96 * 0.0213657 + 48 * 0.0289162 + 192 * weights.read_energy_pj_per_bit + 64 * weights.write_energy_pj_per_bit + residual,
                1e-9);
  }
}

TEST_F(BankedMachine, RefusesBanksThatNobodyPublishedOrThatAreTooFew) {
  const auto expect_error = [&](const Json& accelerator, const std::string& pointer, const char* word) {
    const auto loaded = load(accelerator);
    ASSERT_FALSE(loaded) << pointer;
    EXPECT_NE(loaded.error().place.find("tiny.json:" + pointer), std::string::npos) << loaded.error().place;
    EXPECT_NE(loaded.error().message.find(word), std::string::npos) << loaded.error().message;
    EXPECT_FALSE(loaded.error().hint.empty());
  };
  Json wrong = machine();
  wrong["activation_memory"]["bank_bytes"] = number(64);
  expect_error(wrong, "/activation_memory/bank_bytes/value", "outside");
  wrong = machine();
  wrong["activation_memory"]["ports"] = 1;
  expect_error(wrong, "/activation_memory/bank_bytes/value", "1 ports");
  wrong = machine();
  wrong["activation_memory"]["width"] = 1;
  expect_error(wrong, "/activation_memory/width", "unknown key");
  wrong = machine();
  wrong["bit_serial"]["depth_bits"] = number(64);  // a line of 64 bits, 1,024 bytes in all: one bank of that size has 32 bits a cycle
  wrong["activation_memory"]["bank_bytes"] = number(1024);
  expect_error(wrong, "/activation_memory/bank_bytes/value", "64 bits that are written in a cycle");
  wrong["activation_memory"]["bank_bytes"] = number(512);
  EXPECT_TRUE(load(wrong));
  with_table_ = false;
  expect_error(machine(), "/activation_memory", "no object 'sram'");
}

}  // namespace
}  // namespace dyad::accel_models
