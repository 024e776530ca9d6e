/// \file Work split over threads so that results do not depend on their number.
#pragma once

#include <cstdint>
#include <functional>

namespace dyad {

/// Threads that parallel_for uses: set_thread_count, else DYAD_THREADS, else the cores this process may use.
int thread_count();
/// count >= 1; 0 returns to the default.
void set_thread_count(int count);

/// Calls body(index) for 0 <= index < count, each once, on up to thread_count() threads. Which thread runs an index is not
/// defined, so body must write only what belongs to its index. The first exception is rethrown. Nested calls run serially.
void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body);

}  // namespace dyad
