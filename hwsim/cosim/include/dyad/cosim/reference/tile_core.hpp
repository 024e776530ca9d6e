/// \file Reference model of a whole core: rtl/tile_shell.sv around the array of a family.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dyad/cosim/packed_bits.hpp"
#include "dyad/cosim/reference/core_program.hpp"
#include "dyad/cosim/reference/element_lanes.hpp"
#include "dyad/cosim/reference/element_sequencer.hpp"
#include "dyad/cosim/reference/job_sequencer.hpp"
#include "dyad/cosim/reference/result_sequencer.hpp"
#include "dyad/cosim/reference/result_stage.hpp"
#include "dyad/cosim/reference/stream_fifo.hpp"
#include "dyad/cosim/reference/tile_fetch.hpp"
#include "dyad/cosim/reference/tile_memory.hpp"

namespace dyad::cosim::reference {

/// Parameters of tile_shell.
struct TileCoreShape {
  std::int64_t rows = 8, columns = 8;
  std::int64_t activation_word_bits = 64, activation_rows = 8, activation_entries = 64;
  std::int64_t weight_word_bits = 64, weight_rows = 8, weight_entries = 64;
  std::int64_t lanes = 16;
  Rounding rounding = Rounding::kHalfUp;
  AverageRounding average_rounding = AverageRounding::kHalfUp;
  std::int64_t array_latency = 4;
  std::int64_t parameter_depth = 8, output_tiles = 8;

  std::int64_t beats() const { return rows * columns / lanes; }
  std::int64_t entry_bits() const { return activation_rows * activation_word_bits; }
};

/// What a family adds to the shell, as a function of a job's operands instead of an array: how long they are issued, and what they give.
class CoreArray {
 public:
  virtual ~CoreArray() = default;
  /// Cycles in which the operands of a weighted job are issued.
  virtual std::int64_t job_cycles(const CoreProgram& program) const = 0;
  /// Accumulators (row by row) and sums of activations of the job whose tiles begin at these entries.
  virtual void multiply(const CoreProgram& program, const TileMemory& activations, std::int64_t activation_base, const TileMemory& weights,
                        std::int64_t weight_base, ResultValues& acc, ResultValues& sum) const = 0;
};

/// The core at its ports, cycle by cycle. All outputs are functions of what it holds: none depends on an input of the same cycle.
class TileCore {
 public:
  using Column = ResultStage::Column;
  struct Inputs {
    bool prog_valid = false, act_valid = false, wgt_valid = false, par_valid = false, res_valid = false;
    std::uint64_t prog_data = 0;
    PackedBits act_data, wgt_data;
    std::vector<Column> par_data;
    std::vector<std::uint32_t> res_data;
    bool act_slots_ready = false, wgt_slots_ready = false, piece_ready = false, out_ready = false;
  };

  TileCore(const TileCoreShape& shape, std::shared_ptr<const CoreArray> array)
      : shape_(shape),
        array_(std::move(array)),
        fetch_activations_(shape.activation_rows),
        fetch_weights_(shape.weight_rows),
        activations_(shape.activation_rows, shape.activation_word_bits, shape.activation_entries),
        weights_(shape.weight_rows, shape.weight_word_bits, shape.weight_entries),
        lanes_(shape.lanes, shape.beats()),
        results_(shape.beats(), shape.output_tiles * shape.beats()),
        stage_(shape.rows, shape.columns, shape.lanes),
        parameters_(static_cast<std::size_t>(shape.parameter_depth)),
        residual_(static_cast<std::size_t>(shape.parameter_depth * shape.beats())),
        output_(static_cast<std::size_t>(shape.output_tiles * shape.beats())) {}

  bool prog_ready() const { return program_.prog_ready(); }
  bool running() const { return program_.running(); }
  bool act_ready() const { return fetch_activations_.in_ready(); }
  bool wgt_ready() const { return fetch_weights_.in_ready(); }
  bool act_slots_valid() const { return fetch_activations_.slots_valid(); }
  bool wgt_slots_valid() const { return fetch_weights_.slots_valid(); }
  std::int64_t act_slots() const { return fetch_activations_.slots(); }
  std::int64_t wgt_slots() const { return fetch_weights_.slots(); }
  bool par_ready() const { return parameters_.in_ready(); }
  bool res_ready() const { return residual_.in_ready(); }
  bool piece_valid() const { return results_.piece_valid(); }
  bool out_valid() const { return output_.out_valid(); }
  const ResultValues& out_data() const { return output_.out_data(); }

