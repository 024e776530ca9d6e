// `dyad verify mutants` around a stand-in for rtl_mutants, so that every verdict can be had.
#include "dyad/workflow/verify_mutants.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace dyad::workflow {
namespace {
namespace fs = std::filesystem;

/// A folder of RTL with one module, and a program that claims what the test says about its mutants.
class VerifyMutants : public testing::Test {
 protected:
  VerifyMutants() : folder_(fs::temp_directory_path() / ("dyad-verify-mutants-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_ / "mutation");
    fs::create_directories(folder_ / "formal");
    write("sample.sv", kSource);
    equivalent("");
  }
  ~VerifyMutants() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }
  void equivalent(const std::string& entries) {
    write("mutation/equivalent.json", R"({"schema":"dyad.equivalent_mutants/1","mutants":[)" + entries + "]}");
  }
  /// The stand-in: two mutants; `fate1` and `fate2` are what it says of them, `original` whether the module itself fails.
  void program(bool killed1, bool killed2, bool original_fails = false) {
    const std::string mutant1 =
        R"("module":"sample","id":1,"file":"sample.sv","line":2,"kind":"operator","before":"assign c_o = a_i + b_i;","after":"assign c_o = a_i - b_i;","occurrence":1,"start":75,"end":76,"text":"-")";
    const std::string mutant2 =
        R"("module":"sample","id":2,"file":"sample.sv","line":3,"kind":"constant","before":"// 0","after":"// 1","occurrence":1,"start":87,"end":88,"text":"1")";
    const auto verdict = [](bool killed) {
      return std::string(killed ? R"(,"killed":true,"reason":"cycle 3")" : R"(,"killed":false,"reason":"")");
    };
    write("list.jsonl", "{" + mutant1 + "}\n{" + mutant2 + "}\n");
    write("run.jsonl", R"({"module":"sample","id":0)" + verdict(original_fails) + "}\n{" + mutant2 + verdict(killed2) + "}\n{" + mutant1 +
                           verdict(killed1) + "}\n");
    const fs::path file = folder_ / "rtl_mutants";
    std::ofstream(file) << "#!/bin/sh\nname=run\nfor word; do [ \"$word\" = --list ] && name=list; done\n"
                        << "cp " << folder_.string() << "/$name.jsonl \"$2\"\n";
    fs::permissions(file, fs::perms::owner_all);
    ::setenv("DYAD_RTL_MUTANTS", file.c_str(), 1);
  }
  Result<std::vector<MutantReport>> verified(std::int64_t sample = 0) {
    SilentProgress progress;
    MutantsRequest request;
    request.rtl = folder_;
    request.sample = sample;
    return verify_mutants(request, progress);
  }
  std::string place() const { return (folder_ / "mutation" / "equivalent.json").string(); }

