/// \file The clockwork that connects a Verilated core to the SystemC memory system; one template for all cores, since all have the same
/// ports.
#pragma once

#include <verilated_fst_c.h>

#include <deque>

#include "dyad/cosim/core.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/stalls.hpp"
#include "dyad/hwsim/dma.hpp"
#include "dyad/hwsim/session.hpp"

namespace dyad::cosim {

/// Copies 32-bit words to a port of any width.
template <class Port>
void set_port(Port& port, const std::uint32_t* words) {
  if constexpr (requires { port.m_storage; }) {
    std::copy(words, words + sizeof port.m_storage / sizeof *words, port.m_storage);
  } else if constexpr (sizeof(Port) == 8) {
    port = words[0] | std::uint64_t{words[1]} << 32;
  } else {
    port = static_cast<Port>(words[0]);
  }
}
template <class Port>
void get_port(const Port& port, std::uint32_t* words) {
  if constexpr (requires { port.m_storage; }) {
    std::copy(port.m_storage, port.m_storage + sizeof port.m_storage / sizeof *words, words);
  } else {
    words[0] = static_cast<std::uint32_t>(port);
    if constexpr (sizeof(Port) == 8) words[1] = static_cast<std::uint32_t>(port >> 32);
  }
}

/// Puts the low `width` bits of `value` at bit `position`; the place holds zeros before.
inline void put_bits(std::uint32_t* words, std::int64_t position, int width, std::uint64_t value) {
  for (int done = 0; done < width;) {
    const int offset = static_cast<int>(position % 32), count = std::min(width - done, 32 - offset);
    const std::uint32_t part = static_cast<std::uint32_t>(value >> done) & (count == 32 ? ~0u : (1u << count) - 1);
    words[position / 32] |= part << offset;
    position += count;
    done += count;
  }
}

constexpr int kParameterBits = 124;

/// The words of one operand on their way into the core: fetched tile by tile by a DMA reader as the timing contract says.
class FeedState {
 public:
  FeedState(const OperandFeed& feed, std::int64_t word_bits, hwsim::Dram& dram)
      : feed_(feed),
        line_words_((word_bits + 31) / 32),
        latency_(dram.timing().latency),
        dma_(dram, [this](std::int64_t, std::int64_t cycle) { arrivals_.push_back(cycle); }) {}

  /// The core handed out `slots` more slots in this cycle.
  void grant(std::int64_t slots) {
    for (; slots > 0 && requested_ < feed_.tiles; --slots) {
      ++slot_;
      std::int64_t tiles = slot_ % feed_.group_slots == 0 ? feed_.last_slot_tiles : feed_.slot_tiles;
      for (; tiles > 0; --tiles) {
        requests_.push_back(hwsim::now());
        dma_.read(requested_, feed_.bits(requested_));
        ++requested_;
      }
    }
  }
  /// The word that is offered in this cycle, or null.
  const std::uint32_t* word() {
    if (tile_ == requested_) return nullptr;
    if (word_ == 0 && !begun_) {
      begin_ = std::max(requests_.front() + latency_, last_ready_);
      begun_ = true;
    }
    const std::int64_t cycle = hwsim::now();
    if (cycle < begin_ + word_) return nullptr;
    if (word_ == feed_.words - 1 && (arrivals_.empty() || cycle < arrivals_.front() - 1)) return nullptr;
    if (word_ == 0 && lines_.empty()) lines_ = feed_.lines(tile_);
    return lines_.data() + word_ * line_words_;
  }
  /// It was taken.
  void taken() {
    if (++word_ < feed_.words) return;
    word_ = 0;
    begun_ = false;
    last_ready_ = hwsim::now() + 1;
    lines_.clear();
    requests_.pop_front();
    arrivals_.pop_front();
    ++tile_;
  }
  bool finished() const { return tile_ == feed_.tiles; }

