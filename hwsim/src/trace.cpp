#include "dyad/hwsim/trace.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"

namespace dyad::hwsim {
namespace {

int position_of(std::vector<std::string>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<int>(found - names.begin());
  names.emplace_back(name);
  return static_cast<int>(names.size()) - 1;
}

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

}  // namespace

int Trace::track(std::string_view name) { return position_of(tracks_, name); }
int Trace::intern(std::string_view name) { return position_of(names_, name); }

void Trace::slice(int track, std::string_view name, std::int64_t begin, std::int64_t end) {
  DYAD_EXPECT(track >= 0 && track < static_cast<int>(tracks_.size()) && begin <= end, "impossible slice");
  slices_.push_back({track, intern(name), origin_ + begin, origin_ + end});
}

std::string Trace::to_json() const {
  std::string text = "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"time\":\"1 us is 1 cycle\"},\"traceEvents\":[\n";
  std::string separator;
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    text += separator + "{\"ph\":\"M\",\"pid\":1,\"tid\":" + std::to_string(i + 1) +
            ",\"name\":\"thread_name\",\"args\":{\"name\":" + quoted(tracks_[i]) + "}}";
    separator = ",\n";
  }
  for (const Slice& slice : slices_) {
    text += separator + "{\"ph\":\"X\",\"pid\":1,\"tid\":" + std::to_string(slice.track + 1) + ",\"ts\":" + std::to_string(slice.begin) +
            ",\"dur\":" + std::to_string(slice.end - slice.begin) + ",\"name\":" + quoted(names_[static_cast<std::size_t>(slice.name)]) +
            "}";
    separator = ",\n";
  }
  return text + "\n]}\n";
}

Result<void> Trace::write(const std::filesystem::path& file) const { return write_text(file, to_json()); }

}  // namespace dyad::hwsim
