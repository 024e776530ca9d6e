/// \file Progress on a terminal, and Ctrl-C.
#pragma once

#include <chrono>
#include <string>

#include "dyad/workflow/progress.hpp"

namespace dyad::tools {

/// Makes Ctrl-C and SIGTERM a request to stop cleanly; a second one ends the program at once.
void catch_interrupts();
bool interrupted();

/// A bar with time left on stderr when it is a terminal, nothing when it is piped.
class TerminalProgress : public workflow::Progress {
 public:
  TerminalProgress();
  ~TerminalProgress() override;
  void stage(std::string_view name) override;
  void update(std::int64_t done, std::int64_t total) override;
  /// Text behind the bar from the next update on, until the next stage.
  void stage_note(std::string text) { note_ = std::move(text); }
  bool cancelled() const override { return interrupted(); }

 private:
  using Clock = std::chrono::steady_clock;
  void clear_line();
  bool terminal_;
  bool line_shown_ = false;
  std::string stage_, note_;
  Clock::time_point stage_start_, last_shown_;
};

}  // namespace dyad::tools
