#include "dyad/accel_models/tiled/cycle.hpp"

#include <algorithm>
#include <deque>

#include "dyad/hwsim/dma.hpp"
#include "dyad/hwsim/session.hpp"
#include "dyad/hwsim/tile_memory.hpp"

namespace dyad::accel_models::tiled {
namespace {

using hwsim::now;

/// Fills one tile memory. A tile is requested in the cycle in which its slot is free; its words are written one a cycle from the
/// arrival of the first (latency after the request, and after the tile before it), and the last one not before its last bit has arrived.
/// Memory is read in whole requests of a sequential stream: a tile asks for what the requests before it have not covered.
class FetchStage : public hwsim::Stage {
 public:
  struct Plan {
    std::int64_t tiles = 0, words = 0, word_bits = 0, pass_bits = 0, pass_tiles = 1, request_bits = 1;
    std::int64_t slot_tiles = 1;                        // tiles of a slot ...
    std::int64_t group_slots = 1, last_slot_tiles = 1;  // ... but of every group_slots-th
  };
  FetchStage(const sc_core::sc_module_name& module_name, hwsim::Dram& dram, hwsim::TileMemory& memory, const Plan& plan,
             hwsim::Trace* trace)
      : Stage(module_name),
        memory_(memory),
        plan_(plan),
        dram_(dram),
        dma_(dram, [this](std::int64_t tile, std::int64_t cycle) { arrived(tile, cycle); }),
        trace_(trace) {
    if (trace_) track_ = trace_->track(std::string(name()));
    wake_at(0);
  }

 private:
  void step() override {
    while (next_tile_ < plan_.tiles) {
      if (left_in_slot_ == 0) {
        if (!memory_.can_acquire()) return;
        memory_.acquire();
        ++slot_;
        left_in_slot_ = slot_ % plan_.group_slots == 0 ? plan_.last_slot_tiles : plan_.slot_tiles;
      }
      requested_.push_back(now());
      const std::int64_t bits = piece_bits(plan_.pass_bits, next_tile_ % plan_.pass_tiles, plan_.pass_tiles, plan_.request_bits);
      --left_in_slot_;
      dma_.read(next_tile_++, bits);
    }
  }

  void arrived(std::int64_t, std::int64_t cycle) {
    const std::int64_t begin = std::max(requested_.front() + dram_.timing().latency, last_ready_);
    requested_.pop_front();
    last_ready_ = std::max(begin + plan_.words, cycle);
    if (trace_) trace_->slice(track_, "tile", begin, last_ready_);
    memory_.commit(last_ready_, plan_.words * plan_.word_bits);
  }

  hwsim::TileMemory& memory_;
  Plan plan_;
  hwsim::Dram& dram_;
  hwsim::DmaReader dma_;
  hwsim::Trace* trace_;
  int track_ = 0;
  std::int64_t next_tile_ = 0, left_in_slot_ = 0, slot_ = 0, last_ready_ = 0;
  std::deque<std::int64_t> requested_;  // cycles in which tiles that have not arrived were requested
};

/// Takes the results of a job out of the array, requantizes them and hands them to the writer.
class ResultStage : public hwsim::Stage {
 public:
  ResultStage(const sc_core::sc_module_name& module_name, hwsim::Dram& dram, const Schedule& schedule, const Machine& machine,
              LayerData* data, hwsim::Trace* trace)
      : Stage(module_name),
        schedule_(schedule),
        pipeline_cycles_(machine.pipeline_cycles),
        writer_(dram, this, result_buffer_bits(schedule, machine, dram.timing())),
        data_(data),
        trace_(trace) {
    if (trace_) track_ = trace_->track("result");
  }
  void connect(hwsim::Stage* array) { array_ = array; }

  /// Takes the accumulators in this cycle, or refuses (then the array is woken when it would not).
  bool accept() {
    if (busy_) return false;
    if (data_) data_->hand_over(jobs_);
    busy_ = true;
    begin_ = now();
    drained_ = begin_ + schedule_.drain_cycles;
    wake_at(drained_);
    return true;
  }
  std::int64_t last_done() const { return writer_.last_done(); }
  bool finished() const { return jobs_ == schedule_.jobs(); }

 private:
  void step() override {
    if (!busy_ || now() < drained_) return;
    const bool completes = (jobs_ + 1) % schedule_.jobs_per_result == 0;
    if (completes) {
      const std::int64_t results = schedule_.results();
      const std::int64_t bits = piece_bits(schedule_.output_bits, jobs_ / schedule_.jobs_per_result, results, 1);
      if (!writer_.has_room(bits)) return;
      writer_.write(bits, now() + pipeline_cycles_);
      if (data_) data_->drained(jobs_);
    }
    ++jobs_;
    busy_ = false;
    if (trace_) trace_->slice(track_, completes ? "result" : "partial sum", begin_, now());
    if (finished()) writer_.flush(now() + pipeline_cycles_);
    array_->wake_at(now());
  }

  const Schedule& schedule_;
  std::int64_t pipeline_cycles_;
  hwsim::DmaWriter writer_;
  hwsim::Stage* array_ = nullptr;
  LayerData* data_;
  hwsim::Trace* trace_;
  int track_ = 0;
  bool busy_ = false;
  std::int64_t begin_ = 0, drained_ = 0, jobs_ = 0;
};

/// Runs the jobs in order. A job starts when its operands are there and the job before it has given its accumulators away; it computes
/// job_cycles and then gives its accumulators to the result stage, waiting while that is busy.
class ExecuteStage : public hwsim::Stage {
 public:
  ExecuteStage(const sc_core::sc_module_name& module_name, const Schedule& schedule, hwsim::TileMemory& resident, hwsim::TileMemory& stream,
               ResultStage& results, hwsim::Trace* trace)
      : Stage(module_name), s_(schedule), resident_(resident), stream_(stream), results_(results), trace_(trace) {
    if (trace_) track_ = trace_->track("execute");
    tiles_ = tiles_of_block();
    wake_at(0);
  }
  std::int64_t busy_cycles() const { return busy_cycles_; }

