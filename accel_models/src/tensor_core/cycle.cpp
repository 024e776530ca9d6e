#include "dyad/accel_models/tensor_core/cycle.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "dyad/hwsim/session.hpp"
#include "memory_system.hpp"

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

/// A streaming multiprocessor: takes CTAs up, loads the steps of their main loops into `stages` buffers, computes them one after another,
/// then the epilogue, and stores. Its CTAs take every step together.
class Sm : public hwsim::Stage, public MemoryClient {
 public:
  Sm(const sc_core::sc_module_name& module_name, const KernelPlan& kernel, MemorySystem& memory, Scheduler& scheduler, hwsim::Trace* trace)
      : Stage(module_name),
        k_(kernel),
        memory_(memory),
        scheduler_(scheduler),
        port_(memory.add_port(this)),
        arrival_(static_cast<std::size_t>(kernel.stages), 0),
        trace_(trace) {
    if (trace_) track_ = trace_->track(std::string(name()));
    wake_at(0);
  }

  void complete(const MemoryRequest& request, std::int64_t cycle) override {
    if (request.kind == MemoryRequest::Kind::kStore) {
      last_done_ = std::max(last_done_, cycle);
      --open_stores_;
      return;
    }
    arrival(request.tag) = cycle;
    wake_at(cycle);
  }
  std::int64_t last_done() const { return last_done_; }
  std::int64_t busy_cycles() const { return busy_; }
  bool finished() const { return phase_ == Phase::kDone && open_stores_ == 0; }

 private:
  static constexpr std::int64_t kUnknown = INT64_MAX;
  enum class Phase { kIdle, kStarting, kLoop, kResidual, kEpilogue, kDone };

  /// Its part of a kernel's bursts: of piece `begin` and the following ones.
  static std::int64_t share(std::int64_t bursts, std::int64_t begin, std::int64_t count, std::int64_t pieces) {
    return (begin + count) * bursts / pieces - begin * bursts / pieces;
  }
  /// Pieces of steps are counted in the order of the grid, and of the steps of the CTAs that are taken up together.
  std::int64_t step_share(std::int64_t bursts, std::int64_t step) const {
    return share(bursts, batch_.first * k_.steps + step * batch_.ctas, batch_.ctas, k_.ctas * k_.steps);
  }

  /// When the buffer that the step uses has its data.
  std::int64_t& arrival(std::int64_t step) { return arrival_[static_cast<std::size_t>(step % k_.stages)]; }

  void load_next() {
    arrival(requested_) = kUnknown;
    memory_.request(port_, {MemoryRequest::Kind::kStep, requested_, batch_.ctas * k_.l2_step_bits,
                            step_share(k_.dram_step_bursts, requested_), batch_.ctas});
    ++requested_;
  }
  void load_residual() {
    arrival(k_.steps) = kUnknown;
    memory_.request(port_, {MemoryRequest::Kind::kResidual, k_.steps, batch_.ctas * k_.l2_residual_bits,
                            share(k_.dram_residual_bursts, batch_.first, batch_.ctas, k_.ctas), batch_.ctas});
  }
  void store(std::int64_t bursts) {
    ++open_stores_;
    memory_.request(port_, {MemoryRequest::Kind::kStore, 0, batch_.ctas * k_.l2_write_bits, bursts, batch_.ctas});
  }

  void step() override {
    while (advance()) {
    }
  }

  /// Does what can be done next in this cycle; false: nothing.
  bool advance() {
    switch (phase_) {
      case Phase::kIdle:
        batch_ = scheduler_.next();
        phase_ = batch_.ctas == 0 ? Phase::kDone : Phase::kStarting;
        if (batch_.ctas > 0) sleep(k_.start_cycles);
        return true;
      case Phase::kStarting:
        if (now() < until_) return false;
        requested_ = computed_ = 0;
        computing_ = false;
        while (requested_ < std::min(k_.stages, k_.steps)) load_next();
        phase_ = Phase::kLoop;
        return true;
      case Phase::kLoop: return computing_ ? end_step() : begin_step();
      case Phase::kResidual:
        if (now() < arrival(k_.steps)) return false;
        begin_epilogue();
        return true;
      case Phase::kEpilogue:
        if (now() < until_) return false;
        count("epilogue", k_.epilogue_cycles(batch_.ctas));
        store(share(k_.dram_write_bursts, batch_.first, batch_.ctas, k_.ctas));
        phase_ = Phase::kIdle;
        return true;
      case Phase::kDone: return false;
    }
    throw InternalError("an SM without a phase");
  }

  bool begin_step() {
    if (now() < arrival(computed_)) return false;
    computing_ = true;
    sleep(k_.round_cycles(batch_.ctas));
    return true;
  }

  bool end_step() {
    if (now() < until_) return false;
    computing_ = false;
    count("step", k_.round_cycles(batch_.ctas));
    if (k_.stores_steps) store(step_share(k_.dram_write_bursts, computed_));
    ++computed_;
    if (requested_ < k_.steps) load_next();
    if (computed_ < k_.steps) return true;
    if (k_.stores_steps) {
      phase_ = Phase::kIdle;
    } else if (k_.l2_residual_bits > 0) {
      load_residual();
      phase_ = Phase::kResidual;
    } else {
      begin_epilogue();
    }
    return true;
  }

  void begin_epilogue() {
    phase_ = Phase::kEpilogue;
    sleep(k_.epilogue_cycles(batch_.ctas));
  }

  void sleep(std::int64_t cycles) {
    until_ = now() + cycles;
    wake_at(until_);
  }
  void count(const char* what, std::int64_t cycles) {
    busy_ += cycles;
    if (trace_) trace_->slice(track_, what, now() - cycles, now());
  }

  const KernelPlan& k_;
  MemorySystem& memory_;
  Scheduler& scheduler_;
  int port_;
  std::vector<std::int64_t> arrival_;  // of the buffers
  hwsim::Trace* trace_;
  int track_ = 0;
  Phase phase_ = Phase::kIdle;
  Batch batch_;
  std::int64_t requested_ = 0, computed_ = 0, until_ = 0, busy_ = 0, last_done_ = 0, open_stores_ = 0;
  bool computing_ = false;
};

void run_kernel(const KernelPlan& kernel, const MemoryTiming& timing, hwsim::Trace* trace, CycleResult& result) {
  hwsim::Session session;
  auto& dram = session.make<hwsim::Dram>("dram", timing.dram, trace);
  auto& memory = session.make<MemorySystem>("l2", kernel, timing, dram);
  auto& scheduler = session.make<Scheduler>(kernel);
  if (trace) trace->set_origin(trace->origin() + kernel.launch_cycles);
  std::vector<Sm*> sms;
  for (std::int64_t i = 0; i < std::min(kernel.sms, kernel.ctas); ++i)
    sms.push_back(&session.make<Sm>(("sm" + std::to_string(i)).c_str(), kernel, memory, scheduler, trace));
  session.run();
  std::int64_t last = 0, busy = 0;
  for (const Sm* sm : sms) {
    DYAD_EXPECT(sm->finished(), "the simulation ended before its last store: a deadlock");
    last = std::max(last, sm->last_done());
    busy += sm->busy_cycles();
  }
  result.cycles += kernel.launch_cycles + last;
  result.compute_cycles += busy / static_cast<std::int64_t>(sms.size());
  result.l2_bits += memory.l2_bits();
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
