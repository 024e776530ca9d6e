#include "dyad/accel_models/tensor_core/cycle.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "dyad/base/ceil_div.hpp"
#include "dyad/hwsim/dram.hpp"
#include "dyad/hwsim/session.hpp"

namespace dyad::accel_models::tensor_core {
namespace {

using hwsim::now;

/// CTAs that an SM takes up together, in the order of the grid.
struct Batch {
  std::int64_t first = 0, ctas = 0;
};

/// Deals the grid out, wave after wave: an SM without CTAs gets as many as it holds; those of the last wave are spread evenly.
class Scheduler {
 public:
  explicit Scheduler(const KernelPlan& kernel) : k_(kernel) {}
  Batch next() {
    const std::int64_t left = k_.ctas - given_;
    if (left == 0) return {};
    const std::int64_t last = k_.last_wave(), place = batches_++ % k_.sms;
    const bool full = batches_ <= k_.full_waves() * k_.sms;
    const Batch batch{given_, full ? k_.resident : last / k_.sms + (place < last % k_.sms ? 1 : 0)};
    given_ += batch.ctas;
    return batch;
  }

 private:
  const KernelPlan& k_;
  std::int64_t given_ = 0, batches_ = 0;
};

/// Who waits for a request that went through L2.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// The data are there, or the store is acknowledged, in `cycle`.
  virtual void complete(bool is_store, std::int64_t tag, std::int64_t cycle) = 0;
};

/// The DRAM behind L2, with a port for what is read and one for what is written, in the order in which L2 accepts the SMs' requests.
class L2Misses {
 public:
  L2Misses(hwsim::Dram& dram, std::int64_t l2_latency)
      : dram_(dram), l2_latency_(l2_latency), reads_(dram, false, l2_latency), writes_(dram, true, l2_latency) {}

  /// Called when L2's bus accepts a request that ends on it in cycle `l2_end`, and that takes `latency` cycles at least, of which `bursts`
  /// are the DRAM's. The waiter hears of it when the DRAM has accepted them all.
  void request(bool is_store, Waiter& waiter, std::int64_t tag, std::int64_t bursts, std::int64_t l2_end, std::int64_t latency) {
    const std::int64_t at_l2 = std::max(l2_end, now() + latency - l2_latency_);
    if (bursts == 0) return waiter.complete(is_store, tag, at_l2 + l2_latency_ - 1);
    (is_store ? writes_ : reads_).request({&waiter, tag, 0, at_l2}, bursts * dram_.timing().burst_bits);
  }

 private:
  struct Waiting {
    Waiter* waiter;
    std::int64_t tag, requests, done;
  };
  class Port : public hwsim::DramClient {
   public:
    Port(hwsim::Dram& dram, bool is_write, std::int64_t l2_latency)
        : dram_(dram), port_(dram.add_port(this, is_write)), is_write_(is_write), l2_latency_(l2_latency) {}
    void request(Waiting waiting, std::int64_t bits) {
      const std::int64_t largest = dram_.timing().request_bits;
      waiting.requests = ceil_div(bits, largest);
      waiting_.push_back(waiting);
      for (; bits > 0; bits -= largest) dram_.request(port_, std::min(bits, largest), 0, now());
    }

   private:
    void dram_served(std::int64_t, std::int64_t, std::int64_t done) override {
      Waiting& first = waiting_.front();
      first.done = std::max(first.done, done);
      if (--first.requests > 0) return;
      const Waiting complete = first;
      waiting_.pop_front();
      complete.waiter->complete(is_write_, complete.tag, complete.done + l2_latency_ - 1);
    }
    hwsim::Dram& dram_;
    int port_;
    bool is_write_;
    std::int64_t l2_latency_;
    std::deque<Waiting> waiting_;
  };

