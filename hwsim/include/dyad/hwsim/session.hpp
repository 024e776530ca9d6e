/// \file One SystemC simulation with its own kernel context: any number of them may run in a process, one at a time.
#pragma once

#include <memory>
#include <mutex>
#include <systemc>
#include <type_traits>
#include <utility>
#include <vector>

#include "dyad/base/units.hpp"

namespace dyad::hwsim {

/// Owns a simulation: installs a fresh sc_simcontext, holds the modules, and removes both again in the right order
/// (modules, then context). Holds a process-wide lock while it lives; a second one in the same thread is our bug (InternalError).
/// One clock cycle is one unit of SystemC's time resolution.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Makes a module (or any object that must die before the context) inside this simulation and keeps it until the end.
  template <typename Module, typename... Arguments>
  Module& make(Arguments&&... arguments) {
    auto holder = std::make_unique<Holder<Module>>(std::forward<Arguments>(arguments)...);
    Module& module = holder->module;
    objects_.push_back(std::move(holder));
    return module;
  }

  /// Runs until nothing is scheduled any more; returns the cycle of the last event.
  /// An exception thrown by a process comes out as InternalError.
  Cycles run();

 private:
  struct Object {
    virtual ~Object() = default;
  };
  template <typename Module>
  struct Holder : Object {
    template <typename... Arguments>
    explicit Holder(Arguments&&... arguments) : module(std::forward<Arguments>(arguments)...) {}
    Module module;
  };

  std::unique_lock<std::mutex> lock_;
  sc_core::sc_simcontext* previous_ = nullptr;
  std::unique_ptr<sc_core::sc_simcontext> context_;
  std::vector<std::unique_ptr<Object>> objects_;
};

}  // namespace dyad::hwsim
