// A user's tables: the three file formats read alike, and what is refused names its place.
#include "dyad/accel_models/table/measured_table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/base/files.hpp"
#include "support/layers.hpp"
#include "support/test_data.hpp"

namespace dyad::accel_models {
namespace {

using testing_support::conv;

/// Cycles of the tables below: distinct for every point.
std::int64_t cycles_at(std::int64_t layer, std::int64_t w, std::int64_t a) { return 1000 * (layer + 1) + 20 * w + a; }

template <typename Number>
void append_bytes(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

struct Npy {
  int version = 1;
  std::string type = "<i8", shape = "(2, 3, 4)";
  bool fortran_order = false;

  std::string header() const {
    const std::string text =
        "{'descr': '" + type + "', 'fortran_order': " + (fortran_order ? "True" : "False") + ", 'shape': " + shape + ", }\n";
    std::string bytes = "\x93NUMPY";
    bytes += static_cast<char>(version);
    bytes += '\0';
    const auto length = static_cast<std::uint32_t>(text.size());
    if (version == 1)
      append_bytes(bytes, static_cast<std::uint16_t>(length));
    else
      append_bytes(bytes, length);
    return bytes + text;
  }

  /// [2][3][4], every point cycles_at() but `odd` at [1][2][3].
  std::string bytes(double odd = static_cast<double>(cycles_at(1, 3, 4))) const {
    std::string all = header();
    const auto add = [&](double value) {
      if (type == "<i4") append_bytes(all, static_cast<std::int32_t>(value));
      if (type == "<i8") append_bytes(all, static_cast<std::int64_t>(value));
      if (type == "<f4") append_bytes(all, static_cast<float>(value));
      if (type == "<f8") append_bytes(all, value);
    };
    const auto at = [&](int layer, int w, int a) {
      add(layer == 1 && w == 2 && a == 3 ? odd : static_cast<double>(cycles_at(layer, w + 1, a + 1)));
    };
    if (fortran_order) {
      for (int a = 0; a < 4; ++a)
        for (int w = 0; w < 3; ++w)
          for (int layer = 0; layer < 2; ++layer) at(layer, w, a);
    } else {
      for (int layer = 0; layer < 2; ++layer)
        for (int w = 0; w < 3; ++w)
          for (int a = 0; a < 4; ++a) at(layer, w, a);
    }
    return all;
  }
};

class MeasuredTable : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) const {
    const std::string path = (folder_ / name).string();
    EXPECT_TRUE(write_text(path, content));
    return path;
  }
  Result<std::unique_ptr<CostModel>> model(const std::string& spelled, CostOptions options = {}) const {
    if (options.weighted_layers.empty()) options.weighted_layers = {"first", "second, with a comma"};
    return make_cost_model("table:" + spelled, Tier::kMeasured, options);
  }
  void refused(const std::string& spelled, const std::string& place, const std::string& words) const {
    const auto made = model(spelled);
    ASSERT_FALSE(made) << spelled;
    EXPECT_NE(made.error().place.find(place), std::string::npos) << made.error().place << " lacks " << place;
    EXPECT_NE(made.error().message.find(words), std::string::npos) << made.error().message << " lacks " << words;
    EXPECT_FALSE(made.error().hint.empty());
  }
  void expect_the_table(const CostModel& model) const {
    for (int layer = 0; layer < 2; ++layer)
      for (int w = 1; w <= 3; ++w)
        for (int a = 1; a <= 4; ++a)
          for (const int out : {a, 16, 32}) {
            const auto cost = model.cost(conv(layer == 0 ? "first" : "second, with a comma", 3, 8, 8, 3, 1), {w, a, out}, Activity{});
            ASSERT_TRUE(cost) << cost.error().message;
            EXPECT_EQ(cost->cycles.value, cycles_at(layer, w, a));
          }
  }
  testing_support::TemporaryFolder folder_;
};

TEST_F(MeasuredTable, NpyOfEveryVersionTypeAndOrderIsTheSame) {
  for (const int version : {1, 2, 3})
    for (const char* type : {"<i4", "<i8", "<f4", "<f8"})
      for (const bool fortran_order : {false, true}) {
        const auto made = model(file("t.npy", Npy{version, type, "(2, 3, 4)", fortran_order}.bytes()));
        ASSERT_TRUE(made) << made.error().message;
        expect_the_table(**made);
        EXPECT_EQ((*made)->name(), "table:t.npy");
        EXPECT_EQ((*made)->tier(), Tier::kMeasured);
        EXPECT_EQ((*made)->batch(), 1);
      }
}

TEST_F(MeasuredTable, NpyOfAnotherLayoutIsRefused) {
  refused(file("t.npy", Npy{1, "<i8", "(6, 4)", false}.bytes()), "t.npy", "2 axes");
  refused(file("t.npy", Npy{1, "<i8", "(2, 3, 2, 2)", false}.bytes()), "t.npy", "4 axes");
  refused(file("t.npy", Npy{1, "<i8", "()", false}.header() + std::string(8, '\1')), "t.npy", "0 axes");
  refused(file("t.npy", Npy{1, "<i8", "(24, 1, 1)", false}.bytes()), "t.npy", "the table has 24 layers, the network has 2");
  refused(file("t.npy", Npy{1, "<i8", "(1, 24, 1)", false}.bytes()), "t.npy", "shape (1, 24, 1)");
  refused(file("t.npy", Npy{1, "<i8", "(0, 3, 4)", false}.header()), "t.npy", "shape (0, 3, 4)");
  for (const char* type : {">i8", "|i1", "<u8", "<c16", "|O"})
    refused(file("t.npy", Npy{1, type, "(2, 3, 4)", false}.header() + std::string(192, '\0')), "t.npy", type);
  refused(file("t.npy", Npy{4, "<i8", "(2, 3, 4)", false}.bytes()), "t.npy", "version 4");
  refused(file("t.npy", Npy{1, "<i8", "(99999999, 99999999, 99999999)", false}.bytes()), "t.npy", "192 bytes of data");
  const std::string whole = Npy{}.bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto made = model(file("t.npy", whole.substr(0, length)));
    ASSERT_FALSE(made) << length;
    EXPECT_NE(made.error().place.find("t.npy"), std::string::npos);
  }
  refused(file("t.npy", whole + "x"), "t.npy", "193 bytes of data");
  refused((folder_ / "absent.npy").string(), "absent.npy", "");
  refused(file("t.txt", whole), "t.txt", ".npy, .csv or .json");
}

