// The lines that an RTL core is fed with hold what the accumulators are made of; what is refused.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"
#include "support/random_tiled.hpp"
#include "support/scalar_tiled.hpp"

namespace dyad::accel_models::tiled {
namespace {

using testing_support::expect_equal;
using testing_support::make_data;
using testing_support::problem_of;
using testing_support::run_scalar;
using testing_support::takes;
using testing_support::TiledCase;

constexpr std::uint64_t kSeed = 20261120;

class TiledLines : public ::testing::TestWithParam<Operands> {};
INSTANTIATE_TEST_SUITE_P(Operands, TiledLines, ::testing::ValuesIn(kAllOperands),
                         [](const auto& each) { return std::string(core_key(each.param)); });

/// Element `e` of vector `v` in the lines of a tile.
std::int64_t read_element(const std::vector<std::uint32_t>& lines, const LayerData& data, std::int64_t depth, std::int64_t vectors,
                          std::int64_t planes, bool is_signed, std::int64_t v, std::int64_t e) {
  std::int64_t value = 0;
  for (std::int64_t p = 0; p < planes; ++p) {
    const std::int64_t line = (e / depth * planes + p) * vectors + v, bit = e % depth;
    const std::int64_t one = lines[static_cast<std::size_t>(line * data.words_per_line(false) + bit / 32)] >> (bit % 32) & 1;
    value += (is_signed && p + 1 == planes ? -one : one) << p;
  }
  return value;
}

// What a bit-serial array makes of the lines: for every pair of planes, AND and population count, with the sign of the pair.
TEST(BitSerialLines, LinesHoldWhatTheAccumulatorsAreMadeOf) {
  int jobs = 0, sums_of_groups = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed + 2) + ", layer " + std::to_string(i));
    Random random(kSeed + 2, i);
    const TiledCase one = testing_support::random_weighted(random, true);
    const Machine machine = testing_support::random_tiled_machine(random);
    const LayerOperands operands = one.operands();
    const Problem problem = problem_of(random, operands, machine);
    const auto order = testing_support::one_of(random, {Order::kActivationsResident, Order::kWeightsResident, Order::kStreamed});
    const auto schedule = make_schedule(problem, machine, hwsim::DramTiming{}, order);
    if (!schedule) continue;
    LayerData data = make_data(operands, problem, *schedule, machine);
    const Schedule& s = *schedule;
    std::int64_t resident = -1, streamed = -1, resident_first = 0;
    std::vector<std::vector<std::uint32_t>> block;
    std::vector<std::uint32_t> stream;
    std::int64_t done = 0;
    // The loops of the execute stage, taking tiles in the order in which they are fetched.
    for (std::int64_t b = 0; b < s.groups * s.blocks; ++b) {
      const std::int64_t tiles = (b + 1) % s.blocks == 0 ? s.last_block_tiles : s.block_tiles;
      block.clear();
      resident_first = resident + 1;
      for (std::int64_t t = 0; t < tiles; ++t) {
        block.push_back(data.tile_lines(data.resident_tile(++resident)));
        ASSERT_EQ(static_cast<std::int64_t>(block.back().size()), s.resident_words * data.words_per_line(false));
      }
      for (std::int64_t row = 0; row < s.rows; ++row) {
        stream = data.tile_lines(data.stream_tile(++streamed));
        ASSERT_EQ(static_cast<std::int64_t>(stream.size()), s.stream_words * data.words_per_line(false));
        for (std::int64_t t = 0; t < tiles; ++t, ++done) {
          const Job job = data.job(done);
          const OperandTile expected_resident = data.resident_tile(resident_first + t), expected_stream = data.stream_tile(streamed);
          ASSERT_EQ(expected_resident.is_weights, s.resident_is_weights);
          ASSERT_EQ(expected_stream.is_weights, !s.resident_is_weights);
          const OperandTile &a = s.resident_is_weights ? expected_stream : expected_resident,
                            &w = s.resident_is_weights ? expected_resident : expected_stream;
          ASSERT_EQ(a, (OperandTile{false, job.group, job.m_tile, job.chunk}));
          ASSERT_EQ(w, (OperandTile{true, job.group, job.n_tile, job.chunk}));
          data.hand_over(done);
          if (random.below(8) != 0) continue;
          const auto &a_lines = s.resident_is_weights ? stream : block[static_cast<std::size_t>(t)],
                     &w_lines = s.resident_is_weights ? block[static_cast<std::size_t>(t)] : stream;
          const std::int64_t words = s.job_cycles / (problem.weight_bits * problem.activation_bits), line = data.words_per_line(false);
          for (std::int64_t r = 0; r < machine.rows; ++r) {
            std::int64_t row_sum = 0;
            for (std::int64_t e = 0; e < words * machine.depth; ++e)
              row_sum += read_element(a_lines, data, machine.depth, machine.rows, problem.activation_bits, data.activations_signed(), r, e);
            ASSERT_EQ(static_cast<std::int32_t>(data.row_sums()[static_cast<std::size_t>(r)]), row_sum);
            for (std::int64_t c = 0; c < machine.columns; ++c) {
              std::int64_t sum = 0;
              for (std::int64_t k = 0; k < words; ++k)
                for (std::int64_t p = 0; p < problem.activation_bits; ++p)
                  for (std::int64_t q = 0; q < problem.weight_bits; ++q) {
                    const bool negative = (data.activations_signed() && p + 1 == problem.activation_bits) !=
                                          (data.weights_signed() && q + 1 == problem.weight_bits);
                    std::int64_t count = 0;
                    for (std::int64_t u = 0; u < line; ++u)
                      count += std::popcount(
                          a_lines[static_cast<std::size_t>(((k * problem.activation_bits + p) * machine.rows + r) * line + u)] &
                          w_lines[static_cast<std::size_t>(((k * problem.weight_bits + q) * machine.columns + c) * line + u)]);
                    sum += (negative ? -count : count) << (p + q);
                  }
              ASSERT_EQ(static_cast<std::int32_t>(data.accumulators()[static_cast<std::size_t>(r * machine.columns + c)]), sum);
            }
          }
          ++jobs;
          sums_of_groups += problem.k > one.layer.shape.reduction();
        }
      }
    }
    ASSERT_EQ(done, s.jobs());
    ASSERT_EQ(resident + 1, s.resident_tiles());
    ASSERT_EQ(streamed + 1, s.stream_tiles());
  }
  EXPECT_GT(jobs, 1000);
  EXPECT_GT(sums_of_groups, 20);
}