  hwsim::Dram& dram_;
  std::int64_t l2_latency_;
  Port reads_, writes_;
};

/// A streaming multiprocessor: takes CTAs up, loads the steps of their main loops into `stages` buffers, computes them one after another,
/// then the epilogue, and stores. Its CTAs take every step together.
class Sm : public hwsim::Stage, public Waiter {
 public:
  Sm(const sc_core::sc_module_name& module_name, const KernelPlan& kernel, hwsim::Dram& l2, L2Misses& misses, Scheduler& scheduler,
     hwsim::Trace* trace)
      : Stage(module_name),
        k_(kernel),
        l2_(l2),
        misses_(misses),
        scheduler_(scheduler),
        loads_(*this, false),
        stores_(*this, true),
        load_port_(l2.add_port(&loads_, false)),
        store_port_(l2.add_port(&stores_, true)),
        arrival_(static_cast<std::size_t>(kernel.stages), 0),
        trace_(trace) {
    if (trace_) track_ = trace_->track(std::string(name()));
    wake_at(0);
  }

  void complete(bool is_store, std::int64_t tag, std::int64_t cycle) override {
    if (is_store) {
      last_done_ = std::max(last_done_, cycle);
      --stores_open_;
      return;
    }
    arrival(tag) = cycle;
    wake_at(cycle);
  }
  std::int64_t last_done() const { return last_done_; }
  std::int64_t busy_cycles() const { return busy_; }
  bool idle() const { return phase_ == Phase::kDone && stores_open_ == 0; }

 private:
  static constexpr std::int64_t kUnknown = INT64_MAX;
  enum class Phase { kIdle, kStarting, kLoop, kResidual, kEpilogue, kDone };
  class Client : public hwsim::DramClient {
   public:
    Client(Sm& sm, bool is_store) : sm_(sm), is_store_(is_store) {}
    void dram_served(std::int64_t tag, std::int64_t bus_end, std::int64_t) override { sm_.accepted(is_store_, tag, bus_end); }

   private:
    Sm& sm_;
    bool is_store_;
  };

  // Pieces of the kernel's bursts: of all steps in the order of batches and their steps, of the ends of CTAs in the grid's order.
  static std::int64_t share(std::int64_t bursts, std::int64_t begin, std::int64_t count, std::int64_t pieces) {
    const auto up_to = [&](std::int64_t piece) { return piece * bursts / pieces; };
    return up_to(begin + count) - up_to(begin);
  }

  /// L2's bus has accepted a request. Tags: of a load its step, or the number of steps for the added tensor; of a store its first CTA.
  void accepted(bool is_store, std::int64_t tag, std::int64_t bus_end) {
    std::int64_t bursts = 0, latency = k_.load_latency;
    if (is_store) {
      bursts = share(k_.dram_write_bursts, tag, stored_ctas_.front(), k_.ctas);
      stored_ctas_.pop_front();
      latency = k_.write_latency;
    } else if (tag < k_.steps) {
      bursts = share(k_.dram_step_bursts, batch_.first * k_.steps + tag * batch_.ctas, batch_.ctas, k_.ctas * k_.steps);
    } else {
      bursts = share(k_.dram_residual_bursts, batch_.first, batch_.ctas, k_.ctas);
      latency = k_.residual_latency;
    }
    misses_.request(is_store, *this, tag, bursts, bus_end, latency);
  }

  /// When the buffer that the step uses has its data.
  std::int64_t& arrival(std::int64_t step) { return arrival_[static_cast<std::size_t>(step % k_.stages)]; }

  void load(std::int64_t step, std::int64_t bits_of_cta) {
    arrival(step) = kUnknown;
    l2_.request(load_port_, batch_.ctas * bits_of_cta, step, now());
    ++requested_;
  }

  void step() override {
    for (;;) {
      switch (phase_) {
        case Phase::kIdle:
          batch_ = scheduler_.next();
          if (batch_.ctas == 0) {
            phase_ = Phase::kDone;
            return;
          }
          requested_ = computed_ = 0;
          phase_ = Phase::kStarting;
          until_ = now() + k_.start_cycles;
          wake_at(until_);
          return;
        case Phase::kStarting:
          if (now() < until_) return;
          while (requested_ < std::min(k_.stages, k_.steps)) load(requested_, k_.l2_step_bits);
          computing_ = false;
          phase_ = Phase::kLoop;
          return;
        case Phase::kLoop:
          if (!advance_loop()) return;
          break;
        case Phase::kResidual:
          if (now() < arrival(k_.steps)) return;
          begin_epilogue();
          return;
        case Phase::kEpilogue:
          if (now() < until_) return;
          if (trace_) trace_->slice(track_, "epilogue", now() - k_.epilogue_cycles(batch_.ctas), now());
          stored_ctas_.push_back(batch_.ctas);
          ++stores_open_;
          l2_.request(store_port_, batch_.ctas * k_.l2_write_bits, batch_.first, now());
          phase_ = Phase::kIdle;
          break;
        case Phase::kDone: return;
      }
    }
  }

