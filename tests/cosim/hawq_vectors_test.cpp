// HAWQ-V3's vectors through the Verilated requantizer and residual adder: every dyadic requantization in the three modes that the files
// state, and every residual block, in which the RTL does all that follows an accumulator.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>

#include "dyad/cosim/requantizer_driver.hpp"
#include "dyad/kernels/backends.hpp"
#include "support/hawq_blocks.hpp"
#include "support/vector_json.hpp"

namespace dyad::cosim {
namespace {

using testing_support::vector_cases;
using testing_support::VectorCase;

Dyadic ratio_of(const VectorCase& v, std::size_t channel) {
  const auto scales = v.floats("s_w");
  return *dyadic_from_ratio(requantization_ratio(v.one_float("s_in"), scales[scales.size() == 1 ? 0 : channel], v.one_float("s_out")));
}

TEST(HawqVectors, RequantizationThroughTheRtl) {
  DYAD_NEEDS_VECTORS("hawq_dyadic_requant");
  for (const VectorCase& v : vector_cases("hawq_dyadic_requant")) {
    const auto acc = v.integers("acc_int");
    ASSERT_FALSE(acc.empty()) << v.where;
    const auto channels = static_cast<std::size_t>(v.integer("channels"));
    const BitWidth format{v.integer("bits"), v.text("mode") == "symmetric"};
    std::vector<Dyadic> ratios;
    for (std::size_t c = 0; c < channels; ++c) ratios.push_back(ratio_of(v, c));
    std::vector<reference::RequantizerBeat> beats;
    for (std::size_t i = 0; i < acc.size(); ++i) {
      const Dyadic ratio = ratios[i % channels];
      beats.push_back({static_cast<std::int32_t>(acc[i]), ratio.multiplier, ratio.shift, 0, static_cast<std::int32_t>(format.lowest()),
                       static_cast<std::int32_t>(format.highest())});
    }
    const std::pair<const char*, Rounding> roundings[] = {
        {"exact_half_even", Rounding::kHalfEven}, {"exact_floor_half", Rounding::kHalfUp}, {"exact_half_away", Rounding::kHalfAway}};
    for (const auto& [field, rounding] : roundings) {
      const auto got = run_requantizer(rounding, beats);
      const auto expected = v.integers(field);
      ASSERT_EQ(got.size(), expected.size()) << v.where << " " << field;
      for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected[i]) << v.where << " " << field << " element " << i;
    }
  }
}

// Accumulators by the scalar kernel; rescaling, clamping and addition by the RTL.
class RtlEpilogue : public PreparedLayer {
 public:
  RtlEpilogue(const IntegerLayer& layer, std::int64_t& beats) : layer_(layer), beats_(beats) {
    if (layer.op != IntegerOp::kConv) return;
    accumulators_ = layer;
    accumulators_.requantize = accumulators_.relu = false;
    accumulators_.requantizations.clear();
    accumulators_.output = {32, true};
    backend_ = kernels::make_scalar_backend();
    prepared_ = std::move(*backend_->prepare(accumulators_));
  }

  void run(std::span<const IntegerTensor* const> inputs, IntegerTensor& output) const override {
    const IntegerTensor* main = inputs[0];
    IntegerTensor acc;
    if (layer_.op == IntegerOp::kConv) {
      acc = IntegerTensor(output.shape(), {32, true});
      prepared_->run(inputs, acc);
      main = &acc;
    }
    const std::int64_t channels = output.shape()[3];
    std::vector<std::int32_t> results;
    if (layer_.op == IntegerOp::kAdd) {
      const Requantization &a = layer_.requantizations[0], &b = layer_.requantizations[1];
      std::vector<reference::ResidualBeat> beats;
      for (std::int64_t i = 0; i < output.size(); ++i) {
        const std::int32_t zero_point = a.zero_point + b.zero_point;
        beats.push_back({main->get(i), a.ratio(i % channels), inputs[1]->get(i), b.ratio(i % channels), zero_point, lowest(zero_point),
                         static_cast<std::int32_t>(layer_.output.highest())});
      }
      results = run_residual_adder(a.rounding, beats);
    } else if (layer_.requantize) {
      const Requantization& r = layer_.requantizations[0];
      std::vector<reference::RequantizerBeat> beats;
      for (std::int64_t i = 0; i < output.size(); ++i) {
        const Dyadic ratio = r.ratio(i % channels);
        beats.push_back({main->get(i), ratio.multiplier, ratio.shift, r.zero_point, lowest(r.zero_point),
                         static_cast<std::int32_t>(layer_.output.highest())});
      }
      results = run_requantizer(r.rounding, beats);
    } else {
      for (std::int64_t i = 0; i < output.size(); ++i) output.set(i, main->get(i));
      return;
    }
    beats_ += output.size();
    for (std::int64_t i = 0; i < output.size(); ++i) output.set(i, results[static_cast<std::size_t>(i)]);
  }

 private:
  std::int32_t lowest(std::int32_t zero_point) const {
    const auto lowest = static_cast<std::int32_t>(layer_.output.lowest());
    return layer_.relu ? std::max(zero_point, lowest) : lowest;
  }

  const IntegerLayer& layer_;
  std::int64_t& beats_;
  IntegerLayer accumulators_;
  std::unique_ptr<IntegerBackend> backend_;
  std::unique_ptr<PreparedLayer> prepared_;
};

class RtlEpilogues : public IntegerBackend {
 public:
  std::string name() const override { return "rtl-epilogue"; }
  std::string description() const override { return "scalar accumulators, Verilated requantizer and residual adder"; }
  Result<std::unique_ptr<PreparedLayer>> prepare(const IntegerLayer& layer) const override {
    return std::unique_ptr<PreparedLayer>(std::make_unique<RtlEpilogue>(layer, beats_));
  }
  std::int64_t beats() const { return beats_; }

 private:
  mutable std::int64_t beats_ = 0;
};

TEST(HawqVectors, ResidualBlocksThroughTheRtl) {
  DYAD_NEEDS_VECTORS("hawq_res_blocks");
  for (const VectorCase& v : vector_cases("hawq_res_blocks")) {
    const RtlEpilogues backend;
    EXPECT_EQ(testing_support::hawq_block_mismatches(v.json, backend), 0) << v.where;
    EXPECT_GT(backend.beats(), v.json.at("out_int").size()) << v.where;  // the sum and at least one rescaling went through the RTL
  }
}

}  // namespace
}  // namespace dyad::cosim
