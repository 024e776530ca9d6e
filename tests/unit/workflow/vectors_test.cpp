// Vector files: what is read and refused, what the generator aims at, and that a check sees one wrong number.
#include "dyad/workflow/vectors.hpp"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/workflow/vector_bench.hpp"
#include "dyad/workflow/vector_generator.hpp"
#include "support/vector_json.hpp"

namespace dyad::workflow {
namespace {

using testing_support::TemporaryFolder;

Result<VectorFile> loaded(const std::string& text) {
  const TemporaryFolder folder;
  const auto file = folder / "v.json";
  if (const auto written = write_text(file, text); !written) return written.error();
  auto result = load_vectors(file);
  return result;
}

// The place of the error behind the file's name; empty when the text is accepted.
std::string refused_at(const std::string& text) {
  const auto result = loaded(text);
  if (result) return "";
  const std::string& place = result.error().place;
  const std::size_t at = place.find("v.json");
  return at == std::string::npos ? place : place.substr(at + 6);
}

std::vector<CheckOutcome> verified(const VectorFile& file) {
  SilentProgress progress;
  return *verify_vectors({file}, *vector_implementations(), progress);
}

void expect_passed(const std::string& text, std::size_t least_checks) {
  const auto file = loaded(text);
  ASSERT_TRUE(file.has_value()) << file.error().place << ": " << file.error().message;
  const auto checks = verified(*file);
  EXPECT_GE(checks.size(), least_checks);
  EXPECT_TRUE(all_passed(checks)) << verification_text(checks);
}

// 5 * 3 / 4 = 3.75; -2 * 3 / 4 = -1.5, half up -1, half even -2.
TEST(Vectors, RequantizeByHand) {
  const std::string head = R"({"schema":"dyad.vectors/1","op":"requantize","out_bits":8,"rounding":)";
  const std::string tail = R"(,"cases":[{"acc":[5,-2,1000],"multiplier":3,"shift":2,"zero_point":1,"expected":)";
  expect_passed(head + "\"half_up\"" + tail + "[5,0,127]}]}", 3);
  expect_passed(head + "\"half_even\"" + tail + "[5,-1,127]}]}", 3);
  expect_passed(R"({"schema":"dyad.vectors/1","op":"requantize","out_bits":8,"out_signed":false,"rounding":"float32_scale",
    "cases":[{"acc":[5,-2,1000],"scale":0.75,"expected":[4,0,255]}]})",
                3);
}

TEST(Vectors, OtherOperationsByHand) {
  // 3 / 2 + 5 / 2 half up = 2 + 3; zero point 1.
  expect_passed(R"({"schema":"dyad.vectors/1","op":"residual_add","rounding":"half_up","out_bits":32,"cases":[
    {"main":[3],"main_multiplier":1,"main_shift":1,"identity":[5],"identity_multiplier":1,"identity_shift":1,"zero_point":1,"expected":[6]}]})",
                3);
  // Two positions; branch a has one channel (x 1/2, up), branch b two (x 2).
  expect_passed(R"({"schema":"dyad.vectors/1","op":"concat","rounding":"half_up","out_bits":8,"cases":[{"branches":[
    {"values":[1,4],"channels":1,"multiplier":1,"shift":1},{"values":[5,6,7,8],"channels":2,"multiplier":2,"shift":0,"zero_point":-1}],
    "expected":[1,9,11,2,13,15]}]})",
                3);
  // (1 + 2) / 2 = 1.5 to 2; with a padded zero 3 / 3 = 1.
  expect_passed(R"({"schema":"dyad.vectors/1","op":"average_pool","rounding":"half_up","out_bits":8,"cases":[
    {"values":[1,2],"expected":2},{"values":[1,2],"count":3,"expected":1},{"values":[-1,-2],"expected":-1}]})",
                3);
  // 0.5 * 0.5 / 1 = 2^30 / 2^32; HAWQ-V3 may write the same ratio otherwise.
  expect_passed(R"({"schema":"dyad.vectors/1","op":"dyadic_from_scales","cases":[
    {"scale_in":0.5,"scale_weight":0.5,"scale_out":1,"multiplier":1073741824,"shift":32},
    {"scale_in":0.5,"scale_weight":0.5,"scale_out":1,"multiplier":2147483648,"shift":33}]})",
                1);
  // Scale 0.7 / 7 = 0.1.
  expect_passed(R"({"schema":"dyad.vectors/1","op":"quantize_weight","out_bits":4,"cases":[
    {"channels":1,"weights":[0.7,-0.3,0.04],"scales":[0.1],"expected":[7,-3,0]}]})",
                1);
  // Levels 0 1 2 4 of 4.
  expect_passed(R"({"schema":"dyad.vectors/1","op":"apot_quantize","out_bits":3,"cases":[{"values":[0.3,-0.8],"expected":[1,-4]}]})", 1);
}