 private:
  const OperandFeed& feed_;
  std::int64_t line_words_, latency_;
  hwsim::DmaReader dma_;
  std::deque<std::int64_t> requests_;  // cycles in which tiles that are not complete were requested
  std::deque<std::int64_t> arrivals_;  // cycles of the last bits of tiles that are not complete, in order
  std::vector<std::uint32_t> lines_;
  std::int64_t slot_ = 0, requested_ = 0, tile_ = 0, word_ = 0, begin_ = 0, last_ready_ = 0;
  bool begun_ = false;
};

/// Clocks the core once a cycle, after everything else of that cycle has happened.
template <class Model>
class CoreClock : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(CoreClock);
  CoreClock(const sc_core::sc_module_name& module_name, Dut<Model>& dut, const CoreShape& shape, const CoreLayer& layer, hwsim::Dram& dram,
            const CoreStalls& stalls, const std::function<void()>& sample)
      : sc_module(module_name),
        dut_(dut),
        shape_(shape),
        layer_(layer),
        stalls_(stalls),
        sample_(sample),
        beats_(shape.rows * shape.columns / shape.lanes),
        first_feed_(layer.stream_is_weights ? layer.weights : layer.activations,
                    layer.stream_is_weights ? shape.weight_word_bits : shape.activation_word_bits, dram),
        second_feed_(layer.stream_is_weights ? layer.activations : layer.weights,
                     layer.stream_is_weights ? shape.activation_word_bits : shape.weight_word_bits, dram),
        writer_(dram, nullptr, layer.output_buffer_bits) {
    for (std::uint64_t i = 0; i < 9; ++i) willing_.emplace_back(stalls.seed * 16 + i);
    parameters_.resize(static_cast<std::size_t>((shape.columns * kParameterBits + 31) / 32 + 1));
    prepare_parameters();
    if (layer.results > 0) piece_bits_ = layer.result_bits(0);
    SC_METHOD(run);
  }
  std::int64_t last_done() const { return writer_.last_done(); }
  std::int64_t clocked() const { return clocked_; }
  bool finished() const { return stored_ == layer_.results; }

 private:
  FeedState& activations() { return layer_.stream_is_weights ? second_feed_ : first_feed_; }
  FeedState& weights() { return layer_.stream_is_weights ? first_feed_ : second_feed_; }
  bool willing(std::size_t port) { return !stalls_.enabled || willing_[port].next(); }

  void run() {
    if (sc_core::sc_pending_activity_at_current_time()) {
      next_trigger(sc_core::SC_ZERO_TIME);
      return;
    }
    cycle();
    if (dut_->running_o) {
      DYAD_EXPECT(hwsim::now() - last_progress_ < kPatience, "core " + shape_.name + " makes no progress");
      next_trigger(sc_core::sc_time::from_value(1));
    }
  }

