/// \file A trace of what each stage did when, in the JSON event format that Perfetto and chrome://tracing open.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad::hwsim {

/// One track a stage or buffer. Times are cycles; the viewer shows a cycle as a microsecond.
/// Source of the format: "Trace Event Format", Chromium project.
class Trace {
 public:
  /// The track of that name, made when it is new.
  int track(std::string_view name);
  /// Something that took [begin, end) on a track; begin <= end, counted from the present origin.
  void slice(int track, std::string_view name, std::int64_t begin, std::int64_t end);
  /// Later slices count from `cycle` on: simulations one after another in a trace.
  void set_origin(std::int64_t cycle) { origin_ = cycle; }
  std::int64_t origin() const { return origin_; }
  std::size_t slices() const { return slices_.size(); }
  /// The same calls give the same bytes.
  std::string to_json() const;
  Result<void> write(const std::filesystem::path& file) const;

 private:
  struct Slice {
    int track;
    int name;
    std::int64_t begin, end;
  };
  int intern(std::string_view name);
  std::vector<std::string> tracks_, names_;
  std::vector<Slice> slices_;
  std::int64_t origin_ = 0;
};

}  // namespace dyad::hwsim