  static constexpr const char* kSource =
      "module sample (input logic a_i, b_i, output logic c_o);\n  assign c_o = a_i + b_i;\n  // 0\nendmodule\n";
  static constexpr const char* kEntry1 =
      R"({"module":"sample","before":"assign c_o = a_i + b_i;","after":"assign c_o = a_i - b_i;","argument":"modulo two a sum is a difference"})";
  fs::path folder_;
};

TEST_F(VerifyMutants, TheStandInNamesTheRightBytes) {
  const std::string text = kSource;
  EXPECT_EQ(text.find(" + ") + 1, 75u);
  EXPECT_EQ(text.find("// 0") + 3, 87u);
}

TEST_F(VerifyMutants, CountsWhatSimulationKills) {
  program(true, true);
  const auto mutants = verified();
  ASSERT_TRUE(mutants) << mutants.error().message;
  ASSERT_EQ(mutants->size(), 2u);
  EXPECT_EQ((*mutants)[0].id, 1);
  EXPECT_EQ((*mutants)[0].fate, Fate::kKilledBySimulation);
  EXPECT_EQ((*mutants)[0].reason, "cycle 3");
  const OrderedJson document = mutants_document({}, *mutants);
  EXPECT_EQ(document["mutants"]["total"], 2);
  EXPECT_EQ(document["mutants"]["killed"], 2);
  EXPECT_TRUE(document["mutants"]["survivors"].empty());
  EXPECT_EQ(document["checks"][0], OrderedJson({{"name", "mutants/sample"}, {"cases", 2}, {"mismatches", 0}}));
  const OrderedJson& module = document["mutants"]["modules"][0];
  EXPECT_EQ(module["name"], "sample");
  EXPECT_EQ(module["killed_by_simulation"], 2);
  EXPECT_EQ(module["survivors"], 0);
}

TEST_F(VerifyMutants, ListsSurvivors) {
  program(false, true);
  const auto mutants = verified();
  ASSERT_TRUE(mutants) << mutants.error().message;
  EXPECT_EQ((*mutants)[0].fate, Fate::kSurvived);
  const OrderedJson document = mutants_document({}, *mutants);
  ASSERT_EQ(document["mutants"]["survivors"].size(), 1u);
  EXPECT_EQ(document["mutants"]["survivors"][0]["before"], "assign c_o = a_i + b_i;");
  EXPECT_EQ(document["mutants"]["survivors"][0]["file"], "rtl/sample.sv");
  EXPECT_EQ(document["checks"][0]["mismatches"], 1);
  EXPECT_NE(mutants_text(*mutants).find("rtl/sample.sv:2: operator"), std::string::npos);
}

TEST_F(VerifyMutants, AnArguedSurvivorIsEquivalent) {
  program(false, true);
  equivalent(kEntry1);
  for (const std::int64_t sample : {0, 2}) {
    const auto mutants = verified(sample);
    ASSERT_TRUE(mutants) << mutants.error().message;
    EXPECT_EQ((*mutants)[0].fate, Fate::kEquivalent);
    EXPECT_EQ((*mutants)[0].reason, "modulo two a sum is a difference");
    const OrderedJson document = mutants_document({}, *mutants);
    EXPECT_EQ(document["mutants"]["killed"], 1);
    EXPECT_EQ(document["mutants"]["equivalent"][0]["argument"], "modulo two a sum is a difference");
    EXPECT_TRUE(document["mutants"]["survivors"].empty());
  }
}

TEST_F(VerifyMutants, AKilledMutantIsNotEquivalent) {
  program(true, true);
  equivalent(kEntry1);
  const auto mutants = verified();
  ASSERT_FALSE(mutants);
  EXPECT_EQ(mutants.error().place, place() + ":/mutants/0");
  EXPECT_NE(mutants.error().message.find("killed by simulation"), std::string::npos);
}

TEST_F(VerifyMutants, AnEntryMustNameAMutant) {
  program(true, true);
  equivalent(
      R"({"module":"sample","before":"assign c_o = a_i + b_i;","after":"assign c_o = a_i * b_i;","argument":"this is no mutant of the module"})");
  const auto mutants = verified();
  ASSERT_FALSE(mutants);
  EXPECT_EQ(mutants.error().place, place() + ":/mutants/0");
  equivalent(
      R"({"module":"sample","before":"assign c_o = a_i + b_i;","after":"assign c_o = a_i - b_i;","occurrence":2,"argument":"the second such line"})");
  EXPECT_FALSE(verified());
}

TEST_F(VerifyMutants, AnEntryMustNameAModuleButItNeedNotBeBuilt) {
  program(true, true);
  const std::string entry = R"({"module":"other","before":"x","after":"y","argument":"long enough to be an argument"})";
  equivalent(entry);
  EXPECT_FALSE(verified());
  write("other.sv", "module other;\nendmodule\n");
  EXPECT_TRUE(verified());
}

TEST_F(VerifyMutants, AnEntryMustArgue) {
  program(false, true);
  equivalent(R"({"module":"sample","before":"assign c_o = a_i + b_i;","after":"assign c_o = a_i - b_i;","argument":"ok"})");
  EXPECT_FALSE(verified());
  equivalent(R"({"module":"sample","before":"x","after":"y","argument":"long enough to be an argument","why":"unknown key"})");
  const auto mutants = verified();
  ASSERT_FALSE(mutants);
  EXPECT_EQ(mutants.error().place, place() + ":/mutants/0/why");
}

TEST_F(VerifyMutants, AModuleThatFailsItselfIsAnError) {
  program(true, true, true);
  const auto mutants = verified();
  ASSERT_FALSE(mutants);
  EXPECT_EQ(mutants.error().place, "sample");
}

TEST_F(VerifyMutants, OldMutantsOfAChangedSourceAreAnError) {
  program(false, true);
  write("sample.sv", std::string("// a line more\n") + kSource);
  const auto mutants = verified();
  ASSERT_FALSE(mutants);
  EXPECT_NE(mutants.error().message.find("another version"), std::string::npos) << mutants.error().message;
}

TEST_F(VerifyMutants, AMissingProgramIsAnErrorThatSaysHowToGetIt) {
  ::setenv("DYAD_RTL_MUTANTS", "/nowhere/rtl_mutants", 1);
  const auto mutants = verified();
  ASSERT_FALSE(mutants);
  EXPECT_NE(mutants.error().hint.find("DYAD_BUILD_TESTS"), std::string::npos);
}

}  // namespace
}  // namespace dyad::workflow
