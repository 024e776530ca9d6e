/// \file How long work tells its caller where it is, and hears that it should stop.
#pragma once

#include <cstdint>
#include <string_view>

namespace dyad::workflow {

/// The tools draw bars and set the flag on Ctrl-C; libraries only call. All calls come from one thread at a time.
class Progress {
 public:
  virtual ~Progress() = default;
  /// A new stage begins ("calibrate", "sensitivity", ...); it ends where the next begins.
  virtual void stage(std::string_view name) = 0;
  /// `done` of `total` units of the stage, done <= total.
  virtual void update(std::int64_t done, std::int64_t total) = 0;
  /// True when the caller wants no more; asked between units of work.
  virtual bool cancelled() const = 0;
};

/// Says nothing and never stops.
class SilentProgress final : public Progress {
 public:
  void stage(std::string_view) override {}
  void update(std::int64_t, std::int64_t) override {}
  bool cancelled() const override { return false; }
};

}  // namespace dyad::workflow
