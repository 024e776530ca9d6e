#include "dyad/cosim/requantizer_driver.hpp"

#include <Vaverage_divider_floor.h>
#include <Vaverage_divider_half_away.h>
#include <Vaverage_divider_half_up.h>
#include <Vaverage_divider_hawq.h>
#include <Vdyadic_requantizer_floor.h>
#include <Vdyadic_requantizer_gemmlowp.h>
#include <Vdyadic_requantizer_half_away.h>
#include <Vdyadic_requantizer_half_even.h>
#include <Vdyadic_requantizer_half_up.h>
#include <Vresidual_adder_floor.h>
#include <Vresidual_adder_gemmlowp.h>
#include <Vresidual_adder_half_away.h>
#include <Vresidual_adder_half_even.h>
#include <Vresidual_adder_half_up.h>

#include "checks/average_check.hpp"
#include "dyad/base/result.hpp"
#include "dyad/cosim/dut.hpp"

namespace dyad::cosim {
namespace {

// A beat a cycle; results as they come. Latency is 3: a few cycles more, and the stream is stuck.
template <class Model, class Beats, class Drive>
std::vector<std::int32_t> stream(const Beats& beats, const Drive& drive) {
  Dut<Model> dut;
  dut->in_valid_i = 0;
  dut->out_ready_i = 1;
  dut.reset();
  std::vector<std::int32_t> results;
  results.reserve(beats.size());
  const auto most_cycles = static_cast<std::int64_t>(beats.size()) + 8;
  for (std::size_t offered = 0; results.size() < beats.size();) {
    DYAD_EXPECT(dut.cycle() < most_cycles, "the RTL stopped giving results");
    dut->in_valid_i = offered < beats.size();
    if (offered < beats.size()) drive(*dut, beats[offered]);
    dut.settle();
    if (dut->out_valid_o) results.push_back(static_cast<std::int32_t>(dut->out_data_o));
    offered += dut->in_valid_i && dut->in_ready_o;
    dut.clock();
  }
  return results;
}

void check_contract(Dyadic ratio, std::int32_t lowest, std::int32_t highest) {
  DYAD_EXPECT(ratio.multiplier != INT32_MIN && ratio.shift >= 0 && ratio.shift <= 62 && lowest <= highest,
              "operands outside the requantizer's contract");
}

template <class Model>
std::vector<std::int32_t> requantize_stream(std::span<const reference::RequantizerBeat> beats) {
  return stream<Model>(beats, [](Model& model, const reference::RequantizerBeat& beat) {
    check_contract({beat.multiplier, beat.shift}, beat.lowest, beat.highest);
    model.in_acc_i = static_cast<std::uint32_t>(beat.acc);
    model.in_multiplier_i = static_cast<std::uint32_t>(beat.multiplier);
    model.in_shift_i = static_cast<std::uint8_t>(beat.shift);
    model.in_zero_point_i = static_cast<std::uint32_t>(beat.zero_point);
    model.in_lowest_i = static_cast<std::uint32_t>(beat.lowest);
    model.in_highest_i = static_cast<std::uint32_t>(beat.highest);
  });
}

template <class Model>
std::vector<std::int32_t> add_stream(std::span<const reference::ResidualBeat> beats) {
  return stream<Model>(beats, [](Model& model, const reference::ResidualBeat& beat) {
    check_contract(beat.main_ratio, beat.lowest, beat.highest);
    check_contract(beat.identity_ratio, beat.lowest, beat.highest);
    model.in_main_i = static_cast<std::uint32_t>(beat.main);
    model.in_main_multiplier_i = static_cast<std::uint32_t>(beat.main_ratio.multiplier);
    model.in_main_shift_i = static_cast<std::uint8_t>(beat.main_ratio.shift);
    model.in_identity_i = static_cast<std::uint32_t>(beat.identity);
    model.in_identity_multiplier_i = static_cast<std::uint32_t>(beat.identity_ratio.multiplier);
    model.in_identity_shift_i = static_cast<std::uint8_t>(beat.identity_ratio.shift);
    model.in_zero_point_i = static_cast<std::uint32_t>(beat.zero_point);
    model.in_lowest_i = static_cast<std::uint32_t>(beat.lowest);
    model.in_highest_i = static_cast<std::uint32_t>(beat.highest);
  });
}

template <class Model>
std::vector<std::int32_t> average_stream(AverageRounding rounding, std::span<const reference::AverageBeat> beats) {
  AverageReciprocals reciprocals(rounding);
  return stream<Model>(beats, [&](Model& model, const reference::AverageBeat& beat) {
    DYAD_EXPECT(beat.count >= 1 && beat.count <= kLargestAverageCount && beat.lowest <= beat.highest,
                "operands outside the average divider's contract");
    const AverageReciprocal& reciprocal = reciprocals[beat.count];
    DYAD_EXPECT(std::abs(std::int64_t{beat.sum}) <= reciprocal.largest_sum, "a sum for which the average divider is not exact");
    model.in_sum_i = static_cast<std::uint32_t>(beat.sum);
    drive_average(model, beat, reciprocal, 32);
  });
}

}  // namespace

std::vector<std::int32_t> run_requantizer(Rounding rounding, std::span<const reference::RequantizerBeat> beats) {
  switch (rounding) {
    case Rounding::kHalfUp: return requantize_stream<Vdyadic_requantizer_half_up>(beats);
    case Rounding::kHalfEven: return requantize_stream<Vdyadic_requantizer_half_even>(beats);
    case Rounding::kHalfAway: return requantize_stream<Vdyadic_requantizer_half_away>(beats);
    case Rounding::kFloor: return requantize_stream<Vdyadic_requantizer_floor>(beats);
    case Rounding::kGemmlowp: return requantize_stream<Vdyadic_requantizer_gemmlowp>(beats);
    case Rounding::kFloat32Scale: break;
  }
  throw InternalError("float32_scale exists in software only");
}

std::vector<std::int32_t> run_residual_adder(Rounding rounding, std::span<const reference::ResidualBeat> beats) {
  switch (rounding) {
    case Rounding::kHalfUp: return add_stream<Vresidual_adder_half_up>(beats);
    case Rounding::kHalfEven: return add_stream<Vresidual_adder_half_even>(beats);
    case Rounding::kHalfAway: return add_stream<Vresidual_adder_half_away>(beats);
    case Rounding::kFloor: return add_stream<Vresidual_adder_floor>(beats);
    case Rounding::kGemmlowp: return add_stream<Vresidual_adder_gemmlowp>(beats);
    case Rounding::kFloat32Scale: break;
  }
  throw InternalError("float32_scale exists in software only");
}

std::vector<std::int32_t> run_average_divider(AverageRounding rounding, std::span<const reference::AverageBeat> beats) {
  switch (rounding) {
    case AverageRounding::kHalfUp: return average_stream<Vaverage_divider_half_up>(rounding, beats);
    case AverageRounding::kHalfAway: return average_stream<Vaverage_divider_half_away>(rounding, beats);
    case AverageRounding::kFloor: return average_stream<Vaverage_divider_floor>(rounding, beats);
    case AverageRounding::kHawq: return average_stream<Vaverage_divider_hawq>(rounding, beats);
  }
  throw InternalError("no such average rounding");
}

}  // namespace dyad::cosim
