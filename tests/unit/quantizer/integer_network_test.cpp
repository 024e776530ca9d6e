// The .dyad file and the overflow proof: exact round trips, every malformation an Error, bounds against enumeration.
#include "dyad/quantizer/integer_network.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/random.hpp"
#include "dyad/network/safetensors.hpp"
#include "support/test_data.hpp"

namespace dyad::quantizer {
namespace {

using testing_support::TemporaryFolder;

IntegerLayer layer(std::string name, IntegerOp op, Shape in, Shape out, BitWidth format_in, BitWidth format_out) {
  IntegerLayer l;
  l.name = l.shape.name = std::move(name);
  l.op = op;
  l.shape.kind = op == IntegerOp::kConv ? LayerKind::kConv : LayerKind::kOther;
  l.shape.in_h = in[0], l.shape.in_w = in[1], l.shape.in_channels = in[2];
  l.shape.out_h = out[0], l.shape.out_w = out[1], l.shape.out_channels = out[2];
  l.inputs = {format_in};
  l.output = format_out;
  return l;
}

Requantization ratio(std::vector<Dyadic> ratios, Rounding rounding = Rounding::kHalfUp) {
  Requantization r;
  r.ratios = std::move(ratios);
  r.rounding = rounding;
  return r;
}

constexpr BitWidth kS8{8, true}, kS16{16, true}, kU4{4, false}, kS32{32, true};

// 4 x 4 x 2 image; conv (raw) and requantization, added, subsampled, pooled, flattened, classified: every operation but concat and max
// pooling of its own, which join in the middle.
IntegerNetwork small_network() {
  Random random(5);
  IntegerNetwork n;
  n.name = "small";
  n.input = {4, 4, 2, kS8, 1.0f / 64, {0.5f, 0.25f}, {0.25f, 0.5f}, {}};
  n.input.make_table();
  const auto weights = [&](Shape shape, int bits) {
    Tensor<std::int8_t> t(std::move(shape));
    for (auto& v : t.values()) v = static_cast<std::int8_t>(random.between(-(1 << (bits - 1)), (1 << (bits - 1)) - 1));
    return t;
  };
  IntegerLayer conv = layer("conv", IntegerOp::kConv, {4, 4, 2}, {4, 4, 2}, kS8, kS32);
  conv.shape.window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  conv.weight_bits = {4, true};
  conv.weights = weights({2, 3, 3, 2}, 4);
  conv.bias = {100, -7};
  conv.requantize = false;
  IntegerLayer wide = layer("wide", IntegerOp::kRequantize, {4, 4, 2}, {4, 4, 2}, kS8, kS16);
  wide.requantizations = {ratio({{1 << 30, 20}}, Rounding::kHalfEven)};
  IntegerLayer add = layer("add", IntegerOp::kAdd, {4, 4, 2}, {4, 4, 2}, kS32, kS16);
  add.inputs = {kS32, kS16};
  add.relu = true;
  add.requantizations = {ratio({{1 << 30, 31}, {-(1 << 30), 33}}), ratio({{1 << 30, 30}}, Rounding::kHalfAway)};
  IntegerLayer sub = layer("sub", IntegerOp::kSubsample, {4, 4, 2}, {2, 2, 5}, kS16, kS16);
  sub.shape.window.stride_h = sub.shape.window.stride_w = 2;
  sub.channel_pad_before = 1, sub.channel_pad_after = 2;
  IntegerLayer narrow = layer("narrow", IntegerOp::kRequantize, {2, 2, 5}, {2, 2, 5}, kS16, kU4);
  narrow.requantizations = {ratio({{1 << 30, 40}})};
  IntegerLayer max = layer("max", IntegerOp::kMaxPool, {2, 2, 5}, {1, 1, 5}, kU4, kU4);
  max.shape.window = {2, 2, 2, 2, 0, 0, 0, 0, 1, 1};
  IntegerLayer average = layer("average", IntegerOp::kAveragePool, {2, 2, 5}, {1, 1, 5}, kU4, kU4);
  average.shape.window = max.shape.window;
  average.average_rounding = AverageRounding::kHawq;
  average.count_include_pad = true;
  IntegerLayer concat = layer("concat", IntegerOp::kConcat, {1, 1, 10}, {1, 1, 10}, kU4, kU4);
  concat.inputs = {kU4, kU4};
  Requantization in_float;
  in_float.rounding = Rounding::kFloat32Scale;
  in_float.float32_scales = {0.75f};
  concat.requantizations = {in_float, ratio({{1 << 30, 30}})};
  IntegerLayer flat = layer("flat", IntegerOp::kFlatten, {1, 1, 10}, {1, 1, 10}, kU4, kU4);
  IntegerLayer fc = layer("fc", IntegerOp::kConv, {1, 1, 10}, {1, 1, 3}, kU4, kS32);
  fc.shape.kind = LayerKind::kLinear;
  fc.weight_bits = {8, true};
  fc.weights = weights({3, 1, 1, 10}, 8);
  fc.weight_zero_points = {3};
  fc.requantizations = {ratio({{1 << 30, 30}, {1 << 29, 29}, {1234567890, 31}})};
  n.layers = {conv, wide, add, sub, narrow, max, average, concat, flat, fc};
  n.inputs = {{0}, {0}, {1, 2}, {3}, {4}, {5}, {5}, {6, 7}, {8}, {9}};
  n.output_scales = {0.1};
  n.assignment = {{"conv", {4, 8}}, {"fc", {8, 4}}};
  return n;
}

void expect_same(const IntegerNetwork& a, const IntegerNetwork& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.input.scale, b.input.scale);
  EXPECT_EQ(a.input.mean, b.input.mean);
  EXPECT_EQ(a.input.stddev, b.input.stddev);
  EXPECT_EQ(a.input.format, b.input.format);
  EXPECT_EQ(a.input.table, b.input.table);
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.output_scales, b.output_scales);
  EXPECT_EQ(a.assignment, b.assignment);
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const IntegerLayer &x = a.layers[i], &y = b.layers[i];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.op, y.op);
    EXPECT_EQ(x.shape.kind, y.shape.kind);
    EXPECT_EQ(x.shape.name, y.shape.name);
    EXPECT_EQ(x.shape.window, y.shape.window);
    EXPECT_EQ(x.shape.input_count(), y.shape.input_count());
    EXPECT_EQ(x.shape.output_count(), y.shape.output_count());
    EXPECT_EQ(x.inputs, y.inputs);
    EXPECT_EQ(x.output, y.output);
    EXPECT_EQ(x.relu, y.relu);
    EXPECT_EQ(x.weight_bits, y.weight_bits);
    EXPECT_EQ(x.weights, y.weights);
    EXPECT_EQ(x.bias, y.bias);
    EXPECT_EQ(x.weight_zero_points, y.weight_zero_points);
    EXPECT_EQ(x.input_zero_point, y.input_zero_point);
    EXPECT_EQ(x.requantize, y.requantize);
    EXPECT_EQ(x.requantizations, y.requantizations);
    EXPECT_EQ(x.average_rounding, y.average_rounding);
    EXPECT_EQ(x.count_include_pad, y.count_include_pad);
    EXPECT_EQ(x.channel_pad_before, y.channel_pad_before);
    EXPECT_EQ(x.channel_pad_after, y.channel_pad_after);
  }
}

