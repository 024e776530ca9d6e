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
  const std::int64_t beats = 1'000'000;
  checks.push_back({"stream_skid", beats, false, check_stream_skid<Vstream_skid>});
  checks.push_back({"stream_fifo/1", beats, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo_1>(o, 1); }});
  checks.push_back({"stream_fifo/2", beats, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo_2>(o, 2); }});
  checks.push_back({"stream_fifo/5", beats, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo_5>(o, 5); }});
  checks.push_back({"stream_fifo/8", beats, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo>(o, 8); }});
}

}  // namespace dyad::cosim
