#include "dyad/base/result.hpp"

namespace dyad::detail {

void expect_failed(const char* condition, const char* file, int line, const std::string& message) {
  throw InternalError(message + " (" + condition + " at " + file + ":" + std::to_string(line) + ")");
}

}  // namespace dyad::detail
