#include "dyad/hwsim/session.hpp"

#include "dyad/base/result.hpp"

// libsystemc.so exports main and wants this symbol; Dyad's programs have their own main.
int sc_main(int, char**) { return 3; }

namespace dyad::hwsim {
namespace {

std::mutex& simulation_lock() {
  static std::mutex lock;
  return lock;
}

thread_local bool this_thread_simulates = false;

}  // namespace

Session::Session() {
  DYAD_EXPECT(!this_thread_simulates, "a session inside a session");
  lock_ = std::unique_lock(simulation_lock());
  this_thread_simulates = true;
  previous_ = sc_core::sc_curr_simcontext;
  context_ = std::make_unique<sc_core::sc_simcontext>();
  sc_core::sc_curr_simcontext = context_.get();
}

Session::~Session() {
  while (!objects_.empty()) objects_.pop_back();
  context_.reset();
  sc_core::sc_curr_simcontext = previous_;
  this_thread_simulates = false;
}

Cycles Session::run() {
  try {
    sc_core::sc_start();
  } catch (const sc_core::sc_report& report) {
    throw InternalError(std::string("simulation stopped: ") + report.what());
  }
  return Cycles(static_cast<std::int64_t>(sc_core::sc_time_stamp().value()));
}

}  // namespace dyad::hwsim
