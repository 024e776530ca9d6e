/// \file Reference vectors as JSON: every case of every file with a prefix, numbers as exact float32 or integers.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/test_data.hpp"

namespace dyad::testing_support {

/// One case and where it is, for messages.
struct VectorCase {
  nlohmann::json json;
  std::string where;

  bool has(const std::string& key) const { return json.contains(key); }
  int integer(const std::string& key) const { return json.at(key).get<int>(); }
  std::string text(const std::string& key) const { return json.at(key).get<std::string>(); }
  /// Float32 numbers printed as the shortest double that is exactly them.
  std::vector<float> floats(const std::string& key) const { return json.at(key).get<std::vector<float>>(); }
  float one_float(const std::string& key) const { return floats(key).at(0); }
  std::vector<double> doubles(const std::string& key) const { return json.at(key).get<std::vector<double>>(); }
  std::vector<std::int64_t> integers(const std::string& key) const { return json.at(key).get<std::vector<std::int64_t>>(); }
};

/// All cases of all files `<prefix>*.json`: the elements of "cases", or the document itself where it has none.
/// A file whose "cases" are empty fails the running test.
inline std::vector<VectorCase> vector_cases(const std::string& prefix) {
  std::vector<VectorCase> cases;
  for (const std::filesystem::path& file : vector_files(prefix)) {
    std::ifstream stream(file);
    nlohmann::json document = nlohmann::json::parse(stream);
    const std::string name = file.filename().string();
    if (!document.contains("cases")) {
      cases.push_back({std::move(document), name});
      continue;
    }
    EXPECT_FALSE(document.at("cases").empty()) << name << " holds no case";
    for (std::size_t i = 0; i < document.at("cases").size(); ++i) {
      nlohmann::json& element = document.at("cases")[i];
      const std::string label = element.is_object() && element.contains("name") ? " " + element.at("name").get<std::string>() : "";
      cases.push_back({std::move(element), name + " case " + std::to_string(i) + label});
    }
  }
  return cases;
}

}  // namespace dyad::testing_support

/// Skips the running test when no vector file with this prefix exists.
#define DYAD_NEEDS_VECTORS(prefix) \
  if (::dyad::testing_support::vector_files(prefix).empty()) GTEST_SKIP() << "needs " << (prefix) << "*.json under DYAD_VECTORS"
