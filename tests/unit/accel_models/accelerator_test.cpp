// Accelerator files: what they say, and what is said of bad ones. Energy by hand.
#include "dyad/accel_models/accelerator.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dyad/accel_models/cached.hpp"
#include "dyad/base/files.hpp"
#include "dyad/base/json.hpp"
#include "support/layers.hpp"
#include "support/test_data.hpp"

namespace dyad::accel_models {
namespace {

template <typename Number>
Json number(Number value) {
  return {{"value", value}, {"source", "test"}};
}

Json example() {
  Json machine;
  for (auto [key, value] : std::initializer_list<std::pair<const char*, int>>{{"rows", 2},
                                                                              {"columns", 2},
                                                                              {"depth_bits", 8},
                                                                              {"activation_entries", 64},
                                                                              {"weight_entries", 64},
                                                                              {"pipeline_cycles", 3},
                                                                              {"requantizer_lanes", 4},
                                                                              {"output_port_bits", 32},
                                                                              {"output_buffer_bits", 1024},
                                                                              {"queue_depth", 8}})
    machine[key] = number(value);
  Json dram{{"bandwidth_gb_per_s", number(0.1)}, {"latency_ns", number(100)}, {"burst_bits", 8}, {"request_bits", 64}};
  return {{"schema", "dyad.accelerator/1"},
          {"name", "tiny"},
          {"family", "bit_serial"},
          {"clock_mhz", number(100)},
          {"batch", 1},
          {"bit_serial", machine},
          {"dram", dram},
          {"technology", "tiny-technology.json"}};
}

Json example_technology() {
  return {{"schema", "dyad.technology/1"},
          {"name", "tiny"},
          {"binary_op_energy_pj", number(2)},
          {"requantize_energy_pj", number(3)},
          {"sram_read_energy_pj_per_bit", number(0.5)},
          {"sram_write_energy_pj_per_bit", number(0.25)},
          {"dram_energy_pj_per_bit", number(10)},
          {"sram_leakage_mw_per_bit", number(0.001)},
          {"array_leakage_mw_per_lane", number(0.5)}};
}

class AcceleratorFile : public testing::Test {
 protected:
  Result<Accelerator> load(const Json& accelerator, const Json& technology = example_technology()) {
    EXPECT_TRUE(write_text(folder_ / "tiny-technology.json", technology.dump()));
    EXPECT_TRUE(write_text(folder_ / "tiny.json", accelerator.dump()));
    return load_accelerator((folder_ / "tiny.json").string());
  }
  void expect_error(const Json& accelerator, const std::string& pointer, const std::string& word) {
    const auto loaded = load(accelerator);
    ASSERT_FALSE(loaded) << pointer;
    EXPECT_NE(loaded.error().place.find("tiny.json:" + pointer), std::string::npos) << loaded.error().place;
    EXPECT_NE(loaded.error().message.find(word), std::string::npos) << loaded.error().message;
    EXPECT_FALSE(loaded.error().hint.empty());
  }
  testing_support::TemporaryFolder folder_;
};

TEST_F(AcceleratorFile, ConvertsToCycles) {
  const auto loaded = load(example());
  ASSERT_TRUE(loaded) << loaded.error().place << ": " << loaded.error().message;
  EXPECT_EQ(loaded->dram.bits_per_kilocycle, 8000);  // 0.8 Gbit/s at 100 MHz: 8 bits a cycle
  EXPECT_EQ(loaded->dram.latency, 10);
  EXPECT_EQ(std::get<tiled::Machine>(loaded->core).lanes(), 32);
}

TEST_F(AcceleratorFile, NamesThePointerOfEveryFault) {
  Json wrong = example();
  wrong["bit_serial"]["rowz"] = number(1);
  expect_error(wrong, "/bit_serial/rowz", "unknown key");
  wrong = example();
  wrong["x-note"] = "kept";
  EXPECT_TRUE(load(wrong));
  wrong = example();
  wrong["bit_serial"].erase("rows");
  expect_error(wrong, "/bit_serial", "rows");
  wrong = example();
  wrong["bit_serial"]["rows"] = number(0);
  expect_error(wrong, "/bit_serial/rows/value", "1");
  wrong = example();
  wrong["bit_serial"]["rows"] = 8;
  expect_error(wrong, "/bit_serial/rows", "object");
  wrong = example();
  wrong["clock_mhz"].erase("source");
  expect_error(wrong, "/clock_mhz", "source");
  wrong = example();
  wrong["clock_mhz"] = number(-5);
  expect_error(wrong, "/clock_mhz/value", "negative");
  wrong["clock_mhz"] = number(0);
  expect_error(wrong, "/clock_mhz/value", "positive");
  wrong = example();
  wrong["dram"]["request_bits"] = 60;
  expect_error(wrong, "/dram/request_bits", "multiple");
  wrong = example();
  wrong["batch"] = 0;
  expect_error(wrong, "/batch", "1");
  wrong = example();
  wrong["family"] = "optical";
  expect_error(wrong, "/family", "optical");
  wrong = example();
  wrong["schema"] = "dyad.bits/1";
  expect_error(wrong, "/schema", "dyad.accelerator/1");
  wrong = example();
  wrong["technology"] = "paper";
  const auto loaded = load(wrong);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().hint.find("asic-45nm"), std::string::npos);
}

TEST_F(AcceleratorFile, NamesThePointerOfATechnologysFault) {
  Json technology = example_technology();
  technology["dram_energy_pj_per_bit"] = number(-1);
  const auto loaded = load(example(), technology);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().place.find("tiny-technology.json:/dram_energy_pj_per_bit/value"), std::string::npos) << loaded.error().place;
}