TEST_F(MeasuredTable, NumbersThatAreNoMeasurementsAreRefusedWithTheirIndex) {
  const double infinity = std::numeric_limits<double>::infinity();
  refused(file("t.npy", Npy{1, "<f8", "(2, 3, 4)", false}.bytes(std::nan(""))), "t.npy:/1/2/3", "NaN");
  refused(file("t.npy", Npy{1, "<f8", "(2, 3, 4)", true}.bytes(std::nan(""))), "t.npy:/1/2/3", "NaN");
  refused(file("t.npy", Npy{}.bytes(-5)), "t.npy:/1/2/3", "negative");
  refused(file("t.npy", Npy{1, "<f4", "(2, 3, 4)", false}.bytes(infinity)), "t.npy:/1/2/3", "10^15");
}

TEST_F(MeasuredTable, WhatWasNotMeasuredIsAnErrorOfItsLayerAndBits) {
  const auto made = model(file("t.npy", Npy{}.bytes(0)));
  ASSERT_TRUE(made);
  const LayerShape second = conv("second, with a comma", 3, 8, 8, 3, 1);
  // A 0 in the file, and bits beyond its axes.
  for (const auto& [w, a] : {std::pair{3, 4}, {4, 1}, {1, 5}, {17, 1}, {0, 1}}) {
    const auto cost = (*made)->cost(second, {w, a, 8}, Activity{});
    ASSERT_FALSE(cost);
    EXPECT_EQ(cost.error().place, second.name);
    EXPECT_NE(cost.error().message.find("at W" + std::to_string(w) + "A" + std::to_string(a)), std::string::npos) << cost.error().message;
  }
  EXPECT_TRUE((*made)->cost(second, {3, 3, 8}, Activity{}));
  LayerShape pool = second;
  pool.kind = LayerKind::kMaxPool;
  pool.name = "pool";
  const auto free = (*made)->cost(pool, {8, 8, 8}, Activity{});
  ASSERT_TRUE(free);
  EXPECT_EQ(free->cycles.value, 0);
  std::string notes;
  for (const std::string& note : (*made)->notes()) notes += note;
  for (const char* words : {"Layers without weights", "no clock", "no energies"}) EXPECT_NE(notes.find(words), std::string::npos) << notes;
  // Nothing is assumed of times, nor of cycles of a clock.
  for (const char* keys : {",unit=ms", ",clock_mhz=200"})
    for (const std::string& note : model(file("t.npy", Npy{}.bytes()) + keys).value()->notes())
      EXPECT_EQ(note.find("no clock"), std::string::npos);
}

