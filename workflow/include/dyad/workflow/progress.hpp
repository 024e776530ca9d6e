/// \file How long work tells where it stands and learns that it should stop.
#pragma once

#include <cstdint>
#include <string>

namespace dyad::workflow {

/// Called from one thread at a time.
class Progress {
 public:
  virtual ~Progress() = default;
  /// A new stage begins, named for people.
  virtual void stage(const std::string& name) = 0;
  /// `done` of `total` steps of the stage.
  virtual void update(std::int64_t done, std::int64_t total) = 0;
  /// True once the user asked to stop.
  virtual bool cancelled() const = 0;
};

}  // namespace dyad::workflow