 private:
  std::int64_t tiles_of_block() const { return (block_ + 1) % s_.blocks == 0 ? s_.last_block_tiles : s_.block_tiles; }

  void step() override {
    const std::int64_t all_blocks = s_.groups * s_.blocks;
    while (block_ < all_blocks) {
      if (!running_) {
        if (!operands_ready()) return;
        running_ = true;
        computed_ = now() + s_.job_cycles;
        wake_at(computed_);
        return;
      }
      if (now() < computed_ || !results_.accept()) return;
      if (trace_) trace_->slice(track_, "job", computed_ - s_.job_cycles, computed_);
      busy_cycles_ += s_.job_cycles;
      stream_.count_read(s_.read_bits);
      running_ = has_stream_ = has_resident_ = false;
      advance();
    }
  }

  bool operands_ready() {
    if (!has_stream_ && tile_ == 0) {
      if (!stream_.can_take()) return false;
      stream_.take();
    }
    has_stream_ = true;
    if (!has_resident_ && row_ == 0 && s_.has_resident) {
      if (!resident_.can_take()) return false;
      resident_.take();
    }
    has_resident_ = true;
    return true;
  }

  void advance() {
    if (++tile_ < tiles_) return;
    tile_ = 0;
    stream_.release();
    if (++row_ < s_.rows) return;
    row_ = 0;
    if (s_.has_resident) resident_.release();
    ++block_;
    tiles_ = tiles_of_block();
  }

  const Schedule& s_;
  hwsim::TileMemory& resident_;
  hwsim::TileMemory& stream_;
  ResultStage& results_;
  hwsim::Trace* trace_;
  int track_ = 0;
  std::int64_t block_ = 0, row_ = 0, tile_ = 0, tiles_ = 0;
  bool running_ = false, has_stream_ = false, has_resident_ = false;
  std::int64_t computed_ = 0, busy_cycles_ = 0;
};

}  // namespace

CycleResult simulate(const Schedule& schedule, const Machine& machine, const hwsim::DramTiming& timing, hwsim::Trace* trace,
                     LayerData* data) {
  DYAD_EXPECT(!data || data->schedule() == schedule, "the data of another schedule");
  hwsim::Session session;
  auto& dram = session.make<hwsim::Dram>("dram", timing, trace);
  auto& resident = session.make<hwsim::TileMemory>(schedule.regions);
  auto& stream = session.make<hwsim::TileMemory>(schedule.stream_slots);

  const bool stream_is_weights = schedule.has_resident && !schedule.resident_is_weights;
  FetchStage::Plan stream_plan;
  stream_plan.tiles = schedule.stream_tiles();
  stream_plan.words = schedule.stream_words;
  stream_plan.word_bits = stream_is_weights ? machine.weight_line_bits() : machine.activation_line_bits();
  stream_plan.pass_bits = schedule.stream_pass_bits;
  stream_plan.pass_tiles = schedule.stream_pass_tiles;
  FetchStage::Plan resident_plan;
  resident_plan.tiles = schedule.resident_tiles();
  resident_plan.words = schedule.resident_words;
  resident_plan.word_bits = schedule.resident_is_weights ? machine.weight_line_bits() : machine.activation_line_bits();
  resident_plan.pass_bits = schedule.resident_pass_bits;
  resident_plan.pass_tiles = schedule.resident_pass_tiles;
  resident_plan.request_bits = schedule.resident_request_bits;
  stream_plan.request_bits = schedule.stream_request_bits;
  resident_plan.slot_tiles = schedule.block_tiles;
  resident_plan.group_slots = schedule.blocks;
  resident_plan.last_slot_tiles = schedule.last_block_tiles;

  const char* resident_name = schedule.resident_is_weights ? "fetch_weights" : "fetch_activations";
  const char* stream_name = stream_is_weights ? "fetch_weights" : "fetch_activations";
  auto& stream_fetch = session.make<FetchStage>(stream_name, dram, stream, stream_plan, trace);
  hwsim::Stage* resident_fetch = nullptr;
  if (schedule.has_resident) resident_fetch = &session.make<FetchStage>(resident_name, dram, resident, resident_plan, trace);
  auto& results = session.make<ResultStage>("result", dram, schedule, machine, data, trace);
  auto& execute = session.make<ExecuteStage>("execute", schedule, resident, stream, results, trace);
  results.connect(&execute);
  stream.connect(&stream_fetch, &execute);
  resident.connect(resident_fetch, &execute);

  session.run();
  DYAD_EXPECT(results.finished(), "the simulation ended before its last result: a deadlock");
  CycleResult result;
  result.cycles = results.last_done();
  result.array_busy_cycles = execute.busy_cycles();
  result.dram_read_bits = dram.bits_read();
  result.dram_write_bits = dram.bits_written();
  result.dram_busy_cycles = dram.busy_cycles();
  result.sram_write_bits = resident.bits_written() + stream.bits_written();
  result.sram_read_bits = schedule.has_resident ? stream.bits_read() : stream.bits_written();
  if (trace) trace->set_origin(trace->origin() + result.cycles);
  return result;
}

}  // namespace dyad::accel_models::tiled
