#include <Vstream_skid.h>

#include "checks/stream_skid_check.hpp"
#include "dyad/cosim/check.hpp"

namespace dyad::cosim {

const std::vector<RegisteredCheck>& registered_checks() {
  static const std::vector<RegisteredCheck> checks{
      {"stream_skid", 1'000'000, false, check_stream_skid<Vstream_skid>},
  };
  return checks;
}

Check run_check(const RegisteredCheck& check, const CheckOptions& options) {
  Check result;
  try {
    result = check.run(options);
  } catch (const AssertionFailed& failure) {
    result.mismatch(failure.what());
  }
  result.name = check.name;
  return result;
}

}  // namespace dyad::cosim
