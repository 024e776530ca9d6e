#include <Vstream_fifo.h>
#include <Vstream_fifo_1.h>
#include <Vstream_fifo_2.h>
#include <Vstream_fifo_5.h>
#include <Vstream_skid.h>

#include "checks/stream_fifo_check.hpp"
#include "checks/stream_skid_check.hpp"
#include "registry.hpp"

namespace dyad::cosim {

void add_streams_checks(std::vector<RegisteredCheck>& checks) {
  checks.insert(
      checks.end(),
      {
          {"stream_skid", 1'000'000, false, check_stream_skid<Vstream_skid>},
          {"stream_fifo/depth_1", 1'000'000, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo_1>(o, 1); }},
          {"stream_fifo/depth_2", 1'000'000, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo_2>(o, 2); }},
          {"stream_fifo/depth_5", 1'000'000, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo_5>(o, 5); }},
          {"stream_fifo/depth_8", 1'000'000, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo>(o, 8); }},
      });
}

}  // namespace dyad::cosim
