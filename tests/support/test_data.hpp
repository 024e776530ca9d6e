/// \file Where tests find real data and reference vectors; a test that needs what is absent skips.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dyad::testing_support {

/// $DYAD_DATA, else ../shared/data beside the source tree when it exists.
std::optional<std::filesystem::path> data_folder();
/// $DYAD_VECTORS, else ../vectors beside the data folder.
std::optional<std::filesystem::path> vectors_folder();
/// Vector files whose name starts with `prefix`, sorted.
std::vector<std::filesystem::path> vector_files(const std::string& prefix);
/// A fresh folder that is removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace dyad::testing_support

/// Skips the running test when the data file or folder (relative to the data folder) is absent.
#define DYAD_NEEDS_DATA(relative)                                                                                                     \
  if (const auto dyad_data = ::dyad::testing_support::data_folder(); !dyad_data || !std::filesystem::exists(*dyad_data / (relative))) \
  GTEST_SKIP() << "needs " << (relative) << " under DYAD_DATA"