TEST_F(MeasuredTable, UnitsClockAndBatchAreThoseOfTheSpelling) {
  const LayerShape first = conv("first", 3, 8, 8, 3, 1);
  const auto cost = [&](const CostModel& model) {
    const auto found = model.cost(first, {2, 3, 8}, Activity{});  // 1043 in the file
    return std::pair(found->cycles.value, duration(found->cycles, model.clock()).value);
  };
  const std::string path = file("a,b.npy", Npy{}.bytes());
  EXPECT_EQ(cost(**model(path)), std::pair(std::int64_t{1043}, 1.043));
  EXPECT_EQ(cost(**model(path + ",clock_mhz=200")), std::pair(std::int64_t{1043}, 5.215));
  EXPECT_EQ(cost(**model(path + ",unit=us")), std::pair(std::int64_t{1043000}, 1043.0));
  EXPECT_EQ(cost(**model(path + ",unit=us,clock_mhz=200,batch=16")), std::pair(std::int64_t{208600}, 1043.0));
  EXPECT_EQ(cost(**model(path + ",clock_mhz=1,unit=ms")), std::pair(std::int64_t{1043000}, 1043000.0));
  EXPECT_EQ(model(path + ",batch=16").value()->batch(), 16);
  CostOptions batch;
  batch.batch = 16;
  EXPECT_TRUE(model(path + ",batch=16", batch));
  EXPECT_EQ(model(path, batch).error().place, "--batch");
  // Times shorter than half a cycle are measurements still.
  const auto tiny = model(file("f.npy", Npy{1, "<f8", "(2, 3, 4)", false}.bytes(1e-6)) + ",unit=us");
  EXPECT_EQ((*tiny)->cost(conv("second, with a comma", 3, 8, 8, 3, 1), {3, 4, 8}, Activity{})->cycles.value, 1);
  for (const char* wrong : {",unit=s", ",clock_mhz=0", ",clock_mhz=-1", ",clock_mhz=nan", ",clock_mhz=x", ",batch=0", ",batch=1.5",
                            ",bits=8", ",unit=us,unit=us", ",batch=1,batch=1", ",clock_mhz=1,clock_mhz=1"})
    refused(path + wrong, wrong + 1, std::string(wrong).substr(std::string(wrong).rfind(',') + 1));
  refused("", "table:", "names no file");
  refused(",unit=us", "table:", "names no file");
}