  void cycle() {
    Model& m = *dut_;
    m.prog_valid_i = 0;
    // A stalled beat stays offered: valid may not fall before it is taken.
    const std::uint32_t* activation = activations().word();
    const std::uint32_t* weight = weights().word();
    m.act_valid_i = activation && (m.act_valid_i || willing(0));
    if (m.act_valid_i) set_port(m.act_data_i, activation);
    m.wgt_valid_i = weight && (m.wgt_valid_i || willing(1));
    if (m.wgt_valid_i) set_port(m.wgt_data_i, weight);
    m.par_valid_i = next_parameters_ < layer_.results && (m.par_valid_i || willing(2));
    if (m.par_valid_i) set_port(m.par_data_i, parameters_.data());
    m.res_valid_i = layer_.has_residual && next_residual_ < layer_.results * beats_ && (m.res_valid_i || willing(3));
    if (m.res_valid_i) set_port(m.res_data_i, residual_beat());
    m.act_slots_ready_i = willing(4);
    m.wgt_slots_ready_i = willing(5);
    m.piece_ready_i = pieces_ < layer_.results && writer_.has_room(piece_bits_) && willing(6);
    m.out_ready_i = willing(7);
    dut_.settle();
    if (sample_) sample_();

    const bool act_taken = m.act_valid_i && m.act_ready_o, wgt_taken = m.wgt_valid_i && m.wgt_ready_o;
    const std::int64_t act_slots = m.act_slots_valid_o && m.act_slots_ready_i ? m.act_slots_o : 0;
    const std::int64_t wgt_slots = m.wgt_slots_valid_o && m.wgt_slots_ready_i ? m.wgt_slots_o : 0;
    const bool par_taken = m.par_valid_i && m.par_ready_o, res_taken = m.res_valid_i && m.res_ready_o;
    const bool piece = m.piece_valid_o && m.piece_ready_i, beat = m.out_valid_o && m.out_ready_i;
    if (beat) take_beat();
    dut_.clock();
    ++clocked_;

    if (act_taken) activations().taken();
    if (wgt_taken) weights().taken();
    if (act_taken || wgt_taken || piece || beat) last_progress_ = hwsim::now();
    // The reader of the streaming operand makes its requests first.
    first_feed_.grant(layer_.stream_is_weights ? wgt_slots : act_slots);
    second_feed_.grant(layer_.stream_is_weights ? act_slots : wgt_slots);
    if (par_taken) {
      m.par_valid_i = 0;
      ++next_parameters_;
      prepare_parameters();
    }
    if (res_taken) {
      m.res_valid_i = 0;
      ++next_residual_;
    }
    if (act_taken) m.act_valid_i = 0;
    if (wgt_taken) m.wgt_valid_i = 0;
    if (piece) leave();
  }

  /// A result has been drained: it goes to the write combiner.
  void leave() {
    const std::int64_t at = hwsim::now() + layer_.pipeline_cycles;
    writer_.write(piece_bits_, at);
    due_.push_back(at);
    if (++pieces_ == layer_.results)
      writer_.flush(at);
    else
      piece_bits_ = layer_.result_bits(pieces_);
  }

  void take_beat() {
    const std::size_t lanes = static_cast<std::size_t>(shape_.lanes);
    const std::size_t at = beat_.size();
    beat_.resize(at + lanes);
    get_port(dut_->out_data_o, reinterpret_cast<std::uint32_t*>(beat_.data() + at));
    if (beat_.size() < lanes * static_cast<std::size_t>(beats_)) return;
    // The beats may come before the piece they belong to, but never after it has reached the write combiner.
    if (static_cast<std::int64_t>(due_.size()) > stored_ && !stalls_.enabled)
      DYAD_EXPECT(hwsim::now() <= due_[static_cast<std::size_t>(stored_)],
                  "a result of core " + shape_.name + " came later than its pipeline_cycles");
    layer_.store(stored_++, beat_);
    beat_.clear();
  }

  void prepare_parameters() {
    if (next_parameters_ >= layer_.results) return;
    std::fill(parameters_.begin(), parameters_.end(), 0);
    for (std::int64_t c = 0; c < shape_.columns; ++c) {
      const ColumnParameters p = layer_.parameters(next_parameters_, c);
      const std::int64_t at = c * kParameterBits;
      put_bits(parameters_.data(), at, 32, static_cast<std::uint32_t>(p.bias));
      put_bits(parameters_.data(), at + 32, 16, static_cast<std::uint32_t>(p.weight_zero_point));
      put_bits(parameters_.data(), at + 48, 32, static_cast<std::uint32_t>(p.multiplier));
      put_bits(parameters_.data(), at + 80, 6, static_cast<std::uint32_t>(p.shift));
      put_bits(parameters_.data(), at + 86, 32, static_cast<std::uint32_t>(p.other_multiplier));
      put_bits(parameters_.data(), at + 118, 6, static_cast<std::uint32_t>(p.other_shift));
    }
  }

  const std::uint32_t* residual_beat() {
    if (next_residual_ / beats_ != residual_result_) {
      residual_result_ = next_residual_ / beats_;
      residual_ = layer_.residual(residual_result_);
    }
    return reinterpret_cast<const std::uint32_t*>(residual_.data()) + next_residual_ % beats_ * shape_.lanes;
  }

  static constexpr std::int64_t kPatience = 100'000;