TEST_F(AcceleratorFile, EnergyIsTheSumOfItsAccesses) {
  const auto loaded = load(example());
  ASSERT_TRUE(loaded);
  LayerShape layer;  // (2 x 8) by (8 x 2)
  layer.name = "product";
  layer.in_h = layer.out_h = 2;
  layer.in_channels = 8;
  layer.out_channels = 2;
  const auto model = make_cost_model(*loaded, Tier::kCycle);
  ASSERT_TRUE(model);
  const auto cost = (*model)->cost(layer, {2, 3, 8}, Activity{});
  ASSERT_TRUE(cost) << cost.error().message;
  EXPECT_EQ(cost->cycles.value, 45);                                   // bit_serial_hand_test
  EXPECT_DOUBLE_EQ(cost->energy_pj.at("array"), 192 * 2.0 + 4 * 3.0);  // 2*2*8*6 operations, 4 results
  EXPECT_DOUBLE_EQ(cost->energy_pj.at("sram"), 192 * 0.5 + 80 * 0.25);
  EXPECT_DOUBLE_EQ(cost->energy_pj.at("dram"), (80 + 32) * 10.0);
  // (64 * 2 + 64 * 2) * 8 bits * 1 uW + 32 lanes * 0.5 mW = 18.048 mW for 0.45 us.
  EXPECT_NEAR(cost->energy_pj.at("leakage"), 18.048 * 0.45 * 1000, 1e-9);
  EXPECT_NEAR(cost->utilization, 192.0 / (45 * 32), 1e-15);
  // No ones in the weights: nothing switches in the array but the requantizer.
  const auto quiet = (*model)->cost(layer, {2, 3, 8}, Activity{0.0, 0.5});
  EXPECT_DOUBLE_EQ(quiet->energy_pj.at("array"), 12.0);
}

TEST_F(AcceleratorFile, CycleTierRemembersLayersWhateverTheirNames) {
  const auto loaded = load(example());
  auto model = make_cost_model(*loaded, Tier::kCycle);
  const auto* cached = dynamic_cast<const CachedCostModel*>(model->get());
  ASSERT_NE(cached, nullptr);
  LayerShape layer = testing_support::conv("a", 8, 8, 6, 3, 1);
  const auto first = cached->cost(layer, {2, 2, 2}, Activity{});
  layer.name = "b";
  const auto again = cached->cost(layer, {2, 2, 2}, Activity{}), other = cached->cost(layer, {2, 3, 2}, Activity{});
  EXPECT_EQ(cached->hits(), 1);
  EXPECT_EQ(cached->misses(), 2);
  EXPECT_EQ(first->cycles, again->cycles);
  EXPECT_NE(first->cycles, other->cycles);
}