/// Element `e` of vector `v` in the lines of a tile of whole numbers, by the places that docs/accel_models/tiled.md gives.
std::int64_t read_number(const std::vector<std::uint32_t>& lines, const LayerData& data, const Machine& machine, bool of_weights,
                         std::int64_t v, std::int64_t e) {
  const Packing packing = data.problem().packing;
  const std::int64_t bits = of_weights ? packing.weight_element_bits : packing.activation_element_bits, word = e / packing.elements;
  const std::int64_t within = e % packing.elements, vectors = of_weights ? machine.columns : machine.rows;
  const std::int64_t vectors_used = data.problem().tile_rows;
  const std::int64_t units = std::max<std::int64_t>(1, machine.depth / 32);
  const std::int64_t unit = within / std::max<std::int64_t>(1, packing.elements / units);
  std::int64_t value = 0;
  if (machine.operands == Operands::kCodes && of_weights) {
    for (std::int64_t pass = 0; pass < packing.weight_entries; ++pass) {
      const std::int64_t line = (word * packing.weight_entries + pass) * vectors + v;
      const std::uint32_t code =
          lines.at(static_cast<std::size_t>(line * data.words_per_line(true) + within * 8 / 32)) >> (within * 8 % 32) & 255;
      const std::int64_t a = code >> 3 & 15, b = code & 7, magnitude = (a ? 1 << (a - 1) : 0) + (b ? 1 << (b - 1) : 0);
      value += code & 128 ? -magnitude : magnitude;
    }
    return value;
  }
  for (std::int64_t b = 0; b < bits; ++b) {
    std::int64_t line = 0, place = 0;
    if (machine.operands == Operands::kElements || machine.operands == Operands::kCodes) {
      line = word * vectors + v;
      place = within * bits + b;
    } else if (machine.operands == Operands::kColumns) {
      line = word;
      place = v * machine.depth + b;
    } else {
      const std::int64_t passes = bits / std::min<std::int64_t>(bits, 8), part = bits / passes;
      const std::int64_t entry = word * passes + b / part, in_unit = within % (packing.elements / units) * part + b % part;
      line = of_weights ? entry * units + unit : entry * vectors_used + v;
      place = (of_weights ? v : unit) * 32 + in_unit;
    }
    const std::int64_t one = lines.at(static_cast<std::size_t>(line * data.words_per_line(of_weights) + place / 32)) >> (place % 32) & 1;
    const bool is_signed = of_weights ? data.weights_signed() : data.activations_signed();
    value += (is_signed && b + 1 == bits ? -one : one) << b;
  }
  return value;
}