  Dut<Model>& dut_;
  const CoreShape& shape_;
  const CoreLayer& layer_;
  CoreStalls stalls_;
  const std::function<void()>& sample_;
  std::int64_t beats_;
  FeedState first_feed_, second_feed_;
  hwsim::DmaWriter writer_;
  std::vector<Willingness> willing_;
  std::vector<std::uint32_t> parameters_;
  std::vector<std::int32_t> beat_, residual_;
  std::vector<std::int64_t> due_;  // cycle in which each result must be complete
  std::int64_t next_parameters_ = 0, next_residual_ = 0, residual_result_ = -1, pieces_ = 0, stored_ = 0, clocked_ = 0, last_progress_ = 0;
  std::int64_t piece_bits_ = 0;  // of result pieces_
};

template <class Model>
class CoreSimulationOf final : public CoreSimulation {
 public:
  explicit CoreSimulationOf(CoreShape shape) : shape_(std::move(shape)) {
    Model& m = *dut_;
    m.prog_valid_i = m.act_valid_i = m.wgt_valid_i = m.par_valid_i = m.res_valid_i = 0;
    m.act_slots_ready_i = m.wgt_slots_ready_i = m.piece_ready_i = m.out_ready_i = 0;
    dut_.reset();
  }
  ~CoreSimulationOf() override {
    if (waves_) waves_->close();
  }
  const CoreShape& shape() const override { return shape_; }

  CoreResult run(const CoreLayer& layer, const hwsim::DramTiming& timing, const CoreStalls& stalls) override {
    DYAD_EXPECT(timing.latency >= 2, "the external memory must have a latency of two cycles or more");
    DYAD_EXPECT(stalls.enabled || layer.pipeline_cycles >= shape_.output_latency,
                "core " + shape_.name + " needs pipeline_cycles of " + std::to_string(shape_.output_latency) + " or more");
    for (const CoreRegister& each : layer.registers) program(each.index, each.value);
    program(0, 0);
    hwsim::Session session;
    auto& dram = session.make<hwsim::Dram>("dram", timing, nullptr);
    auto& clock = session.make<CoreClock<Model>>("core", dut_, shape_, layer, dram, stalls, sample_);
    session.run();
    DYAD_EXPECT(clock.finished(), "core " + shape_.name + " ended a layer before its last result");
    return {clock.last_done(), clock.clocked(), dram.bits_read(), dram.bits_written()};
  }

  /// Calls `observer` in every cycle with the model, its inputs set and settled; an empty one ends that. For measurements.
  void observe(std::function<void(Model&)> observer) {
    if (observer)
      sample_ = [this, observer = std::move(observer)] { observer(*dut_); };
    else
      sample_ = nullptr;
  }
  Dut<Model>& dut() { return dut_; }

  void trace(const std::filesystem::path& file) override {
    if constexpr (requires(Model & m) { m.trace(waves_.get(), 99); }) {
      dut_.context().traceEverOn(true);
      waves_ = std::make_unique<VerilatedFstC>();
      dut_->trace(waves_.get(), 99);
      waves_->open(file.c_str());
      sample_ = [this] { waves_->dump(static_cast<std::uint64_t>(dumped_++)); };
    } else {
      DYAD_EXPECT(false, "core " + shape_.name + " was built without waves");
    }
  }

 private:
  void program(int index, std::uint32_t value) {
    Model& m = *dut_;
    m.prog_valid_i = 1;
    m.prog_data_i = std::uint64_t{static_cast<std::uint8_t>(index)} << 32 | value;
    dut_.settle();
    DYAD_EXPECT(m.prog_ready_o, "core " + shape_.name + " takes no program");
    if (sample_) sample_();
    dut_.clock();
    m.prog_valid_i = 0;
  }

  CoreShape shape_;
  Dut<Model> dut_;
  std::unique_ptr<VerilatedFstC> waves_;
  std::function<void()> sample_;
  std::int64_t dumped_ = 0;
};

}  // namespace dyad::cosim
