#include "mutants.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <system_error>

#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"

namespace dyad::tools {
namespace {

struct Registered {
  std::map<std::string, std::string_view (*)()> modules;
  std::map<std::string, std::vector<MutantSet>> sets;
};
Registered& registered() {
  static Registered all;
  return all;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

cosim::Check checked(const MutantSet& set, const cosim::CheckOptions& options) {
  cosim::Check check;
  try {
    check = set.run(options);
  } catch (const std::exception& failure) {  // a failed assertion, a core that stands still
    check.mismatch(failure.what());
  }
  return check;
}

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

struct Child {
  pid_t process = -1;
  int pipe = -1;
  std::size_t index = 0;
  std::string text;
};

Child start(std::size_t index, const std::function<std::string(std::size_t)>& work) {
  int ends[2];
  if (::pipe(ends) != 0) fail("pipe");
  const pid_t process = ::fork();
  if (process < 0) fail("fork");
  if (process > 0) {
    ::close(ends[1]);
    return {process, ends[0], index, ""};
  }
  ::close(ends[0]);
  const std::string text = work(index);
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t count = ::write(ends[1], text.data() + sent, text.size() - sent);
    if (count < 0 && errno != EINTR) ::_exit(1);
    sent += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  }
  ::_exit(0);  // without the parent's static objects being destroyed twice
}

}  // namespace

RegisterModule::RegisterModule(const char* module, std::string_view (*json)()) { registered().modules[module] = json; }
RegisterSet::RegisterSet(const char* module, const char* set, std::int64_t cases,
                         std::function<cosim::Check(const cosim::CheckOptions&)> run) {
  registered().sets[module].push_back({set, cases, std::move(run)});
}

std::map<std::string, MutatedModule> mutated_modules() {
  std::map<std::string, MutatedModule> modules;
  for (const auto& [name, json] : registered().modules) {
    const OrderedJson document = OrderedJson::parse(json());
    MutatedModule& module = modules[name];
    for (const OrderedJson& record : document.at("mutants")) module.mutants.push_back({name, record.at("id").get<int>(), record.dump()});
    for (const OrderedJson& other : document.at("left_out")) module.left_out.push_back(other.dump());
    module.sets = registered().sets[name];
    std::sort(module.sets.begin(), module.sets.end(), [](const MutantSet& a, const MutantSet& b) { return a.name < b.name; });
  }
  return modules;
}

Verdict run_mutant(const std::vector<MutantSet>& sets, int id) {
  constexpr int kRounds = 4;  // of other stimuli; each starts with other bits in the flops, so that a reset left out shows
  for (int round = 0; round < kRounds; ++round) {
    for (const MutantSet& set : sets) {
      const cosim::Check check = checked(set, {static_cast<std::uint64_t>(1 + round), set.cases, id});
      if (check.mismatches > 0) return {true, set.name, check.first, cpu_seconds()};
      DYAD_EXPECT(check.cases >= set.cases, "a check stopped early without a mismatch");
    }
  }
  return {false, "", "", cpu_seconds()};
}

void limit_cpu(int seconds) {
  const rlimit limit{static_cast<rlim_t>(seconds), static_cast<rlim_t>(seconds)};
  ::setrlimit(RLIMIT_CPU, &limit);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

void in_processes(std::size_t count, int jobs, const std::function<std::string(std::size_t)>& work,
                  const std::function<void(std::size_t, const std::string&, int)>& done) {
  std::vector<Child> children;
  std::size_t next = 0;
  while (next < count || !children.empty()) {
    while (next < count && children.size() < static_cast<std::size_t>(jobs)) children.push_back(start(next++, work));
    std::vector<pollfd> waiting;
    for (const Child& child : children) waiting.push_back({child.pipe, POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) fail("poll");
    for (std::size_t i = children.size(); i-- > 0;) {
      if (waiting[i].revents == 0) continue;
      char bytes[4096];
      const ssize_t got = ::read(children[i].pipe, bytes, sizeof bytes);
      if (got > 0) {
        children[i].text.append(bytes, static_cast<std::size_t>(got));
        continue;
      }
      int status = 0;
      ::close(children[i].pipe);
      ::waitpid(children[i].process, &status, 0);
      const Child finished = std::move(children[i]);
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
      done(finished.index, finished.text, status);
    }
  }
}

}  // namespace dyad::tools