TEST_P(TiledLines, LinesOfWholeNumbersHoldWhatTheAccumulatorsAreMadeOf) {
  if (GetParam() == Operands::kBitPlanes || GetParam() == Operands::kStationaryWeights || GetParam() == Operands::kStationaryActivations)
    return;  // above, and no core has them
  int jobs = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed + 5) + ", layer " + std::to_string(i));
    Random random(kSeed + 5, i);
    TiledCase one = testing_support::random_weighted(random, true);
    const Machine machine = testing_support::random_tiled_machine(random, GetParam());
    const LayerOperands operands = one.operands();
    if (!takes(machine, operands)) continue;
    testing_support::round_weights(one, machine, operand_bits(operands).weight);
    const Problem problem = problem_of(random, operands, machine);
    const auto order = testing_support::one_of(random, {Order::kActivationsResident, Order::kWeightsResident, Order::kStreamed});
    const auto schedule = make_schedule(problem, machine, hwsim::DramTiming{}, order);
    if (!schedule) continue;
    const Schedule& s = *schedule;
    LayerData data = make_data(operands, problem, s, machine);
    for (std::int64_t j = 0; j < s.jobs(); ++j) {
      data.hand_over(j);
      if (random.below(8) != 0) continue;
      const Job job = data.job(j);
      const auto a = data.tile_lines({false, job.group, job.m_tile, job.chunk}),
                 w = data.tile_lines({true, job.group, job.n_tile, job.chunk});
      const auto lines = [&](bool weights) {
        return (s.resident_is_weights == weights ? s.resident_words : s.stream_words) * data.words_per_line(weights);
      };
      ASSERT_EQ(static_cast<std::int64_t>(a.size()), lines(false));
      ASSERT_EQ(static_cast<std::int64_t>(w.size()), lines(true));
      const std::int64_t elements = s.k_words * problem.packing.elements;
      for (std::int64_t r = 0; r < problem.tile_rows; ++r)
        for (std::int64_t c = 0; c < machine.columns; ++c) {
          std::int64_t sum = 0, row_sum = 0;
          for (std::int64_t e = 0; e < elements; ++e) {
            const std::int64_t activation = read_number(a, data, machine, false, r, e);
            row_sum += activation;
            sum += activation * read_number(w, data, machine, true, c, e);
          }
          ASSERT_EQ(static_cast<std::int32_t>(data.row_sums()[static_cast<std::size_t>(r)]), row_sum);
          ASSERT_EQ(static_cast<std::int32_t>(data.accumulators()[static_cast<std::size_t>(r * machine.columns + c)]), sum);
        }
      ++jobs;
    }
  }
  EXPECT_GT(jobs, 500);
}

