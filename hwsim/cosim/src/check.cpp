#include "dyad/cosim/check.hpp"

#include "dyad/cosim/dut.hpp"
#include "registry/registry.hpp"

namespace dyad::cosim {

const std::vector<RegisteredCheck>& registered_checks() {
  static const std::vector<RegisteredCheck> checks = [] {
    std::vector<RegisteredCheck> all;
    add_streams_checks(all);
    add_control_checks(all);
    add_requantizer_checks(all);
    add_arrays_checks(all);
    add_cores_checks(all);
    add_systolic_checks(all);
    return all;
  }();
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