TEST(IntegerNetworkFile, RoundTripIsExactAndBytesAreStable) {
  const TemporaryFolder folder;
  const IntegerNetwork network = small_network();
  const auto saved = save(network, folder / "a.dyad");
  ASSERT_TRUE(saved) << saved.error().place << " " << saved.error().message;
  const auto loaded = load_integer_network(folder / "a.dyad");
  ASSERT_TRUE(loaded) << loaded.error().place << " " << loaded.error().message;
  expect_same(network, *loaded);
  ASSERT_TRUE(save(*loaded, folder / "b.dyad"));
  EXPECT_EQ(*read_bytes(folder / "a.dyad"), *read_bytes(folder / "b.dyad"));
}

TEST(IntegerNetworkFile, InputTableFollowsTheFormula) {
  // Channel 0: (51 / 255 - 0.5) / 0.25 = -1.2, times 64 = -76.8; channel 1 of 255: (1 - 0.25) / 0.5 * 64 = 96.
  const IntegerNetwork network = small_network();
  EXPECT_EQ(network.input.table[51], -77);
  EXPECT_EQ(network.input.table[256 + 255], 96);
  EXPECT_EQ(network.input.table[0], -128);  // -2 * 64 is the lowest integer
}

TEST(IntegerNetworkFile, EveryTruncationIsAnError) {
  const TemporaryFolder folder;
  ASSERT_TRUE(save(small_network(), folder / "a.dyad"));
  const auto bytes = *read_bytes(folder / "a.dyad");
  for (std::size_t size = 0; size < bytes.size(); size += size < 64 ? 1 : 37) {
    ASSERT_TRUE(write_bytes(folder / "cut.dyad", std::span(bytes).first(size)));
    const auto loaded = load_integer_network(folder / "cut.dyad");
    ASSERT_FALSE(loaded) << size << " of " << bytes.size() << " bytes";
    EXPECT_NE(loaded.error().place.find("cut.dyad"), std::string::npos);
    EXPECT_FALSE(loaded.error().hint.empty());
  }
}

