// What Verilated code calls when an assertion fails or $fatal is reached: an exception in place of Verilator's abort(), and its messages
// kept in place of printed.
#include <verilated.h>

#include <cstdarg>
#include <cstdio>
#include <string>

#include "dyad/cosim/dut.hpp"

namespace {

thread_local std::string printed;

std::string taken_text() {
  std::string text = std::move(printed);
  printed.clear();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

[[noreturn]] void fail(const char* file, int line, const char* hierarchy, const std::string& reason) {
  const std::string text = taken_text();
  std::string message = std::string(file ? file : "?") + ":" + std::to_string(line) + ": ";
  message += text.empty() ? reason : text;
  if (hierarchy && *hierarchy) message += std::string(" (in ") + hierarchy + ")";
  throw dyad::cosim::AssertionFailed(message);
}

}  // namespace

// Named by -DVL_PRINTF when Verilator's run-time library is compiled.
extern "C" int dyad_verilated_printf(const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  const int count = std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  printed += text;
  return count;
}

void vl_finish(const char*, int, const char*) VL_MT_UNSAFE { Verilated::threadContextp()->gotFinish(true); }
void vl_stop(const char* file, int line, const char* hierarchy) VL_MT_UNSAFE { fail(file, line, hierarchy, "an assertion failed"); }
void vl_fatal(const char* file, int line, const char* hierarchy, const char* message) VL_MT_UNSAFE {
  fail(file, line, hierarchy, message ? message : "$fatal");
}