TEST(Vectors, ErrorsNameTheirPlace) {
  const std::string head = R"({"schema":"dyad.vectors/1","op":"requantize","rounding":"half_up","out_bits":8,"cases":)";
  EXPECT_EQ(refused_at(R"({"schema":"dyad.vectors/2"})"), ":/schema");
  EXPECT_EQ(refused_at(R"({"schema":"dyad.vectors/1","op":"add"})"), ":/op");
  EXPECT_EQ(refused_at(R"({"schema":"dyad.vectors/1","op":"requantize","rounding":"up"})"), ":/rounding");
  EXPECT_EQ(refused_at(R"({"schema":"dyad.vectors/1","op":"residual_add","rounding":"float32_scale","out_bits":8,"cases":[]})"),
            ":/rounding");
  EXPECT_EQ(refused_at(head + "[]}"), ":/cases");
  EXPECT_EQ(refused_at(head + R"([{"acc":[1],"multiplier":1,"shift":63,"expected":[1]}]})"), ":/cases/0/shift");
  EXPECT_EQ(refused_at(head + R"([{"acc":[1],"multiplier":-2147483648,"shift":1,"expected":[1]}]})"), ":/cases/0/multiplier");
  EXPECT_EQ(refused_at(head + R"([{"acc":[1,2],"multiplier":1,"shift":1,"expected":[1]}]})"), ":/cases/0/expected");
  EXPECT_EQ(refused_at(head + R"([{"acc":[1,2147483648],"multiplier":1,"shift":1,"expected":[1,1]}]})"), ":/cases/0/acc/1");
  EXPECT_EQ(refused_at(head + R"([{"acc":[1],"multiplier":1,"shift":1,"zero":1,"expected":[1]}]})"), ":/cases/0/zero");
  EXPECT_EQ(refused_at(head + R"([{"acc":[1],"multiplier":1,"shift":1,"expected":[1]}],"more":1})"), ":/more");
  EXPECT_EQ(refused_at(R"({"schema":"dyad.vectors/1","op":"requantize","rounding":"half_up","out_bits":32,"out_signed":false,"cases":[]})"),
            ":/out_bits");
  EXPECT_EQ(refused_at(R"({"schema":"dyad.vectors/1","op":"average_pool","rounding":"hawq","out_bits":8,"in_bits":25,"cases":[]})"),
            ":/in_bits");
  EXPECT_EQ(
      refused_at(
          R"({"schema":"dyad.vectors/1","op":"average_pool","rounding":"floor","out_bits":8,"cases":[{"values":[1,2],"count":1,"expected":1}]})"),
      ":/cases/0/count");
  EXPECT_EQ(refused_at(R"({"schema":"dyad.vectors/1","op":"concat","rounding":"floor","out_bits":8,"cases":[{"branches":[
    {"values":[1,2],"channels":1,"multiplier":1,"shift":1},{"values":[1],"channels":1,"multiplier":1,"shift":1}],"expected":[1,1,1]}]})"),
            ":/cases/0/branches/1");
}