  void clock(const Inputs& in) {
    const bool starts = program_.start(in.prog_valid, in.prog_data);
    const bool done = !jobs_.active() && results_.idle();
    const bool elementwise = !flag(1), resident_is_weights = flag(0);
    const bool act_resident = !elementwise && !resident_is_weights;

    // Who hands over, and who starts.
    const bool issued = elementwise ? elements_.issued() : operands_left_ <= 1;
    ResultSequencer::Inputs drain;
    drain.drain_cycles = number(10);
    drain.residual = flag(4);
    const auto offered = jobs_.outputs(issued, false);
    drain.offer = offered.offer;
    drain.complete = offered.running && offered.running->last_of_result;
    drain.parameters_in = in.par_valid && par_ready();
    drain.residual_in = in.res_valid && res_ready();
    drain.beat_out = out_valid() && in.out_ready;
    drain.piece_ready = in.piece_ready;
    const bool accept = results_.accept(drain);
    const auto job = jobs_.outputs(issued, accept);

    // Accumulators on their way: those of a weighted job are worked out when it hands over.
    if (job.handover) {
      ResultStage::Tile tile;
      tile.first = job.running->first_of_result;
      tile.last = job.running->last_of_result;
      const std::int64_t latency = elementwise ? ElementLanes::kLatency : shape_.array_latency;
      if (!elementwise) {
        const std::int64_t activation_base = act_resident ? job.running->resident_base : job.running->stream_base;
        const std::int64_t weight_base = act_resident ? job.running->stream_base : job.running->resident_base;
        array_->multiply(program_, activations_, activation_base, weights_, weight_base, tile.acc, tile.sum);
        tile.other = ResultValues(tile.acc.size());
      }
      tiles_.emplace_back(now_ + 2 + latency, std::move(tile));
    }
    const bool tile_comes = !tiles_.empty() && tiles_.front().first == now_;
    if (tile_comes && elementwise) {
      tiles_.front().second.acc = lanes_.out_main();
      tiles_.front().second.other = lanes_.out_other();
      tiles_.front().second.sum.assign(static_cast<std::size_t>(shape_.rows), 0u);
    }

    // The result side.
    const ResultStage::Layer result = result_layer();
    static const std::vector<Column> kNoParameters;
    static const std::vector<std::uint32_t> kNoResidual;
    const bool parameters_taken = stage_.parameters_taken(), residual_taken = stage_.residual_taken(result);
    const bool beat_valid = stage_.beat_valid();
    output_.clock(beat_valid, beat_valid ? stage_.beat() : ResultValues{}, in.out_ready);
    stage_.clock(result, tile_comes ? &tiles_.front().second : nullptr, parameters_.out_valid() ? parameters_.out_data() : kNoParameters,
                 residual_.out_valid() ? residual_.out_data() : kNoResidual);
    if (tile_comes) tiles_.pop_front();
    parameters_.clock(in.par_valid, in.par_data, parameters_taken);
    residual_.clock(in.res_valid, in.res_data, residual_taken);
    results_.clock(drain);

    // Elementwise lanes: a slice is issued, its entry is read, and it is taken in the next cycle.
    ElementLanes::Inputs slice;
    PackedBits entry;
    if (elementwise) {
      slice.operation = static_cast<ElementLanes::Operation>(field(8, 2));
      slice.element_bits = 8 << field(10, 2);
      slice.first_signed = flag(12);
      slice.other_signed = flag(13);
      slice.valid = slice_.has_value();
      if (slice_) {
        slice.entry = slice_->read;
        slice.first = slice_->first;
        slice.last = slice_->last;
        slice.group = slice_->group;
        if (slice_->read) entry = joined(activations_.read_data());
      }
      slice.data = &entry;
      slice.capture = !captures_.empty() && captures_.front() == now_;
      if (slice.capture) captures_.pop_front();
      if (job.handover) captures_.push_back(now_ + 2);
    }
    lanes_.clock(slice);
    slice_.reset();
    if (const auto* issue = elements_.issue()) {
      slice_ = *issue;
      if (issue->read) activations_.read(issue->entry);
    }
    ElementSequencer::Job element_job{number(26), number(24), number(25), job.job_start ? job.starting->stream_base : 0};
    elements_.clock(job.job_start && elementwise ? &element_job : nullptr);
    if (operands_left_ > 0) --operands_left_;
    if (job.job_start && !elementwise) operands_left_ = array_->job_cycles(program_);

    // Words into the memories; jobs; the program.
    if (in.act_valid && act_ready()) activations_.write(fetch_activations_.entry(), fetch_activations_.row(), in.act_data);
    if (in.wgt_valid && wgt_ready()) weights_.write(fetch_weights_.entry(), fetch_weights_.row(), in.wgt_data);
    const bool stream_done = act_resident ? fetch_weights_.tile_done() : fetch_activations_.tile_done();
    const bool resident_done = !elementwise && (resident_is_weights ? fetch_weights_.tile_done() : fetch_activations_.tile_done());
    if (starts) {
      jobs_.start(job_layer());
      fetch_activations_.start(fetch_layer(act_resident, !act_resident));
      fetch_weights_.start(fetch_layer(!elementwise && resident_is_weights, !elementwise && !resident_is_weights));
    } else {
      jobs_.clock(issued, accept, stream_done, resident_done);
      fetch_activations_.clock(in.act_valid, act_resident ? job.release_resident : job.release_stream, in.act_slots_ready);
      fetch_weights_.clock(in.wgt_valid, !elementwise && (resident_is_weights ? job.release_resident : job.release_stream),
                           in.wgt_slots_ready);
    }
    program_.clock(in.prog_valid, in.prog_data, done);
    ++now_;
  }

