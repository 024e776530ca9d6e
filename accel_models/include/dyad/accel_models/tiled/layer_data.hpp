/// \file The integers of one layer on a tiled machine: what its tiles hold, word by word, and what becomes of a job's accumulators.
/// The cycle tier computes with it and the RTL core is fed from it. Layout: docs/accel_models/tiled.md, "Data".
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dyad/accel_models/tiled/schedule.hpp"
#include "dyad/base/integer_layer.hpp"

namespace dyad::accel_models::tiled {

/// A layer that the scalar backend accepts, with its inputs. All of it must outlive what is made from it.
struct LayerOperands {
  const IntegerLayer* layer = nullptr;
  std::vector<const IntegerTensor*> inputs;  ///< of one batch size, in the layer's formats
  /// kAdd of the layer's result and `other`, fused into the layer (kConv only); null: none.
  const IntegerLayer* addition = nullptr;
  std::size_t addition_operand = 0;      ///< which input of `addition` the layer's result is
  const IntegerTensor* other = nullptr;  ///< the other input of `addition`
  /// A kRequantize of a pooling's result by one ratio, in the same pass; null: none. Then the pooling's own format is its input's.
  const IntegerLayer* narrowing = nullptr;

  std::int64_t batch() const { return inputs.front()->shape().front(); }
};

/// The shape that the cost model knows the layer by: `kind` follows from the operation, `adds_residual` from the addition.
LayerShape cost_shape(const LayerOperands& operands);
/// Its bits: the widest input, the weights, and the output (of the addition where there is one).
OperandBits operand_bits(const LayerOperands& operands);

/// One job: activation tile (group, m_tile, chunk) times weight tile (group, n_tile, chunk); an elementwise job is tile m_tile of the
/// outputs.
struct Job {
  std::int64_t group = 0;                  ///< of the Problem, 0 to groups - 1
  std::int64_t m_tile = 0, n_tile = 0;     ///< output pixels m_tile * rows ..., columns n_tile * columns ...
  std::int64_t chunk = 0;                  ///< of K
  bool is_first = true, completes = true;  ///< first, last chunk of its result
};

/// A tile of one operand: `index` counts tiles of m (activations) or of n (weights).
struct OperandTile {
  bool is_weights = false;
  std::int64_t group = 0, index = 0, chunk = 0;
  bool operator==(const OperandTile&) const = default;
};

/// What the result stage needs to know of one output channel:
/// acc = bias + (sum a w) - weight_zero_point * (sum a);  y = round(acc * ratio) [+ round(other * other_ratio)] + zero_point, clamped.
struct ChannelParameters {
  bool used = false;  ///< false: a column beyond the layer, whose results are not stored; all members are 0
  std::int32_t bias = 0, weight_zero_point = 0;
  Dyadic ratio;        ///< of the accumulator; {1, 0} when the layer does not requantize
  Dyadic other_ratio;  ///< of the residual operand; {0, 0} without one
};

/// What holds for all channels of a layer. For elementwise layers `ratio` and `other_ratio` of a channel belong to the first and the
/// second operand.
struct ResultParameters {
  bool requantizes = false;  ///< false: y = clamp(acc); gemmlowp's rounding has no multiplier that is 1
  Rounding rounding = Rounding::kHalfUp;
  std::int32_t zero_point = 0;  ///< of an addition: the sum of both
  std::int32_t lowest = 0, highest = 0;
};

/// Functional data of a schedule. Accumulators and partial sums are modulo 2^32; for layers whose sums fit int32, which the importer
/// proves, results equal the scalar backend's.
class LayerData {
 public:
  /// `problem` must be make_problem(cost_shape(operands), bits, batch, machine) with bits at least operand_bits(operands),
  /// `schedule` one of its schedules. Error: an operand is wider than the machine takes.
  static Result<LayerData> make(const LayerOperands& operands, const Problem& problem, const Schedule& schedule, const Machine& machine);

  /// Why the RTL core cannot run this layer with the same integers and cycles, if so.
  Result<void> supported_by_rtl() const;

  const LayerOperands& operands() const { return operands_; }
  const Problem& problem() const { return problem_; }
  const Schedule& schedule() const { return schedule_; }
  bool is_elementwise() const { return schedule_.order == Order::kElementwise; }
  /// False: plane a - 1 (w - 1) counts like the others. Two's complement otherwise; of elementwise operand 0 or 1.
  bool activations_signed(std::size_t operand = 0) const;
  bool weights_signed() const { return operands_.layer->weight_bits.is_signed; }

  /// Job 0 to schedule().jobs() - 1, in the order of execution.
  Job job(std::int64_t index) const;
  /// Operand tiles in the order in which they are fetched: 0 to schedule().resident_tiles() - 1, stream_tiles() - 1.
  OperandTile resident_tile(std::int64_t index) const;
  OperandTile stream_tile(std::int64_t index) const;

