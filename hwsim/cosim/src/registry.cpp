#include <Vstream_fifo.h>
#include <Vstream_fifo_1.h>
#include <Vstream_fifo_2.h>
#include <Vstream_fifo_5.h>
#include <Vstream_skid.h>

#include "checks/stream_fifo_check.hpp"
#include "checks/stream_skid_check.hpp"
#include "dyad/cosim/check.hpp"

namespace dyad::cosim {
namespace {

/// The check of a queue, of one depth.
template <class Model>
auto fifo_of(std::size_t depth) {
  return [depth](const CheckOptions& options) { return check_stream_fifo<Model>(options, depth); };
}

}  // namespace

const std::vector<RegisteredCheck>& registered_checks() {
  static const std::vector<RegisteredCheck> checks{
      {"stream_fifo/depth_1", 1'000'000, false, fifo_of<Vstream_fifo_1>(1)},
      {"stream_fifo/depth_2", 1'000'000, false, fifo_of<Vstream_fifo_2>(2)},
      {"stream_fifo/depth_5", 1'000'000, false, fifo_of<Vstream_fifo_5>(5)},
      {"stream_fifo/depth_8", 1'000'000, false, fifo_of<Vstream_fifo>(8)},
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
