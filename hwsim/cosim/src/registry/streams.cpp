#include <Vstream_skid.h>

#include "checks/stream_skid_check.hpp"
#include "registry.hpp"

namespace dyad::cosim {

void add_streams_checks(std::vector<RegisteredCheck>& checks) {
  checks.insert(checks.end(), {
                                  {"stream_skid", 1'000'000, false, check_stream_skid<Vstream_skid>},
                              });
}

}  // namespace dyad::cosim