VectorRequest request_for(VectorOp op, Rounding rounding) {
  VectorRequest request;
  request.op = op;
  request.rounding = rounding;
  request.cases = 2000;
  return request;
}

TEST(VectorGenerator, EveryImplementationAgreesAndOneWrongNumberIsFound) {
  for (const VectorOp op : {VectorOp::kRequantize, VectorOp::kResidualAdd})
    for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kFloor, Rounding::kGemmlowp}) {
      VectorFile file = *generate_vectors(request_for(op, rounding));
      auto checks = verified(file);
      EXPECT_TRUE(all_passed(checks)) << verification_text(checks);
      if (op == VectorOp::kRequantize)
        std::get<std::vector<RequantizeCase>>(file.cases)[1234].expected[0] ^= 1;
      else
        std::get<std::vector<ResidualCase>>(file.cases)[1234].expected[0] ^= 1;
      checks = verified(file);
      for (const CheckOutcome& each : checks) {
        EXPECT_EQ(each.mismatches, 1) << each.name;
        EXPECT_NE(each.first.find("/cases/1234/expected/0"), std::string::npos) << each.first;
      }
    }
  for (const AverageRounding rounding :
       {AverageRounding::kHawq, AverageRounding::kHalfUp, AverageRounding::kHalfAway, AverageRounding::kFloor}) {
    VectorRequest request = request_for(VectorOp::kAveragePool, Rounding::kHalfUp);
    request.average_rounding = rounding;
    const auto checks = verified(*generate_vectors(request));
    EXPECT_TRUE(all_passed(checks)) << verification_text(checks);
  }
}

TEST(VectorGenerator, AimsAtWhatItSays) {
  for (const int acc_bits : {12, 24, 32})
    for (const int multiplier_bits : {8, 16, 32})
      for (const int most_shift : {8, 31, 62}) {
        VectorRequest request = request_for(VectorOp::kRequantize, Rounding::kHalfEven);
        request.acc_bits = acc_bits;
        request.multiplier_bits = multiplier_bits;
        request.most_shift = most_shift;
        const VectorFile file = *generate_vectors(request);
        std::map<std::string, int> kinds;
        const BitWidth acc{acc_bits, true}, multiplier{multiplier_bits, true};
        for (const RequantizeCase& each : std::get<std::vector<RequantizeCase>>(file.cases)) {
          ++kinds[each.kind];
          ASSERT_EQ(acc.clamp(each.acc[0]), each.acc[0]);
          ASSERT_LT(multiplier.lowest(), each.ratio.multiplier);
          ASSERT_GE(multiplier.highest(), each.ratio.multiplier);
          ASSERT_LE(each.ratio.shift, most_shift);
          const std::int64_t product = std::int64_t{each.acc[0]} * each.ratio.multiplier;
          const std::int64_t unit = std::int64_t{1} << each.ratio.shift, remainder = ((product % unit) + unit) % unit;
          if (each.kind == "tie") {
            ASSERT_EQ(remainder, unit / 2);
          } else if (each.kind == "beside a tie") {
            ASSERT_EQ(std::abs(remainder - unit / 2), 1);
          }
        }
        EXPECT_EQ(kinds["tie"], 600) << acc_bits << " " << multiplier_bits << " " << most_shift;
        EXPECT_EQ(kinds["beside a tie"], 300);
        EXPECT_EQ(kinds["saturation edge"], 400);
        EXPECT_EQ(kinds["extreme"], 400);
        EXPECT_EQ(kinds["usual"], 300);
      }
}

