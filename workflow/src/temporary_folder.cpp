#include "temporary_folder.hpp"

#include <cstdlib>

namespace dyad::workflow {
namespace fs = std::filesystem;

Result<std::unique_ptr<TemporaryFolder>> TemporaryFolder::make(const std::string& name) {
  std::error_code fault;
  std::string pattern = (fs::temp_directory_path(fault) / (name + "-XXXXXX")).string();
  if (fault || !mkdtemp(pattern.data()))
    return Error{pattern, "no temporary folder can be made", "is the disk full? TMPDIR names another folder"};
  return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(pattern));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace dyad::workflow
