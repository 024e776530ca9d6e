/// \file A folder of its own for a piece of work, removed with all that is in it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "dyad/base/result.hpp"

namespace dyad::workflow {

class TemporaryFolder {
 public:
  /// Below the system's folder for temporary files (TMPDIR); its name begins with `name`.
  static Result<std::unique_ptr<TemporaryFolder>> make(const std::string& name);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace dyad::workflow