TEST(NamedAccelerators, LoadAndDiffer) {
  EXPECT_EQ(accelerator_names(), (std::vector<std::string>{"a100",
                                                           "bismo-cloud",
                                                           "bismo-edge",
                                                           "bitfusion-eyeriss",
                                                           "bitfusion-stripes",
                                                           "h100",
                                                           "h200",
                                                           "loom-1b",
                                                           "loom-2b",
                                                           "loom-4b",
                                                           "mma-8x8",
                                                           "shift-add",
                                                           "stripes",
                                                           "systolic-16x16-is",
                                                           "systolic-16x16-os",
                                                           "systolic-16x16-ws",
                                                           "systolic-32x32-is",
                                                           "systolic-32x32-os",
                                                           "systolic-32x32-ws",
                                                           "systolic-8x8-is",
                                                           "systolic-8x8-os",
                                                           "systolic-8x8-ws",
                                                           "t4",
                                                           "t4-hawq"}));
  const auto cloud = load_accelerator("bismo-cloud"), edge = load_accelerator("bismo-edge");
  ASSERT_TRUE(cloud && edge);
  EXPECT_EQ(cloud->batch, 16);
  EXPECT_EQ(edge->batch, 1);
  for (const std::string& name : accelerator_names()) {
    const auto each = load_accelerator(name);
    ASSERT_TRUE(each) << name << ": " << each.error().place << ": " << each.error().message;
    EXPECT_EQ(each->name, name);
  }
  EXPECT_EQ(std::get<tiled::Machine>(load_accelerator("systolic-12x7-ws")->core).depth, 96);
  EXPECT_NE(cloud->hash, edge->hash);
  EXPECT_EQ(cloud->hash.size(), 16u);
  // 2 * 8 * 8 * 256 * 200 MHz: BISMO's 6.5 TOPS on the Zynq-7020.
  const auto model = make_cost_model("bismo-edge", Tier::kAnalytic);
  EXPECT_NEAR((*model)->ceilings().peak_binary_ops_per_s, 6.5e12, 0.06e12);
  EXPECT_NEAR((*model)->ceilings().dram_bytes_per_s, 2.1e9, 1e6);
}

TEST(NamedAccelerators, DepthsThatDoNotFitTheUnitsAreErrors) {
  for (const auto& [name, object, depth] : {std::tuple{"bitfusion-eyeriss", "fusion_core", 16},
                                            {"mma-8x8", "mma_core", 12},
                                            {"systolic-8x8-ws", "weight_stationary", 4},
                                            {"systolic-8x8-os", "systolic_core", 16}}) {
    SCOPED_TRACE(name);
    const auto accelerator = load_accelerator(name);
    ASSERT_TRUE(accelerator);
    const auto operands = std::get<tiled::Machine>(accelerator->core).operands;
    Json machine = {{"rows", number(8)},
                    {"columns", number(8)},
                    {"depth_bits", number(depth)},
                    {"activation_entries", number(8)},
                    {"weight_entries", number(8)},
                    {"pipeline_cycles", number(8)},
                    {"requantizer_lanes", number(1)},
                    {"output_port_bits", number(8)},
                    {"output_buffer_bits", number(64)},
                    {"queue_depth", number(2)}};
    const auto read = tiled::read_machine(JsonReader(machine, object), operands);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().place.find("/depth_bits/value"), std::string::npos) << read.error().place;
  }
}

// The weights that the page of the family says two codes can hold, and their values.
TEST(ShiftCodes, TwoHoldEveryByteButTwo) {
  const auto value = [](std::uint8_t code) {
    const int a = code >> 3 & 15, b = code & 7, magnitude = (a ? 1 << (a - 1) : 0) + (b ? 1 << (b - 1) : 0);
    return code & 128 ? -magnitude : magnitude;
  };
  for (int weight = -128; weight < 128; ++weight) {
    const auto codes = tiled::shift_codes(weight, 2);
    ASSERT_EQ(codes.has_value(), std::abs(weight) != 107) << weight;
    if (!codes) continue;
    EXPECT_EQ(value((*codes)[0]) + value((*codes)[1]), weight);
  }
  EXPECT_FALSE(tiled::shift_codes(7, 1));
  EXPECT_EQ(tiled::shift_codes(-6, 1)->size(), 1u);
}

TEST(NamedAccelerators, RefuseWhatTheyCannotDo) {
  const auto unknown = make_cost_model("bismo-cloudy", Tier::kAnalytic);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().hint.find("bismo-cloud, bismo-edge"), std::string::npos);
  EXPECT_FALSE(make_cost_model("bismo-edge", Tier::kRtl));
  CostOptions options;
  options.batch = 0;
  EXPECT_FALSE(make_cost_model("bismo-edge", Tier::kAnalytic, options));
  const auto model = make_cost_model("bismo-edge", Tier::kAnalytic);
  const LayerShape layer = testing_support::conv("conv", 8, 8, 6, 3, 1);
  for (const OperandBits bits : {OperandBits{0, 8, 8}, OperandBits{17, 8, 8}, OperandBits{8, 32, 8}, OperandBits{8, 8, 20}}) {
    const auto cost = (*model)->cost(layer, bits, Activity{});
    ASSERT_FALSE(cost);
    EXPECT_EQ(cost.error().place, "conv");
    EXPECT_NE(cost.error().message.find("bismo-edge"), std::string::npos);
  }
  EXPECT_TRUE((*model)->cost(layer, {16, 16, 32}, Activity{}));
}

}  // namespace
}  // namespace dyad::accel_models