// The vectors tell the roundings apart: each pair differs somewhere, and both bounds are met.
TEST(VectorGenerator, SeparatesTheRoundings) {
  const VectorFile file = *generate_vectors(request_for(VectorOp::kRequantize, Rounding::kHalfUp));
  const auto& cases = std::get<std::vector<RequantizeCase>>(file.cases);
  for (const Rounding other : {Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kFloor}) {
    int different = 0;
    for (const RequantizeCase& each : cases)
      different += requantize(each.acc[0], each.ratio, other, each.zero_point, file.out) != each.expected[0];
    EXPECT_GT(different, 100) << to_string(other);
  }
  std::map<std::int64_t, int> results;
  for (const RequantizeCase& each : cases) ++results[each.expected[0]];
  for (const std::int64_t value : {-128, -127, 126, 127}) EXPECT_GT(results[value], 20) << value;
}

TEST(VectorGenerator, TheSameSeedGivesTheSameText) {
  VectorRequest request = request_for(VectorOp::kAveragePool, Rounding::kHalfUp);
  const std::string text = to_text(vectors_document(*generate_vectors(request)));
  EXPECT_EQ(text, to_text(vectors_document(*generate_vectors(request))));
  request.seed = 2;
  EXPECT_NE(text, to_text(vectors_document(*generate_vectors(request))));
}

TEST(VectorGenerator, RefusesWhatNoModuleHolds) {
  VectorRequest request;
  request.out = {32, false};
  EXPECT_EQ(generate_vectors(request).error().place, "--out-bits");
  request = {};
  request.acc_bits = 33;
  EXPECT_EQ(generate_vectors(request).error().place, "--acc-bits");
  request = {};
  request.rounding = Rounding::kFloat32Scale;
  EXPECT_EQ(generate_vectors(request).error().place, "--rounding");
  request = {};
  request.op = VectorOp::kConcat;
  EXPECT_EQ(generate_vectors(request).error().place, "--op");
}

TEST(VectorBench, FilesHoldOneLineABeatAndTheModuleIsNamed) {
  VectorRequest request = request_for(VectorOp::kRequantize, Rounding::kHalfUp);
  request.cases = 3;
  BenchModule module;
  module.name = "mine";
  module.parameters = {"Mode=2"};
  module.ports = {{"acc", "sum"}, {"out_ready", "-"}, {"rst", "reset"}};
  const auto files = *vector_bench(*generate_vectors(request), module);
  const std::string& bench = files.at("mine_tb.sv");
  for (const char* text : {"mine #(.Mode(2)) u_dut (", ".sum(acc)", ".reset(!rst_n)", "localparam Beats   = 3;"})
    EXPECT_NE(bench.find(text), std::string::npos) << text;
  for (const char* text : {"rst_ni", "out_ready_i", "@MODULE@"}) EXPECT_EQ(bench.find(text), std::string::npos) << text;
  const std::string& stimulus = files.at("mine_stimulus.memh");
  EXPECT_EQ(stimulus.size(), 3u * (6 * 8 + 1));
  EXPECT_EQ(stimulus.substr(0, 16), "0000007fffffff80");  // highest, lowest of 8 bits
  EXPECT_EQ(files.at("mine_expected.memh").size(), 3u * 9);
}

TEST(VectorBench, RefusesNamesThatAreNone) {
  const VectorFile vectors = *generate_vectors(request_for(VectorOp::kRequantize, Rounding::kHalfUp));
  const auto place = [&](const BenchModule& module) { return vector_bench(vectors, module).error().place; };
  EXPECT_EQ(place({"a b", {}, {}}), "--module");
  EXPECT_EQ(place({"a", {{"sum", "x"}}, {}}), "--port");
  EXPECT_EQ(place({"a", {{"acc", "x;"}}, {}}), "--port");
  EXPECT_EQ(place({"a", {{"clk", "-"}}, {}}), "--port");
  EXPECT_EQ(place({"a", {}, {"Rounding"}}), "--parameter");
  EXPECT_EQ(place({"a", {}, {}, 32, 32, 7}), "--out-port-bits");
}

}  // namespace
}  // namespace dyad::workflow