TEST_F(MeasuredTable, CsvIsReadByName) {
  const auto table = [&](const std::string& header, const std::string& end, const std::string& newline) {
    std::string text = header + newline;
    for (int layer = 1; layer >= 0; --layer)
      for (int w = 3; w >= 1; --w)
        for (int a = 1; a <= 4; ++a)
          text += std::string(layer == 0 ? "first" : "second, with a comma") + "," + std::to_string(w) + "," + std::to_string(a) + "," +
                  std::to_string(cycles_at(layer, w, a)) + end + newline;
    return text;
  };
  for (const char* newline : {"\n", "\r\n"}) {
    const auto plain = model(file("t.csv", table("layer,w,a,cycles", "", newline)));
    ASSERT_TRUE(plain) << plain.error().message;
    expect_the_table(**plain);
    const auto energies = model(file("t.csv", table("layer,w,a,cycles,energy_pj", ",12.5", newline)));
    ASSERT_TRUE(energies) << energies.error().message;
    expect_the_table(**energies);
    EXPECT_EQ((*energies)->cost(conv("first", 3, 8, 8, 3, 1), {1, 1, 8}, Activity{})->energy().value, 12.5);
    for (const std::string& note : (*energies)->notes()) EXPECT_EQ(note.find("no energies"), std::string::npos);
    const auto parts = model(file("t.csv", table("layer,w,a,cycles,energy_pj,leakage_pj,idle_pj", ",12.5,2.5,1.5", newline)));
    ASSERT_TRUE(parts) << parts.error().message;
    expect_the_table(**parts);
    EXPECT_EQ((*parts)->cost(conv("first", 3, 8, 8, 3, 1), {1, 1, 8}, Activity{})->energy().value, 12.5);
    const auto times = model(file("t.csv", table("layer,w,a,latency_us", "", newline)) + ",clock_mhz=1");
    ASSERT_TRUE(times);
    expect_the_table(**times);
  }
  const auto quoted = model(file("t.csv", "layer,w,a,cycles\nfirst,1,1,5\n\"second, with a comma\",1,1,6\n"));
  ASSERT_TRUE(quoted) << quoted.error().message;
  EXPECT_EQ((*quoted)->cost(conv("second, with a comma", 3, 8, 8, 3, 1), {1, 1, 8}, Activity{})->cycles.value, 6);
  const std::string head = "layer,w,a,cycles\n", rest = "second, with a comma,1,1,5\n";
  refused(file("t.csv", "layer,w,a,joules\nfirst,1,1,5\n"), "t.csv:1", "columns");
  refused(file("t.csv", ""), "t.csv", "");
  refused(file("t.csv", head), "t.csv", "no measurements");
  refused(file("t.csv", head + "first,1,5\n"), "t.csv:2", "too few");
  refused(file("t.csv", head + rest + "first,17,1,5\n"), "t.csv:3", "1 to 16");
  refused(file("t.csv", head + rest + "first,4.5,1,5\n"), "t.csv:3", "1 to 16");
  refused(file("t.csv", head + "first,1,1,five\n"), "t.csv:2", "five");
  refused(file("t.csv", head + "first,1,1,nan\n"), "t.csv:2", "NaN");
  refused(file("t.csv", head + "first,1,1,-1\n"), "t.csv:2", "negative");
  refused(file("t.csv", head + "first,1,1,5\n" + rest + "first,1,1,6\n"), "t.csv:4", "repeats");
  refused(file("t.csv", "layer,w,a,cycles,energy_pj\nfirst,1,1,5,-1\n"), "t.csv:2", "energy");
  refused(file("t.csv", "layer,w,a,latency_us\nfirst,1,1,5\n") + ",unit=ms", "t.csv:1", "unit");
  refused(file("t.csv", head + "first,1,1,5\n"), "table:t.csv", "no row of layer 'second, with a comma'");
  refused(file("t.csv", head + "first,1,1,5\n" + rest + "third,1,1,5\n"), "table:t.csv", "'third'");
}

