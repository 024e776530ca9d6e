#include "dyad/base/parallel.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace dyad {
namespace {

std::atomic<int> requested_threads{0};
thread_local bool inside_parallel = false;

int default_threads() {
  if (const char* text = std::getenv("DYAD_THREADS")) {
    const int count = std::atoi(text);
    if (count >= 1) return count;
  }
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

int thread_count() {
  const int requested = requested_threads.load();
  return requested > 0 ? requested : default_threads();
}

void set_thread_count(int count) { requested_threads = count; }

void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  const auto workers = static_cast<int>(std::min<std::int64_t>(count, thread_count()));
  if (workers <= 1 || inside_parallel) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::atomic<std::int64_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&] {
    const bool was_inside = inside_parallel;
    inside_parallel = true;
    try {
      for (std::int64_t i = next++; i < count; i = next++) body(i);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      next = count;
    }
    inside_parallel = was_inside;
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < workers; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace dyad
