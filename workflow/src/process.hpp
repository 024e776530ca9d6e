/// \file A child process with a CPU limit and its output, stopped when the caller wants no more.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad::workflow {

struct Command {
  std::vector<std::string> words;   ///< program, found on the PATH, and its arguments
  std::filesystem::path folder;     ///< where it runs
  int cpu_limit_s = 0;              ///< of each process that it starts; 0: none
  std::function<bool()> cancelled;  ///< asked every 50 ms; true ends the command
};

struct CommandResult {
  int exit_status = 0;  ///< 128 + signal when a signal ended it
  bool cancelled = false;
  double cpu_s = 0;    ///< user and system time of it and of all that it started
  std::string output;  ///< stdout and stderr as they came

  /// Whether the CPU limit was used up.
  // The kernel counts by ticks when it enforces the limit, so that the time that it reports may be some of them less.
  bool out_of_time(const Command& command) const { return command.cpu_limit_s > 0 && cpu_s >= 0.8 * command.cpu_limit_s; }
};

/// Runs it to its end; whatever it has started and left behind is ended too. An Error when it can't be started.
Result<CommandResult> run_command(const Command& command);

/// An Error that names Debian's package, when no program of that name is on the PATH.
Result<void> require_program(const std::string& name, const std::string& debian_package);

}  // namespace dyad::workflow