TEST_F(MeasuredTable, DocumentsNameThePointerOfAFault) {
  const auto document = [&](const std::string& parts) {
    return file("t.json", R"({"schema": "dyad.cost_table/1", "layer_names": ["first", "second, with a comma"], )" + parts + "}");
  };
  const auto made = model(document(
      R"("clock_mhz": 200, "batch": 16, "table": [[[7, 8]], [[9, 0]]], "energy_pj": [[[1, 2]], [[3, 0]]], "idle_pj": [[[0, 1]], [[1, 0]]])"));
  ASSERT_TRUE(made) << made.error().place << made.error().message;
  EXPECT_EQ((*made)->batch(), 16);
  EXPECT_EQ((*made)->clock().value, 200);
  EXPECT_EQ((*made)->cost(conv("first", 3, 8, 8, 3, 1), {1, 2, 8}, Activity{})->cycles.value, 8);
  EXPECT_EQ((*made)->cost(conv("first", 3, 8, 8, 3, 1), {1, 2, 8}, Activity{})->energy().value, 2);
  EXPECT_FALSE((*made)->cost(conv("second, with a comma", 3, 8, 8, 3, 1), {1, 2, 8}, Activity{}));
  refused(document(R"("table": [[[7, -1]], [[9, 1]]])"), "t.json:/table/0/0/1", "negative");
  refused(document(R"("table": [[[7, "x"]], [[9, 1]]])"), "t.json:/table/0/0/1", "");
  refused(document(R"("table": [[[7, 1]]])"), "t.json:/table", "1 layers");
  refused(document(R"("table": [[[7]], [[9]]], "energy_pj": [[[1]], [[]]])"), "t.json:/energy_pj", "[1][0][0]");
  refused(document(R"("table": [[[7]], [[9]]], "energy_pj": [[[1]], [[-2]]])"), "t.json:/energy_pj/1/0/0", "energy");
  refused(document(R"("table": [[[7]], [[9]]], "colour": 1)"), "t.json:/colour", "");
  refused(document(R"("table": [[[7]], [[9]]], "batch": 4)") + ",batch=2", "t.json:/batch", "batch");
  refused(document(R"("table": [[[7]], [[9]]], "clock_mhz": 4)") + ",clock_mhz=2", "t.json:/clock_mhz", "clock");
  refused(file("t.json", R"({"schema": "dyad.bits/1", "layers": {}})"), "t.json:/schema", "");
}

TEST_F(MeasuredTable, IsNoMachine) {
  const std::string path = file("t.npy", Npy{}.bytes());
  CostOptions options;
  options.weighted_layers = {"first", "second, with a comma"};
  for (const Tier tier : {Tier::kAnalytic, Tier::kCycle, Tier::kRtl})
    EXPECT_EQ(make_cost_model("table:" + path, tier, options).error().place, "--tier");
  CostOptions ideal = options, compat = options;
  ideal.dram = DramMode::kIdeal;
  compat.compat = Compat::kHaq;
  EXPECT_EQ(make_cost_model("table:" + path, Tier::kMeasured, ideal).error().place, "--dram");
  EXPECT_EQ(make_cost_model("table:" + path, Tier::kMeasured, compat).error().place, "--compat");
  EXPECT_FALSE(load_accelerator("table:" + path));
  EXPECT_EQ(make_cost_model("bismo-edge", Tier::kMeasured).error().place, "--tier");
  EXPECT_EQ(default_tier("table:" + path), Tier::kMeasured);
  EXPECT_EQ(default_tier("bismo-edge"), Tier::kAnalytic);
}

TEST_F(MeasuredTable, FingerprintFollowsTheNumbers) {
  const auto of = [&](double odd) { return model(file("t.npy", Npy{}.bytes(odd))).value()->fingerprint(); };
  EXPECT_EQ(of(5), of(5));
  EXPECT_NE(of(5), of(6));
}

}  // namespace
}  // namespace dyad::accel_models