 private:
  // Registers as docs/rtl/tile_shell.md lists them; before the program has set one, nothing runs that needs it.
  std::int64_t number(std::size_t index) const { return program_.at(index).value_or(0); }
  std::int64_t half(std::size_t index, int from) const { return number(index) >> from & 0xffff; }
  std::int64_t field(int from, int bits) const { return number(1) >> from & ((1 << bits) - 1); }
  bool flag(int bit) const { return field(bit, 1) != 0; }

  JobSequencer::Layer job_layer() const {
    JobSequencer::Layer layer;
    layer.blocks = number(2);
    layer.group_blocks = number(3);
    layer.block_tiles = number(4);
    layer.last_block_tiles = number(5);
    layer.rows = number(6);
    layer.jobs_per_result = number(7);
    layer.has_resident = flag(1);
    layer.stream_slots = half(13, 0);
    layer.regions = half(13, 16);
    layer.resident_stride = number(14);
    layer.stream_stride = number(15);
    layer.region_stride = number(16);
    return layer;
  }
  TileFetch::Layer fetch_layer(bool resident, bool streams) const {
    TileFetch::Layer layer;
    if (resident) {
      layer.words = number(11);
      layer.tile_stride = number(14);
      layer.slot_stride = number(16);
      layer.slots = half(13, 16);
      layer.slot_tiles = number(4);
      layer.last_slot_tiles = number(5);
      layer.group_slots = number(3);
    } else {
      layer.words = number(12);
      layer.slot_stride = number(15);
      layer.slots = streams ? half(13, 0) : 0;
    }
    return layer;
  }
  ResultStage::Layer result_layer() const {
    ResultStage::Layer layer;
    layer.operation = static_cast<ResultStage::Operation>(field(6, 2));
    layer.other_is_here = !flag(1);
    layer.half_rate = flag(4);
    layer.zero_point = static_cast<std::int32_t>(number(17));
    layer.lowest = static_cast<std::int32_t>(number(18));
    layer.highest = static_cast<std::int32_t>(number(19));
    layer.requantize_average = flag(5);
    layer.count = static_cast<std::int64_t>(number(24));  // the steps of an average are its elements
    layer.average_multiplier = static_cast<std::int32_t>(number(27));
    layer.average_shift = static_cast<int>(number(28));
    layer.rounding = shape_.rounding;
    layer.average_rounding = shape_.average_rounding;
    return layer;
  }
  PackedBits joined(const std::vector<PackedBits>& words) const {
    PackedBits entry(shape_.entry_bits());
    for (std::size_t row = 0; row < words.size(); ++row)
      for (std::int64_t from = 0; from < words[row].bits(); from += 32) {
        const int count = static_cast<int>(std::min<std::int64_t>(32, words[row].bits() - from));
        entry.set(static_cast<std::int64_t>(row) * shape_.activation_word_bits + from, count, words[row].get(from, count));
      }
    return entry;
  }

  TileCoreShape shape_;
  std::shared_ptr<const CoreArray> array_;
  CoreProgram program_;
  TileFetch fetch_activations_, fetch_weights_;
  TileMemory activations_, weights_;
  JobSequencer jobs_;
  ElementSequencer elements_;
  ElementLanes lanes_;
  ResultSequencer results_;
  ResultStage stage_;
  StreamFifo<std::vector<Column>> parameters_;
  StreamFifo<std::vector<std::uint32_t>> residual_;
  StreamFifo<ResultValues> output_;
  std::int64_t operands_left_ = 0;                                // of the weighted job that runs, counted from its start
  std::optional<ElementSequencer::Issue> slice_;                  // issued in the cycle before
  std::deque<std::pair<std::int64_t, ResultStage::Tile>> tiles_;  // cycle in which the accumulators come
  std::deque<std::int64_t> captures_;                             // cycles in which the lanes' results are captured
  std::int64_t now_ = 0;
};

}  // namespace dyad::cosim::reference