TEST(BitSerialLines, ElementLinesHoldTheOperandsInTheOrderOfTheLanes) {
  int layers = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed + 4) + ", layer " + std::to_string(i));
    Random random(kSeed + 4, i);
    const TiledCase one = testing_support::random_elementwise(random, true);
    const Machine machine = testing_support::random_tiled_machine(random);
    const LayerOperands operands = one.operands();
    const Problem problem = make_problem(cost_shape(operands), operand_bits(operands), operands.batch(), machine);
    const Schedule s = *make_schedule(problem, machine, hwsim::DramTiming{}, Order::kElementwise);
    LayerData data = make_data(operands, problem, s, machine);
    if (const auto supported = data.supported_by_rtl(); !supported) {
      EXPECT_NE(supported.error().message.find("memory"), std::string::npos) << supported.error().message;
      continue;
    }
    ++layers;
    const std::int64_t lanes = machine.requantizer_lanes, bits = problem.activation_bits;
    ASSERT_EQ(s.job_cycles % data.steps(), 0);
    const ResultParameters result = data.result_parameters();
    const ChannelParameters channel = data.channel_parameters(0);
    for (std::int64_t j = 0; j < s.jobs(); ++j) {
      const std::vector<std::uint32_t> lines = data.element_lines(j);
      ASSERT_EQ(static_cast<std::int64_t>(lines.size()), s.stream_words * data.words_per_line(false));
      std::vector<std::int32_t> results(static_cast<std::size_t>(data.results_per_job()), 0);
      // One cycle of the lanes after the other.
      for (std::int64_t turn = 0; turn < s.job_cycles / data.steps(); ++turn)
        for (std::int64_t lane = 0; lane < lanes && turn * lanes + lane < data.results_per_job(); ++lane) {
          std::int64_t sum = 0, largest = INT32_MIN;
          for (std::int64_t step = 0; step < data.steps(); ++step) {
            const std::int64_t first = ((turn * data.steps() + step) * lanes + lane) * bits;
            const bool is_signed = data.activations_signed(operands.inputs.size() == 2 ? static_cast<std::size_t>(step) : 0);
            std::int64_t value = 0;
            for (std::int64_t b = 0; b < bits; ++b) {
              const std::int64_t line = (first + b) / machine.depth, bit = (first + b) % machine.depth;
              const std::int64_t set = lines[static_cast<std::size_t>(line * data.words_per_line(false) + bit / 32)] >> (bit % 32) & 1;
              value += (is_signed && b + 1 == bits ? -set : set) << b;
            }
            const Dyadic ratio = step == 0 ? channel.ratio : channel.other_ratio;
            sum += result.requantizes ? round_multiply(static_cast<std::int32_t>(value), ratio.multiplier, ratio.shift, result.rounding)
                                      : value;
            largest = std::max(largest, value);
          }
          std::int64_t y = sum + result.zero_point;
          if (one.layer.op == IntegerOp::kMaxPool) y = largest;
          if (one.layer.op == IntegerOp::kAveragePool) y = integer_average(sum, data.steps(), one.layer.average_rounding);
          results[static_cast<std::size_t>(turn * lanes + lane)] =
              static_cast<std::int32_t>(std::clamp<std::int64_t>(y, result.lowest, result.highest));
        }
      data.store(j, results);
    }
    expect_equal(data.output(), run_scalar(one));
    if (HasFailure()) return;
  }
  EXPECT_GT(layers, 120);
}

// 2 x 2 units of 4 bits, one row of 5 pixels, 1 channel, kernel 1 x 3 with a zero of padding left and right.
TiledCase by_hand() {
  TiledCase one;
  one.layer.name = "by hand";
  LayerShape& s = one.layer.shape;
  s.in_w = s.out_w = 5;
  s.out_channels = 3;
  s.window.kernel_w = 3;
  s.window.pad_left = s.window.pad_right = 1;
  one.layer.inputs = {{2, false}};
  one.layer.input_zero_point = 1;
  one.layer.weight_bits = {2, true};
  one.layer.weights = Tensor<std::int8_t>({3, 1, 3, 1}, {1, 0, -1, -2, 1, 0, 1, 1, 1});
  one.layer.bias = {0, 10, 20};
  one.layer.requantize = false;
  one.layer.output = {32, true};
  one.inputs.emplace_back(Shape{1, 1, 5, 1}, one.layer.inputs[0]);
  const int pixels[] = {3, 0, 2, 1, 3};
  for (int i = 0; i < 5; ++i) one.inputs[0].set(i, pixels[i]);
  return one;
}

