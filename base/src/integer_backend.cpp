#include "dyad/base/integer_backend.hpp"

#include <map>

namespace dyad {
namespace {

std::map<std::string, IntegerBackendFactory, std::less<>>& registry() {
  static std::map<std::string, IntegerBackendFactory, std::less<>> backends;
  return backends;
}

}  // namespace

void register_integer_backend(std::string name, IntegerBackendFactory factory) {
  const bool inserted = registry().emplace(std::move(name), std::move(factory)).second;
  DYAD_EXPECT(inserted, "an integer backend was registered twice");
}

std::vector<std::string> integer_backend_names() {
  std::vector<std::string> names;
  for (const auto& [name, factory] : registry()) names.push_back(name);
  return names;
}

Result<std::unique_ptr<IntegerBackend>> make_integer_backend(std::string_view name) {
  const auto found = registry().find(name);
  if (found != registry().end()) return found->second();
  std::string known;
  for (const std::string& each : integer_backend_names()) known += (known.empty() ? "" : ", ") + each;
  return Error{"--backend", "there is no backend '" + std::string(name) + "' in this build", "one of: " + known};
}

}  // namespace dyad
