#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>

extern char** environ;

namespace dyad::workflow {
namespace {

constexpr int kPollMs = 50;

/// The settings of posix_spawn, released at the end of the scope.
struct SpawnSettings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

/// The words, behind a shell that sets the limit, since posix_spawn can't.
std::vector<std::string> limited_words(const Command& command) {
  if (command.cpu_limit_s == 0) return command.words;
  std::vector<std::string> words{"/bin/sh", "-c", "ulimit -t \"$1\" && shift && exec \"$@\"", "sh", std::to_string(command.cpu_limit_s)};
  words.insert(words.end(), command.words.begin(), command.words.end());
  return words;
}

Result<pid_t> spawn(const Command& command, int output) {
  SpawnSettings settings;
  posix_spawn_file_actions_addopen(&settings.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&settings.actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&settings.actions, output, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&settings.actions, command.folder.c_str());
  // A group of its own: Ctrl-C reaches only us, and what the command starts can be ended with it.
  posix_spawnattr_setpgroup(&settings.attributes, 0);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&defaults, number);
  posix_spawnattr_setsigmask(&settings.attributes, &none);
  posix_spawnattr_setsigdefault(&settings.attributes, &defaults);
  posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> words = limited_words(command);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  if (const int fault = posix_spawnp(&child, pointers.front(), &settings.actions, &settings.attributes, pointers.data(), environ))
    return Error{command.words.front(), std::string("cannot be started: ") + std::strerror(fault), "is it installed?"};
  return child;
}

/// Everything that comes through the pipe until all writers are gone, the process has ended, or the caller has cancelled.
/// True when cancelled.
bool collect(int pipe, const Command& command, std::string& output) {
  std::array<char, 65536> buffer;
  for (;;) {
    if (command.cancelled && command.cancelled()) return true;
    pollfd watched{pipe, POLLIN, 0};
    const int ready = poll(&watched, 1, kPollMs);
    if (ready <= 0) continue;  // a time-out, or a signal of ours
    const ssize_t count = read(pipe, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    output.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

/// Waits for the process, or for all of a group (negative); the user and system seconds that they took.
double reap(pid_t who, int* status) {
  double cpu_s = 0;
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6; };
  for (;;) {
    rusage usage{};
    const pid_t ended = wait4(who, status, 0, &usage);
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) return cpu_s;  // none is left
    cpu_s += seconds(usage.ru_utime) + seconds(usage.ru_stime);
    if (who > 0) return cpu_s;
  }
}

}  // namespace

Result<CommandResult> run_command(const Command& command) {
  DYAD_EXPECT(!command.words.empty(), "a command without a program");
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // what a command leaves behind becomes ours to wait for
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return Error{command.words.front(), std::string("no pipe: ") + std::strerror(errno), "too many open files?"};
  const Result<pid_t> child = spawn(command, ends[1]);
  close(ends[1]);
  if (!child) {
    close(ends[0]);
    return child.error();
  }
  CommandResult result;
  result.cancelled = collect(ends[0], command, result.output);
  close(ends[0]);
  if (result.cancelled) kill(-*child, SIGKILL);
  int status = 0;
  result.cpu_s = reap(*child, &status);
  // A solver that its limit ended may be left behind by the script that started it: its time counts, and says why there is no answer.
  kill(-*child, SIGKILL);
  result.cpu_s += reap(-*child, nullptr);
  result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

Result<void> require_program(const std::string& name, const std::string& debian_package) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (access(((folder.empty() ? "." : folder) + "/" + name).c_str(), X_OK) == 0) return {};
  return Error{name, "this program is not on the PATH", "install Debian's package " + debian_package};
}

}  // namespace dyad::workflow
