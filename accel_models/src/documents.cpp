#include <filesystem>

#include "dyad/base/files.hpp"
#include "embedded.hpp"

namespace dyad::accel_models {

Result<Document> find_document(const std::vector<NamedText>& built_in, const std::string& name_or_file, const std::string& what) {
  std::string names;
  for (const auto& [name, text] : built_in) {
    if (name == name_or_file) return Document{std::string(text), name_or_file + ".json"};
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  if (!std::filesystem::exists(name_or_file))
    return Error{name_or_file, "no " + what + " of that name, and no such file", "known names: " + names};
  DYAD_TRY(std::string text, read_text(name_or_file));
  return Document{std::move(text), name_or_file};
}

std::string beside(const std::string& place, const std::string& name) {
  const std::filesystem::path file = std::filesystem::path(place).parent_path() / name;
  return std::filesystem::is_regular_file(file) ? file.string() : name;
}

}  // namespace dyad::accel_models