Machine hand_machine() {
  Machine machine;
  machine.rows = machine.columns = 2;
  machine.depth = 4;
  machine.activation_entries = machine.weight_entries = 16;
  return machine;
}

TEST(BitSerialLinesByHand, LinesOfAConvolution) {
  const TiledCase one = by_hand();
  const Machine machine = hand_machine();
  const LayerOperands operands = one.operands();
  const Problem problem = make_problem(cost_shape(operands), operand_bits(operands), 1, machine);
  const Schedule schedule = *make_schedule(problem, machine, hwsim::DramTiming{}, Order::kActivationsResident);
  LayerData data = make_data(operands, problem, schedule, machine);
  // Pixels with their padding: 1 3 0 2 1 3 1. Rows 0 and 1 are (1, 3, 0) and (3, 0, 2). Plane 0: 1 1 0 and 1 0 0; plane 1: 0 1 0 and
  // 1 0 1. The first element is the lowest bit.
  EXPECT_EQ(data.tile_lines({false, 0, 0, 0}), (std::vector<std::uint32_t>{0b011, 0b001, 0b010, 0b101}));
  // Row 4 is (1, 3, 1); row 5 does not exist.
  EXPECT_EQ(data.tile_lines({false, 0, 2, 0}), (std::vector<std::uint32_t>{0b111, 0, 0b010, 0}));
  // Columns 0 and 1 are (1, 0, -1) and (-2, 1, 0), in two bits 01 00 11 and 10 01 00.
  EXPECT_EQ(data.tile_lines({true, 0, 0, 0}), (std::vector<std::uint32_t>{0b101, 0b010, 0b100, 0b001}));
  data.hand_over(0);
  // (1, 3, 0) and (3, 0, 2) times these: 1 and 1; 1 and -6. Sums 4 and 5.
  EXPECT_EQ(std::vector<std::uint32_t>(data.accumulators().begin(), data.accumulators().end()),
            (std::vector<std::uint32_t>{1, 1, 1, static_cast<std::uint32_t>(-6)}));
  EXPECT_EQ(std::vector<std::uint32_t>(data.row_sums().begin(), data.row_sums().end()), (std::vector<std::uint32_t>{4, 5}));
  data.drained(0);
  EXPECT_EQ(std::vector<std::int32_t>(data.results().begin(), data.results().end()), (std::vector<std::int32_t>{1, 11, 1, 4}));
  EXPECT_EQ(data.output_index(data.job(0), 3), 4);  // second pixel, second channel
  // All three activation tiles stay, the second weight tile is job 3: channel 2, sums of the rows with bias 20.
  data.hand_over(3);
  data.drained(3);
  EXPECT_EQ(std::vector<std::int32_t>(data.results().begin(), data.results().end()), (std::vector<std::int32_t>{24, 0, 25, 0}));
  EXPECT_EQ(data.output_index(data.job(3), 1), -1);
  EXPECT_FALSE(data.column_parameters(data.job(3), 1).used);
  EXPECT_EQ(data.column_parameters(data.job(3), 0).bias, 20);
}

