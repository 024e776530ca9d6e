/// \file L2 and DRAM of a GPU as its SMs see them, in SystemC.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "dyad/accel_models/tensor_core/plan.hpp"
#include "dyad/hwsim/dram.hpp"

namespace dyad::accel_models::tensor_core {

/// A load or store of an SM.
struct MemoryRequest {
  enum class Kind { kStep, kResidual, kStore };
  Kind kind = Kind::kStep;
  std::int64_t tag = 0;     ///< the client's
  std::int64_t bits = 1;    ///< through L2
  std::int64_t bursts = 0;  ///< of them from or to DRAM
  std::int64_t ctas = 1;    ///< that make it together
};

class MemoryClient {
 public:
  virtual ~MemoryClient() = default;
  /// The data are there, or the store is acknowledged, in `cycle` >= now.
  virtual void complete(const MemoryRequest& request, std::int64_t cycle) = 0;
};

/// L2 serves the requests of a port in order, and shares its bandwidth evenly between the CTAs of the ports that have one (sectors take
/// turns). A request made in cycle t is accepted in t + 1 at the earliest. What is accepted in a cycle and goes to DRAM goes there
/// together: the lines that CTAs miss are shared between them, so each waits for all. A request is complete latency - 1 cycles after both
/// are done.
class MemorySystem : public hwsim::Stage {
 public:
  MemorySystem(const sc_core::sc_module_name& module_name, const KernelPlan& kernel, const MemoryTiming& timing, hwsim::Dram& dram);
  int add_port(MemoryClient* client);
  void request(int port, const MemoryRequest& request);
  std::int64_t l2_bits() const { return l2_bits_; }

 private:
  struct Pending {
    MemoryClient* client;
    MemoryRequest request;
    bool on_bus = true;
    std::int64_t done = -1;  // of the DRAM; -1: not known
    std::int64_t l2_end = 0;
  };
  using Shared = std::shared_ptr<Pending>;
  struct Waiting {
    MemoryRequest request;
    std::int64_t visible_at;
  };
  struct Port {
    MemoryClient* client;
    std::deque<Waiting> queue;
    Shared current;
    double left = 0;  // bits of each CTA
  };
  /// Requests of a cycle that go to DRAM together.
  struct Batch {
    std::vector<Shared> requests;
    std::int64_t bursts = 0, open = 0, done = 0;
  };
  class DramPort : public hwsim::DramClient {
   public:
    DramPort(hwsim::Dram& dram, bool is_write) : dram_(dram), port_(dram.add_port(this, is_write)) {}
    Batch gathered;
    void send(std::int64_t l2_latency);

   private:
    void dram_served(std::int64_t, std::int64_t, std::int64_t done) override;
    hwsim::Dram& dram_;
    int port_;
    std::int64_t l2_latency_ = 1;
    std::deque<Batch> sent_;
  };

  void step() override;
  void accept(Port& port);
  void serve(double bits);
  static void finish(Pending& pending, std::int64_t l2_latency);

  const KernelPlan& k_;
  MemoryTiming timing_;
  double bits_per_cycle_;  // of L2; 0: unlimited
  std::vector<Port> ports_;
  DramPort reads_, writes_;
  double time_ = 0;  // up to which the bus has been followed
  std::int64_t l2_bits_ = 0;
};

}  // namespace dyad::accel_models::tensor_core
