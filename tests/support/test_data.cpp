#include "support/test_data.hpp"

#include <algorithm>
#include <cstdlib>

namespace dyad::testing_support {
namespace fs = std::filesystem;

std::optional<fs::path> data_folder() {
  if (const char* folder = std::getenv("DYAD_DATA"); folder && *folder) return fs::path(folder);
  const fs::path beside = fs::path(DYAD_SOURCE_DIR).parent_path() / "shared" / "data";
  if (fs::is_directory(beside)) return beside;
  return std::nullopt;
}

std::optional<fs::path> vectors_folder() {
  if (const char* folder = std::getenv("DYAD_VECTORS"); folder && *folder) return fs::path(folder);
  const auto data = data_folder();
  if (data && fs::is_directory(data->parent_path() / "vectors")) return data->parent_path() / "vectors";
  return std::nullopt;
}

std::vector<fs::path> vector_files(const std::string& prefix) {
  std::vector<fs::path> files;
  if (const auto folder = vectors_folder())
    for (const auto& entry : fs::directory_iterator(*folder))
      if (entry.path().filename().string().rfind(prefix, 0) == 0 && entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "dyad-test-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace dyad::testing_support
