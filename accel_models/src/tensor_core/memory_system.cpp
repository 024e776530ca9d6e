#include "memory_system.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/base/ceil_div.hpp"

namespace dyad::accel_models::tensor_core {

using hwsim::now;

namespace {
constexpr double kRounding = 1e-6;  // of a cycle or a bit: what sums of quotients are off by
}  // namespace

MemorySystem::MemorySystem(const sc_core::sc_module_name& module_name, const KernelPlan& kernel, const MemoryTiming& timing,
                           hwsim::Dram& dram)
    : Stage(module_name),
      k_(kernel),
      timing_(timing),
      bits_per_cycle_(static_cast<double>(timing.l2.bits_per_kilocycle) / 1000),
      reads_(dram, false),
      writes_(dram, true) {}

int MemorySystem::add_port(MemoryClient* client) {
  ports_.push_back({client, {}, nullptr, 0});
  return static_cast<int>(ports_.size()) - 1;
}

void MemorySystem::request(int port, const MemoryRequest& request) {
  ports_[static_cast<std::size_t>(port)].queue.push_back({request, now() + 1});
  l2_bits_ += request.bits;
  wake_at(now() + 1);
}

void MemorySystem::finish(Pending& pending, std::int64_t l2_latency) {
  if (pending.on_bus || pending.done < 0) return;
  pending.client->complete(pending.request, std::max(now(), std::max(pending.l2_end, pending.done) + l2_latency - 1));
}

/// The head of the port's queue comes onto the bus; its share of the DRAM's bursts is asked for.
void MemorySystem::accept(Port& port) {
  const MemoryRequest request = port.queue.front().request;
  port.queue.pop_front();
  port.current = std::make_shared<Pending>(Pending{port.client, request, true, -1, 0});
  port.left = static_cast<double>(request.bits) / static_cast<double>(request.ctas);
  const bool is_store = request.kind == MemoryRequest::Kind::kStore;
  const std::int64_t latency = is_store                                     ? k_.write_latency
                               : request.kind == MemoryRequest::Kind::kStep ? k_.load_latency
                                                                            : k_.residual_latency;
  if (latency == timing_.l2.latency) {  // nothing of this kind goes to DRAM
    port.current->done = now();
    return;
  }
  Batch& batch = (is_store ? writes_ : reads_).gathered;
  batch.requests.push_back(port.current);
  batch.bursts += request.bursts;
}

void MemorySystem::step() {
  const auto cycle = static_cast<double>(now());
  // Follow the bus from event to event: a request ends, and the next one of its port that is visible begins at once.
  for (;;) {
    double least = 0;
    std::int64_t active = 0;
    for (Port& port : ports_) {
      if (!port.current && !port.queue.empty() && static_cast<double>(port.queue.front().visible_at) <= time_) accept(port);
      if (!port.current) continue;
      least = active == 0 ? port.left : std::min(least, port.left);
      active += port.current->request.ctas;
    }
    if (active == 0 && time_ >= cycle) break;
    const double each = active == 0 ? 0 : bits_per_cycle_ / static_cast<double>(active);
    const double end = active == 0 ? cycle : bits_per_cycle_ == 0 ? time_ : time_ + least / each;
    if (end > cycle && time_ >= cycle) {
      wake_at(static_cast<std::int64_t>(std::ceil(end - kRounding)));
      break;
    }
    serve(end <= cycle ? least : (cycle - time_) * each);
    time_ = std::min(end, cycle);
  }
  reads_.send(timing_.l2.latency);
  writes_.send(timing_.l2.latency);
}

/// Every CTA with a request gets so many bits.
void MemorySystem::serve(double bits) {
  for (Port& port : ports_) {
    if (!port.current) continue;
    port.left -= bits;
    if (port.left > kRounding) continue;
    const Shared ended = std::move(port.current);
    port.current = nullptr;
    ended->on_bus = false;
    ended->l2_end = now();
    finish(*ended, timing_.l2.latency);
  }
}

void MemorySystem::DramPort::send(std::int64_t l2_latency) {
  if (gathered.requests.empty()) return;
  l2_latency_ = l2_latency;
  Batch batch = std::move(gathered);
  gathered = {};
  const std::int64_t bits = batch.bursts * dram_.timing().burst_bits, largest = dram_.timing().request_bits;
  batch.open = ceil_div(bits, largest);
  batch.done = now() + dram_.timing().latency;
  sent_.push_back(std::move(batch));
  for (std::int64_t left = bits; left > 0; left -= largest) dram_.request(port_, std::min(left, largest), 0, now());
  if (bits > 0) return;
  // A step of CTAs whose lines others have asked for: no burst of its own in this cycle.
  Batch none = std::move(sent_.back());
  sent_.pop_back();
  for (const Shared& each : none.requests) {
    each->done = none.done;
    finish(*each, l2_latency_);
  }
}

void MemorySystem::DramPort::dram_served(std::int64_t, std::int64_t, std::int64_t done) {
  Batch& first = sent_.front();
  first.done = std::max(first.done, done);
  if (--first.open > 0) return;
  const Batch batch = std::move(first);
  sent_.pop_front();
  for (const Shared& each : batch.requests) {
    each->done = batch.done;
    finish(*each, l2_latency_);
  }
}

}  // namespace dyad::accel_models::tensor_core
