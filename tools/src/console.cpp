#include "console.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace dyad::tools {
namespace {

volatile sig_atomic_t stop_requests = 0;

void on_signal(int signal_number) {
  stop_requests = stop_requests + 1;
  if (stop_requests > 1) _exit(128 + signal_number);
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return stop_requests > 0; }

TerminalProgress::TerminalProgress() : terminal_(isatty(STDERR_FILENO) != 0), stage_start_(Clock::now()), last_shown_(stage_start_) {}

TerminalProgress::~TerminalProgress() { clear_line(); }

void TerminalProgress::clear_line() {
  if (line_shown_) std::fputs("\r\033[K", stderr);
  line_shown_ = false;
}

void TerminalProgress::stage(std::string_view name) {
  stage_ = name;
  note_.clear();
  stage_start_ = Clock::now();
  update(0, 0);
}

void TerminalProgress::update(std::int64_t done, std::int64_t total) {
  const auto now = Clock::now();
  if (!terminal_ || (done > 0 && done < total && now - last_shown_ < std::chrono::milliseconds(100))) return;
  last_shown_ = now;
  std::string line = stage_;
  if (total > 0) {
    constexpr int kWidth = 30;
    const double part = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
    const int filled = static_cast<int>(part * kWidth);
    line = fmt::format("{:<28} [{}{}] {}/{}", stage_, std::string(static_cast<std::size_t>(filled), '#'),
                       std::string(static_cast<std::size_t>(kWidth - filled), '.'), done, total);
    const double elapsed = std::chrono::duration<double>(now - stage_start_).count();
    if (!note_.empty()) {
      line += "  " + note_;
    } else if (part > 0.02 && part < 1) {
      line += fmt::format("  {} left", clock_text(elapsed / part - elapsed));
    }
  }
  std::fputs(("\r\033[K" + line).c_str(), stderr);
  std::fflush(stderr);
  line_shown_ = true;
}

}  // namespace dyad::tools