struct Malformation {
  const char* what;
  std::function<void(Json&, network::RawSafetensors&)> damage;
  const char* place;  ///< part of the Error's place
};

void set_tensor(network::RawSafetensors& file, const std::string& name, const std::vector<std::int32_t>& values) {
  file.tensors[name] = network::raw_tensor<std::int32_t>({static_cast<std::int64_t>(values.size())}, std::span<const std::int32_t>(values));
}

TEST(IntegerNetworkFile, EveryMalformationIsAnErrorAtItsPlace) {
  const TemporaryFolder folder;
  ASSERT_TRUE(save(small_network(), folder / "good.dyad"));
  const auto good = *network::read_raw_safetensors(folder / "good.dyad");
  const Malformation cases[] = {
      {"schema of another kind", [](Json& j, auto&) { j["schema"] = "dyad.bits/1"; }, "schema"},
      {"newer schema", [](Json& j, auto&) { j["schema"] = "dyad.integer_network/3"; }, "schema"},
      {"unknown key", [](Json& j, auto&) { j["extra"] = 1; }, "extra"},
      {"unknown key of a layer", [](Json& j, auto&) { j["layers"][2]["extra"] = 1; }, "/layers/2"},
      {"no layers",
       [](Json& j, auto& f) {
         j["layers"] = Json::array();
         std::erase_if(f.tensors, [](const auto& t) { return t.first != "input.table"; });
       },
       "layers"},
      {"layers is no array", [](Json& j, auto&) { j["layers"] = 3; }, "/layers"},
      {"layer without op", [](Json& j, auto&) { j["layers"][0].erase("op"); }, "/layers/0"},
      {"unknown op", [](Json& j, auto&) { j["layers"][0]["op"] = "fft"; }, "/layers/0/op"},
      {"unknown rounding", [](Json& j, auto&) { j["layers"][1]["requantizations"][0]["rounding"] = "up"; }, "/layers/1"},
      {"reads itself", [](Json& j, auto&) { j["layers"][3]["inputs"][0] = 4; }, "/layers/3"},
      {"negative index", [](Json& j, auto&) { j["layers"][3]["inputs"][0] = -1; }, "/layers/3"},
      {"add of one", [](Json& j, auto&) { j["layers"][2]["inputs"] = {1}; }, "/layers/2"},
      {"format that is not the producer's", [](Json& j, auto&) { j["layers"][3]["input_formats"][0]["bits"] = 12; },
       "/layers/3/input_formats"},
      {"33 bits", [](Json& j, auto&) { j["layers"][3]["output"]["bits"] = 33; }, "/layers/3/output"},
      {"0 bits", [](Json& j, auto&) { j["layers"][3]["output"]["bits"] = 0; }, "/layers/3/output"},
      {"unsigned 32 bits",
       [](Json& j, auto&) {
         j["layers"][1]["output"] = {{"bits", 32}, {"signed", false}};
       },
       "/layers/1/output"},
      {"signed is a number", [](Json& j, auto&) { j["layers"][1]["output"]["signed"] = 1; }, "/layers/1/output"},
      {"wrong output height", [](Json& j, auto&) { j["layers"][0]["shape"]["out_h"] = 5; }, "/layers/0/shape"},
      {"stride 0", [](Json& j, auto&) { j["layers"][0]["shape"]["stride_h"] = 0; }, "/layers/0/shape"},
      {"huge extent", [](Json& j, auto&) { j["layers"][0]["shape"]["in_h"] = 1 << 30; }, "/layers/0/shape"},
      {"groups that don't divide", [](Json& j, auto&) { j["layers"][0]["shape"]["groups"] = 3; }, "/layers/0"},
      {"weights missing", [](Json&, auto& f) { f.tensors.erase("0.weights"); }, "0.weights"},
      {"weights of another type", [](Json&, auto& f) { f.tensors["0.weights"].dtype = "U8"; }, "0.weights"},
      {"weights of another shape",
       [](Json&, auto& f) {
         f.tensors["0.weights"].shape = {2, 18};
       },
       "/layers/0/weights"},
      {"weight beyond its bits", [](Json&, auto& f) { f.tensors["0.weights"].bytes[0] = 100; }, "/layers/0/weights"},
      {"weight bits not the assignment's", [](Json& j, auto&) { j["layers"][0]["weight_bits"] = 5; }, "assignment"},
      {"bias of another size",
       [](Json&, auto& f) {
         set_tensor(f, "0.bias", {1, 2, 3});
       },
       "/layers/0/bias"},
      {"bias for an addition", [](Json&, auto& f) { set_tensor(f, "2.bias", {1}); }, "2.bias"},
      {"two weight zero points for three channels",
       [](Json&, auto& f) {
         set_tensor(f, "9.weight_zero_points", {1, 2});
       },
       "/layers/9/weight_zero_points"},
      {"shift of 63", [](Json&, auto& f) { f.tensors["1.0.shifts"].bytes[0] = 63; }, "/layers/1/requantizations/0"},
      {"multiplier of -2^31", [](Json&, auto& f) { set_tensor(f, "1.0.multipliers", {INT32_MIN}); }, "/layers/1/requantizations/0"},
      {"two ratios for three channels",
       [](Json&, auto& f) {
         set_tensor(f, "9.0.multipliers", {1, 2});
       },
       "/layers/9/requantizations/0"},
      {"no ratio at all", [](Json&, auto& f) { f.tensors.erase("1.0.multipliers"); }, "1.0.multipliers"},
      {"missing requantization",
       [](Json& j, auto& f) {
         j["layers"][1]["requantizations"] = Json::array();
         f.tensors.erase("1.0.multipliers");
         f.tensors.erase("1.0.shifts");
       },
       "/layers/1/requantizations"},
      {"zero point outside the output", [](Json& j, auto&) { j["layers"][4]["requantizations"][0]["zero_point"] = 16; }, "/layers/4"},
      {"raw accumulators in 16 bits",
       [](Json& j, auto&) {
         j["layers"][0]["output"]["bits"] = 16;
         j["layers"][2]["input_formats"][0]["bits"] = 16;
       },
       "/layers/0/output"},
      {"tensor of no layer", [](Json&, auto& f) { set_tensor(f, "10.bias", {1}); }, "10.bias"},
      {"table of another size", [](Json&, auto& f) { set_tensor(f, "input.table", {1}); }, "/input/table"},
      {"table beyond the format", [](Json&, auto& f) { f.tensors["input.table"].bytes[3] = 1; }, "/input/table"},
      {"scale of zero", [](Json& j, auto&) { j["input"]["scale"] = 0; }, "/input/scale"},
      {"stddev of zero", [](Json& j, auto&) { j["input"]["stddev"][1] = 0; }, "/input/stddev"},
      {"one mean too many", [](Json& j, auto&) { j["input"]["mean"].push_back(0.5); }, "/input/mean"},
      {"negative output scale", [](Json& j, auto&) { j["output_scales"][0] = -1; }, "/output_scales"},
      {"two output scales for three classes",
       [](Json& j, auto&) {
         j["output_scales"] = {1, 1};
       },
       "/output_scales"},
      {"assignment without a layer", [](Json& j, auto&) { j["assignment"].erase("fc"); }, "/assignment/fc"},
      {"assignment of nothing",
       [](Json& j, auto&) {
         j["assignment"]["ghost"] = {{"w", 4}, {"a", 4}};
       },
       "/assignment/ghost"},
      {"assignment of 0 bits", [](Json& j, auto&) { j["assignment"]["fc"]["w"] = 0; }, "/assignment/fc"},
      {"last layer is no vector of logits",
       [](Json& j, auto& f) {
         j["layers"].erase(9);
         j["assignment"].erase("fc");
         std::erase_if(f.tensors, [](const auto& t) { return t.first.starts_with("9."); });
       },
       "/layers/8"},
  };
  for (const Malformation& m : cases) {
    network::RawSafetensors file = good;
    Json json = Json::parse(file.metadata.at("dyad"));
    m.damage(json, file);
    file.metadata["dyad"] = json.dump();
    ASSERT_TRUE(network::write_raw_safetensors(folder / "bad.dyad", file)) << m.what;
    const auto loaded = load_integer_network(folder / "bad.dyad");
    ASSERT_FALSE(loaded) << m.what;
    EXPECT_NE(loaded.error().place.find(m.place), std::string::npos)
        << m.what << ": " << loaded.error().place << " " << loaded.error().message;
    EXPECT_NE(loaded.error().place.find("bad.dyad"), std::string::npos) << m.what << ": " << loaded.error().place;
    EXPECT_FALSE(loaded.error().hint.empty()) << m.what;
  }
}