  /// std::uint32_t words that a line (a word of a memory) takes; its bit b is bit b % 32 of word b / 32.
  std::int64_t words_per_line(bool of_weights) const {
    return ((of_weights ? machine_.weight_line_bits() : machine_.activation_line_bits()) + 31) / 32;
  }
  /// The lines of a weighted tile as the fetch stage writes them, one a cycle, entry after entry: docs/accel_models/tiled.md has the places
  /// of elements. resident_words or stream_words lines; what lies beyond the layer is 0.
  std::vector<std::uint32_t> tile_lines(const OperandTile& tile) const;
  /// The lines of an elementwise tile: for every `requantizer_lanes` results, for every step (operand or window position, row by row) that
  /// many elements of activation_bits each, without gaps; the last line is filled up with 0. Elements beyond the layer are 0.
  /// Only for layers that supported_by_rtl() accepts.
  std::vector<std::uint32_t> element_lines(std::int64_t job_index) const;
  /// Steps of an elementwise layer: operands, or positions of the window.
  std::int64_t steps() const { return problem_.operations / problem_.outputs; }

  ResultParameters result_parameters() const;
  /// Of column `column` of the array in a job.
  ChannelParameters column_parameters(const Job& job, std::int64_t column) const;
  /// Of output channel `channel`.
  ChannelParameters channel_parameters(std::int64_t channel) const;
  /// The residual operand of a job's results, rows x columns; 0 beyond the layer.
  std::vector<std::int32_t> residual_operands(const Job& job) const;

  /// Results of a job in the result stage's order: rows x columns, or the consecutive outputs of an elementwise tile.
  std::int64_t results_per_job() const { return machine_.rows * machine_.columns; }
  /// Index in the output tensor of result `index` of a job, or -1 when it is beyond the layer.
  std::int64_t output_index(const Job& job, std::int64_t index) const;

  /// Computes the accumulators of a job as the array hands them over. Partial sums are added up: jobs come in order. (An elementwise
  /// job has none; its results are made in drained().)
  void hand_over(std::int64_t job_index);
  /// Of the job handed over last: sum a w of its chunk, rows x columns, and sum a of its chunk, one a row; 0 beyond the layer.
  std::span<const std::uint32_t> accumulators() const { return accumulators_; }
  std::span<const std::uint32_t> row_sums() const { return row_sums_; }
  /// The drain of a job that completes a result, which was handed over last, has ended: bias, zero points, requantization, relu, residual;
  /// stored into output().
  void drained(std::int64_t job_index);
  /// The results of the job drained last, in the order of results_per_job(); 0 beyond the layer.
  std::span<const std::int32_t> results() const { return results_; }

  /// Stores results that somebody else computed (the RTL), in the order of results_per_job().
  void store(std::int64_t job_index, std::span<const std::int32_t> results);
  /// (N, H, W, C) in the format of the last operation; complete after the last job.
  const IntegerTensor& output() const { return output_; }
  IntegerTensor take_output() && { return std::move(output_); }

 private:
  /// A lowered tile: rows (columns) of one chunk, zero-filled to a multiple of 32 elements.
  struct Lowered {
    OperandTile tile{false, -1, -1, -1};
    std::vector<std::int16_t> narrow;
    std::vector<std::int32_t> wide;   ///< instead of `narrow` where an operand does not fit 16 bits
    std::vector<std::uint32_t> sums;  ///< activations: rows x packed groups
  };

  LayerData(const LayerOperands& operands, const Problem& problem, const Schedule& schedule, const Machine& machine);
  void check() const;
  std::int64_t chunk_begin(std::int64_t chunk) const;
  std::int64_t chunk_end(std::int64_t chunk) const;
  template <typename Element>
  void lower_activations(const OperandTile& tile, std::vector<Element>& elements) const;
  template <typename Element>
  void lower_weights(const OperandTile& tile, std::vector<Element>& elements) const;
  void lower(const OperandTile& tile, Lowered& lowered) const;
  template <typename Element>
  void deal_planes(const OperandTile& tile, const Element* elements, std::uint32_t* lines) const;
  template <typename Element>
  void deal_elements(const OperandTile& tile, const Element* elements, std::uint32_t* lines) const;
  const Lowered& resident(const OperandTile& tile, std::int64_t slot);
  const Lowered& stream(const OperandTile& tile);
  std::int64_t element(std::int64_t output, std::int64_t step) const;
  std::int64_t elementwise_result(std::int64_t output) const;
  std::int64_t narrowed(std::int64_t value) const;
  std::int64_t finish(std::uint32_t accumulator, std::int64_t channel, std::int64_t output) const;

  LayerOperands operands_;
  Problem problem_;
  Schedule schedule_;
  Machine machine_;
  std::int64_t packed_ = 1;         ///< groups of the layer in one of the Problem
  std::int64_t group_outputs_ = 1;  ///< output channels of a group of the layer
  std::int64_t group_inputs_ = 1, reduction_ = 1;
  std::int64_t m_tiles_ = 1, n_tiles_ = 1, words_ = 1;  ///< words of K in a tile
  std::int64_t stride_ = 0;                             ///< elements of a row of a lowered tile
  bool is_wide_ = false, has_weight_zero_points_ = false;
  std::vector<Lowered> residents_;
  Lowered stream_;
  std::vector<std::uint32_t> accumulators_, row_sums_;
  std::vector<std::uint32_t> partial_, partial_sums_;  ///< of the result in the making; sums by packed group
  std::vector<std::int32_t> results_;
  IntegerTensor output_;
};

}  // namespace dyad::accel_models::tiled