  /// Computes the steps whose data are there. True when nothing has to be waited for.
  bool advance_loop() {
    for (;;) {
      if (!computing_) {
        if (now() < arrival(computed_)) return false;
        computing_ = true;
        until_ = now() + k_.round_cycles(batch_.ctas);
        wake_at(until_);
        return false;
      }
      if (now() < until_) return false;
      computing_ = false;
      const std::int64_t cycles = k_.round_cycles(batch_.ctas);
      busy_ += cycles;
      if (trace_) trace_->slice(track_, "step", now() - cycles, now());
      ++computed_;
      if (requested_ < k_.steps) load(requested_, k_.l2_step_bits);
      if (computed_ < k_.steps) continue;
      if (k_.l2_residual_bits > 0) {
        load(k_.steps, k_.l2_residual_bits);
        phase_ = Phase::kResidual;
      } else {
        begin_epilogue();
      }
      return false;
    }
  }

  void begin_epilogue() {
    phase_ = Phase::kEpilogue;
    until_ = now() + k_.epilogue_cycles(batch_.ctas);
    busy_ += k_.epilogue_cycles(batch_.ctas);
    wake_at(until_);
  }

  const KernelPlan& k_;
  hwsim::Dram& l2_;
  L2Misses& misses_;
  Scheduler& scheduler_;
  Client loads_, stores_;
  int load_port_, store_port_;
  std::vector<std::int64_t> arrival_;  // of the buffers
  hwsim::Trace* trace_;
  int track_ = 0;
  Phase phase_ = Phase::kIdle;
  Batch batch_;
  std::deque<std::int64_t> stored_ctas_;  // of the stores on their way
  std::int64_t requested_ = 0, computed_ = 0, until_ = 0, busy_ = 0, last_done_ = 0, stores_open_ = 0;
  bool computing_ = false;
};

void run_kernel(const KernelPlan& kernel, const MemoryTiming& memory, hwsim::Trace* trace, CycleResult& result) {
  hwsim::Session session;
  auto& dram = session.make<hwsim::Dram>("dram", memory.dram, trace);
  auto& l2 = session.make<hwsim::Dram>("l2", memory.l2, nullptr);
  auto& misses = session.make<L2Misses>(dram, memory.l2.latency);
  auto& scheduler = session.make<Scheduler>(kernel);
  std::vector<Sm*> sms;
  for (std::int64_t i = 0; i < std::min(kernel.sms, kernel.ctas); ++i)
    sms.push_back(&session.make<Sm>(("sm" + std::to_string(i)).c_str(), kernel, l2, misses, scheduler, trace));
  if (trace) trace->set_origin(trace->origin() + kernel.launch_cycles);
  session.run();
  std::int64_t last = 0, busy = 0;
  for (const Sm* sm : sms) {
    DYAD_EXPECT(sm->idle(), "the simulation ended before its last store: a deadlock");
    last = std::max(last, sm->last_done());
    busy += sm->busy_cycles();
  }
  result.cycles += kernel.launch_cycles + last;
  result.compute_cycles += busy / static_cast<std::int64_t>(sms.size());
  result.l2_bits += l2.bits_read() + l2.bits_written();
  result.dram_read_bits += dram.bits_read();
  result.dram_write_bits += dram.bits_written();
  if (trace) trace->set_origin(trace->origin() + last);
}

}  // namespace

CycleResult simulate(const LayerPlan& plan, const MemoryTiming& memory, hwsim::Trace* trace) {
  CycleResult result;
  for (int i = 0; i < plan.kernels; ++i) run_kernel(plan.kernel[static_cast<std::size_t>(i)], memory, trace, result);
  return result;
}

}  // namespace dyad::accel_models::tensor_core