TEST(IntegerNetworkFile, OtherSafetensorsAreNoIntegerNetwork) {
  const TemporaryFolder folder;
  ASSERT_TRUE(network::write_raw_safetensors(folder / "w.safetensors", {}));
  const auto loaded = load_integer_network(folder / "w.safetensors");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("no integer network"), std::string::npos);
}

TEST(IntegerNetworkFile, SaveRefusesWhatLoadWould) {
  const TemporaryFolder folder;
  IntegerNetwork network = small_network();
  network.layers[1].requantizations[0].ratios[0].shift = 63;
  EXPECT_FALSE(save(network, folder / "a.dyad"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.dyad"));
}

// One input channel, three taps, 2-bit input: all 4^3 windows, all partial sums in all 6 orders.
TEST(OverflowProof, BoundsEqualEnumerationOfAllWindows) {
  Random random(11);
  for (int trial = 0; trial < 50; ++trial) {
    const bool is_signed = random.coin();
    IntegerLayer l = layer("l", IntegerOp::kConv, {3, 1, 1}, {1, 1, 1}, {2, is_signed}, kS32);
    l.shape.window.kernel_h = 3;
    l.weight_bits = kS8;
    l.weights = Tensor<std::int8_t>({1, 3, 1, 1});
    for (auto& w : l.weights.values()) w = static_cast<std::int8_t>(random.between(-128, 127));
    l.bias = {static_cast<std::int32_t>(random.between(-500, 500))};
    std::int64_t lowest = 0, highest = 0;
    const auto low = BitWidth{2, is_signed}.lowest();
    for (int window = 0; window < 64; ++window) {
      std::int64_t products[4] = {l.bias[0], 0, 0, 0};
      for (int t = 0; t < 3; ++t) products[t + 1] = (low + ((window >> (2 * t)) & 3)) * l.weights[t];
      for (int subset = 0; subset < 16; ++subset) {  // a partial sum in some order is the sum of some subset
        std::int64_t sum = 0;
        for (int t = 0; t < 4; ++t) sum += (subset >> t) & 1 ? products[t] : 0;
        lowest = std::min(lowest, sum);
        highest = std::max(highest, sum);
      }
    }
    const auto bounds = accumulator_bounds(l);
    ASSERT_EQ(bounds.size(), 1u);
    EXPECT_EQ(bounds[0].lowest, lowest) << "trial " << trial;
    EXPECT_EQ(bounds[0].highest, highest) << "trial " << trial;
  }
}

TEST(OverflowProof, HoldsAtTheLimitAndFailsOneBeyond) {
  IntegerNetwork network = small_network();
  IntegerLayer& fc = network.layers.back();
  fc.weights = Tensor<std::int8_t>({3, 1, 1, 10});
  fc.weights[0] = 127;  // 4-bit unsigned input: 15 * 127 = 1905
  fc.weight_zero_points.clear();
  fc.bias = {INT32_MAX - 1905, 0, 0};
  EXPECT_TRUE(prove_no_overflow(network));
  fc.bias[0] += 1;
  const auto proof = prove_no_overflow(network);
  ASSERT_FALSE(proof);
  EXPECT_NE(proof.error().message.find("'fc'"), std::string::npos);
  EXPECT_NE(proof.error().message.find("channel 0"), std::string::npos);
  fc.bias[0] -= 1;
  fc.weight_zero_points = {1, 0, 0};  // minus 1 * sum of ten inputs: lowers the low bound only
  EXPECT_TRUE(prove_no_overflow(network));
  fc.weight_zero_points = {-1, 0, 0};
  EXPECT_FALSE(prove_no_overflow(network));
}

}  // namespace
}  // namespace dyad::quantizer