// 5 results of a 2 x 2 average on 3 lanes: two turns of 4 steps, the second with two lanes in use.
TEST(BitSerialLinesByHand, ElementwiseTilesLeaveLanesIdle) {
  TiledCase one;
  one.layer.name = "pool";
  one.layer.op = IntegerOp::kAveragePool;
  LayerShape& s = one.layer.shape;
  s.in_h = s.in_w = 2;
  s.in_channels = s.out_channels = 5;
  s.window.kernel_h = s.window.kernel_w = s.window.stride_h = s.window.stride_w = 2;
  one.layer.inputs = {{4, false}};
  one.layer.output = {4, false};
  one.inputs.emplace_back(Shape{1, 2, 2, 5}, one.layer.inputs[0]);
  for (int i = 0; i < 20; ++i) one.inputs[0].set(i, i % 16);
  Machine machine = hand_machine();
  machine.columns = 4;
  machine.depth = 32;
  machine.requantizer_lanes = 3;
  const LayerOperands operands = one.operands();
  const Problem problem = make_problem(cost_shape(operands), operand_bits(operands), 1, machine);
  const Schedule schedule = *make_schedule(problem, machine, hwsim::DramTiming{}, Order::kElementwise);
  EXPECT_EQ(schedule.job_cycles, 8);
  EXPECT_EQ(schedule.stream_words, 3);  // 2 * 4 * 3 elements of 4 bits
  LayerData data = make_data(operands, problem, schedule, machine);
  // Elements 0 1 2, 5 6 7, 10 11 12, 15 0 1 (16 and 17 modulo 16), then 3 4 -, 8 9 -, 13 14 -, 2 3 -.
  EXPECT_EQ(data.element_lines(0), (std::vector<std::uint32_t>{0xba765210, 0x804310fc, 0x0320ed09}));
}

TEST(TiledRefusals, RefusesWhatTheMachineHasNoPlanesFor) {
  TiledCase one = by_hand();
  one.layer.inputs = {{17, true}};
  one.inputs[0] = IntegerTensor(one.inputs[0].shape(), one.layer.inputs[0]);
  const LayerOperands operands = one.operands();
  const Problem problem = make_problem(cost_shape(operands), operand_bits(operands), 1, hand_machine());
  const auto data = LayerData::make(operands, problem, Schedule{}, hand_machine());
  ASSERT_FALSE(data.has_value());
  EXPECT_EQ(data.error().place, "layer 'by hand' (conv)");
}

TEST(TiledRefusals, SaysWhatTheRtlCoreCannotRun) {
  const auto refusal = [](const TiledCase& one, const Machine& machine) {
    const LayerOperands operands = one.operands();
    const Problem problem = make_problem(cost_shape(operands), operand_bits(operands), operands.batch(), machine);
    const Order order = problem.weighted ? Order::kActivationsResident : Order::kElementwise;
    const auto supported =
        make_data(operands, problem, *make_schedule(problem, machine, hwsim::DramTiming{}, order), machine).supported_by_rtl();
    return supported ? std::string() : supported.error().message;
  };
  Machine machine = hand_machine();
  EXPECT_EQ(refusal(by_hand(), machine), "");
  TiledCase scaled = by_hand();
  scaled.layer.requantize = true;
  scaled.layer.requantizations.resize(1);
  scaled.layer.requantizations[0].rounding = Rounding::kFloat32Scale;
  scaled.layer.requantizations[0].float32_scales = {0.5f};
  EXPECT_NE(refusal(scaled, machine).find("float32"), std::string::npos);
  TiledCase depthwise = by_hand();
  depthwise.layer.shape.groups = 3;
  depthwise.layer.shape.in_channels = 3;
  depthwise.layer.weight_zero_points = {5};
  depthwise.inputs[0] = IntegerTensor({1, 1, 5, 3}, depthwise.layer.inputs[0]);
  EXPECT_EQ(refusal(depthwise, machine), "");  // 3 of 4 bits: one group a row
  machine.depth = 6;
  EXPECT_NE(refusal(depthwise, machine).find("2 groups"), std::string::npos);
  TiledCase pool;
  pool.layer.name = "pool";
  pool.layer.op = IntegerOp::kMaxPool;
  pool.layer.inputs = {{8, true}};
  pool.layer.output = {8, true};
  pool.layer.shape.in_h = 7;
  pool.layer.shape.window.kernel_h = 3;
  pool.layer.shape.window.stride_h = 2;
  pool.layer.shape.out_h = 3;
  pool.inputs.emplace_back(Shape{1, 7, 1, 1}, pool.layer.inputs[0]);
  EXPECT_NE(refusal(pool, machine).find("overlap"), std::string::npos);
}

}  // namespace
}  // namespace dyad::accel_models::tiled
