// HAWQ-V3's own functions, run in PyTorch on CPU, against ours: every case of every hawq_* vector file but the residual blocks,
// which tests/unit/kernels runs through the integer kernels.
#include <gtest/gtest.h>

#include <cmath>

#include "dyad/base/dyadic.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/uniform.hpp"
#include "dyad/ranges/observers.hpp"
#include "support/vector_json.hpp"

namespace dyad::quantizer {
namespace {

using testing_support::vector_cases;
using testing_support::VectorCase;

constexpr std::int64_t kExactInFloat = std::int64_t{1} << 22;  // the reference's accumulators are exact below

std::vector<std::int64_t> widened(const std::vector<std::int32_t>& values) { return {values.begin(), values.end()}; }

void expect_equal(const std::vector<std::int64_t>& got, const std::vector<std::int64_t>& expected, const std::string& what) {
  ASSERT_FALSE(expected.empty()) << what;
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected[i]) << what << " element " << i;
}

BitWidth output_format(const VectorCase& vector) { return {vector.integer("bits"), vector.text("mode") == "symmetric"}; }

TEST(HawqVectors, WeightQuantization) {
  DYAD_NEEDS_VECTORS("hawq_weight_quant");
  for (const VectorCase& v : vector_cases("hawq_weight_quant")) {
    const auto weights = v.floats("w");
    const auto got = quantize_symmetric(weights, v.integers("shape").at(0), v.integer("bits"), v.json.at("per_channel").get<bool>(),
                                        v.json.at("percentile").get<double>());
    EXPECT_EQ(got.scales, v.floats("scale")) << v.where;
    const auto lowest = v.floats("range_min"), highest = v.floats("range_max");
    ASSERT_EQ(got.ranges.size(), lowest.size()) << v.where;
    for (std::size_t c = 0; c < lowest.size(); ++c) {
      EXPECT_EQ(got.ranges[c].lowest, lowest[c]) << v.where << " channel " << c;
      EXPECT_EQ(got.ranges[c].highest, highest[c]) << v.where << " channel " << c;
    }
    expect_equal(widened(got.values), v.integers("q"), v.where);
  }
}

TEST(HawqVectors, ActivationQuantization) {
  DYAD_NEEDS_VECTORS("hawq_act_quant");
  for (const VectorCase& v : vector_cases("hawq_act_quant")) {
    const BitWidth format = output_format(v);
    ranges::HawqRangeTracker tracker({v.json.at("momentum").get<double>(), v.json.at("percentile").get<double>(), !format.is_signed});
    ASSERT_FALSE(v.json.at("steps").empty()) << v.where;
    int index = 0;
    for (const auto& step_json : v.json.at("steps")) {
      const VectorCase step{step_json, v.where + " step " + std::to_string(index++)};
      const auto x = step.floats("x");
      if (!step.has("frozen") || !step.json.at("frozen").get<bool>()) tracker.observe(x);
      EXPECT_EQ(tracker.lowest(), step.one_float("x_min")) << step.where;
      EXPECT_EQ(tracker.highest(), step.one_float("x_max")) << step.where;
      const Range range{tracker.lowest(), tracker.highest()};
      const float scale = format.is_signed ? symmetric_scale(range, format.bits) : asymmetric_scale(range, format.bits);
      EXPECT_EQ(scale, step.one_float("scale")) << step.where;
      std::vector<std::int32_t> q(x.size());
      quantize_values(x, scale, format, q);
      expect_equal(widened(q), step.integers("q"), step.where);
    }
  }
}

TEST(HawqVectors, MultiplierAndShift) {
  DYAD_NEEDS_VECTORS("hawq_batch_frexp");
  for (const VectorCase& v : vector_cases("hawq_batch_frexp")) {
    const auto ratios = v.doubles("ratio");
    const auto multipliers = v.integers("mult"), shifts = v.integers("shift");
    ASSERT_FALSE(ratios.empty()) << v.where;
    ASSERT_EQ(multipliers.size(), ratios.size()) << v.where;
    for (std::size_t i = 0; i < ratios.size(); ++i) {
      const auto got = dyadic_from_ratio(ratios[i]);
      ASSERT_TRUE(got.has_value()) << v.where << " " << ratios[i];
      // A mantissa of 2^31 is stored as 2^30 with one shift less: the same number.
      const bool full = std::abs(multipliers[i]) == (std::int64_t{1} << 31);
      EXPECT_EQ(got->multiplier, full ? multipliers[i] / 2 : multipliers[i]) << v.where << " " << ratios[i];
      EXPECT_EQ(got->shift, shifts[i] - (full ? 1 : 0)) << v.where << " " << ratios[i];
    }
  }
}

// Channel c of (..., C) data takes scale c, or the only one.
Dyadic ratio_of(const std::vector<float>& scale_weight, std::size_t c, float scale_in, float scale_out) {
  return *dyadic_from_ratio(requantization_ratio(scale_in, scale_weight[scale_weight.size() == 1 ? 0 : c], scale_out));
}

TEST(HawqVectors, DyadicRequantization) {
  DYAD_NEEDS_VECTORS("hawq_dyadic_requant");
  for (const VectorCase& v : vector_cases("hawq_dyadic_requant")) {
    const auto acc = v.integers("acc_int");
    const auto channels = static_cast<std::size_t>(v.integer("channels"));
    const BitWidth format = output_format(v);
    const auto reference = v.integers("ref_out");
    const std::pair<const char*, Rounding> roundings[] = {
        {"exact_half_even", Rounding::kHalfEven}, {"exact_floor_half", Rounding::kHalfUp}, {"exact_half_away", Rounding::kHalfAway}};
    for (const auto& [field, rounding] : roundings) {
      std::vector<std::int64_t> got;
      for (std::size_t i = 0; i < acc.size(); ++i) {
        const Dyadic ratio = ratio_of(v.floats("s_w"), i % channels, v.one_float("s_in"), v.one_float("s_out"));
        got.push_back(requantize(static_cast<std::int32_t>(acc[i]), ratio, rounding, 0, format));
        if (rounding == Rounding::kHalfEven && std::abs(acc[i]) < kExactInFloat) {
          EXPECT_EQ(got.back(), reference.at(i)) << v.where << " ref_out " << i;
        }
      }
      expect_equal(got, v.integers(field), v.where + " " + field);
    }
  }
}

TEST(HawqVectors, ResidualAddition) {
  DYAD_NEEDS_VECTORS("hawq_residual_add");
  for (const VectorCase& v : vector_cases("hawq_residual_add")) {
    const auto channels = static_cast<std::size_t>(v.integer("channels"));
    const auto add = [&](const std::vector<std::int64_t>& main, const std::vector<std::int64_t>& identity) {
      std::vector<std::int64_t> out;
      for (std::size_t i = 0; i < main.size(); ++i) {
        const Dyadic main_ratio = ratio_of(v.floats("s_w"), i % channels, v.one_float("s_in"), v.one_float("s_out"));
        const Dyadic identity_ratio = ratio_of(v.floats("s_identity_w"), i % channels, v.one_float("s_identity"), v.one_float("s_out"));
        out.push_back(residual_add(static_cast<std::int32_t>(main[i]), main_ratio, static_cast<std::int32_t>(identity[i]), identity_ratio,
                                   Rounding::kHalfEven));
      }
      return out;
    };
    const auto main = v.integers("acc_main"), identity = v.integers("acc_identity");
    const auto exact = add(main, identity);
    expect_equal(exact, v.integers(v.has("out_exact") ? "out_exact" : "exact_out_half_even"), v.where);
    // The reference recovers its accumulators from float tensors; where it saw the true ones, below 2^22, it must agree.
    const auto main_seen = v.integers("acc_main_seen_by_ref"), identity_seen = v.integers("acc_identity_seen_by_ref"),
               reference = v.integers("ref_out");
    std::size_t compared = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      if (main_seen.at(i) != main[i] || identity_seen.at(i) != identity[i] || std::abs(main[i]) >= kExactInFloat ||
          std::abs(identity[i]) >= kExactInFloat)
        continue;
      ++compared;
      EXPECT_EQ(exact[i], reference.at(i)) << v.where << " ref_out " << i;
    }
    EXPECT_GT(compared, 0u) << v.where;
  }
}

TEST(HawqVectors, AveragePooling) {
  DYAD_NEEDS_VECTORS("hawq_avgpool");
  for (const VectorCase& v : vector_cases("hawq_avgpool")) {
    const auto shape = v.integers("shape"), out_shape = v.integers("out_shape"), x = v.integers("x");
    const std::int64_t kernel = v.integer("kernel"), stride = v.integer("stride"), padding = v.integer("padding");
    const std::int64_t height = shape.at(2), width = shape.at(3);
    std::vector<std::int64_t> out;
    for (std::int64_t plane = 0; plane < shape.at(0) * shape.at(1); ++plane)
      for (std::int64_t oy = 0; oy < out_shape.at(2); ++oy)
        for (std::int64_t ox = 0; ox < out_shape.at(3); ++ox) {
          std::int64_t sum = 0;
          for (std::int64_t y = oy * stride - padding; y < oy * stride - padding + kernel; ++y)
            for (std::int64_t xx = ox * stride - padding; xx < ox * stride - padding + kernel; ++xx)
              if (y >= 0 && y < height && xx >= 0 && xx < width) sum += x.at(static_cast<std::size_t>((plane * height + y) * width + xx));
          out.push_back(integer_average(sum, kernel * kernel, AverageRounding::kHawq));  // padding counts
        }
    expect_equal(out, v.integers("out"), v.where);
  }
}

TEST(HawqVectors, ConcatenationRescale) {
  DYAD_NEEDS_VECTORS("hawq_concat");
  for (const VectorCase& v : vector_cases("hawq_concat")) {
    const std::int64_t batch = v.integer("batch"), area = v.integers("hw").at(0) * v.integers("hw").at(1);
    int outputs = 0;
    for (const int bits : {4, 8, 16}) {
      const std::string key = "out" + std::to_string(bits);
      if (!v.has(key)) continue;
      ++outputs;
      const VectorCase expected{v.json.at(key), v.where + " " + key};
      std::vector<std::int64_t> out;
      for (std::int64_t n = 0; n < batch; ++n)
        for (const auto& branch_json : v.json.at("branches")) {
          const VectorCase branch{branch_json, v.where};
          const std::int64_t channels = branch.integer("channels");
          const Dyadic ratio = *dyadic_from_ratio(requantization_ratio(branch.one_float("scale"), 1.0f, expected.one_float("scale")));
          const auto x = branch.integers("x");
          for (std::int64_t i = 0; i < channels * area; ++i)
            out.push_back(requantize(static_cast<std::int32_t>(x.at(static_cast<std::size_t>(n * channels * area + i))), ratio,
                                     Rounding::kHalfEven, 0, {bits, true}));
        }
      expect_equal(out, expected.integers("q"), expected.where);
    }
    EXPECT_GT(outputs, 0) << v.where;
  }
}

// Geometry of a vector that gives only element counts: the smallest odd kernel consistent with them.
struct Geometry {
  std::int64_t kernel = 0, channels = 0, height = 0;
};
Geometry find_geometry(const VectorCase& v, std::int64_t weights, std::int64_t inputs) {
  const auto out = v.integers("out_shape");
  for (std::int64_t kernel = 1; kernel <= 11; kernel += 2) {
    if (weights % (out[1] * kernel * kernel) != 0) continue;
    const std::int64_t channels = weights / (out[1] * kernel * kernel) * v.integer("groups");
    if (inputs % (out[0] * channels) != 0) continue;
    const std::int64_t area = inputs / (out[0] * channels);
    const auto height = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(area))));
    if (height * height == area && (height + 2 * v.integer("padding") - kernel) / v.integer("stride") + 1 == out[2])
      return {kernel, channels, height};
  }
  return {};
}

TEST(HawqVectors, FoldedConvolution) {
  DYAD_NEEDS_VECTORS("hawq_convbn_fold");
  for (const VectorCase& v : vector_cases("hawq_convbn_fold")) {
    const auto weight = v.floats("conv_weight");
    const auto x = v.integers("x_int"), out_shape = v.integers("out_shape");
    const Geometry g = find_geometry(v, static_cast<std::int64_t>(weight.size()), static_cast<std::int64_t>(x.size()));
    ASSERT_GT(g.kernel, 0) << v.where;
    const std::int64_t filters = out_shape.at(1), groups = v.integer("groups"), depth = g.channels / groups, pad = v.integer("padding");
    network::Network net;
    network::Node source;
    source.name = "x";
    source.kind = network::OpKind::kInput;
    source.output_shape = {g.height, g.height, g.channels};
    const auto input = net.add(std::move(source), {});
    network::Node conv;
    conv.name = "conv";
    conv.kind = network::OpKind::kConv;
    const int k = static_cast<int>(g.kernel), s = v.integer("stride"), p = static_cast<int>(pad);
    conv.window = {k, k, s, s, p, p, p, p, 1, 1};
    conv.groups = static_cast<int>(groups);
    conv.out_channels = filters;
    conv.weight = Tensor<float>({filters, g.kernel, g.kernel, depth});  // the file holds (K, C, R, S)
    const auto krsc = [&](std::int64_t f, std::int64_t c, std::int64_t r, std::int64_t q) {
      return ((f * g.kernel + r) * g.kernel + q) * depth + c;
    };
    const auto kcrs = [&](std::int64_t f, std::int64_t c, std::int64_t r, std::int64_t q) {
      return static_cast<std::size_t>(((f * depth + c) * g.kernel + r) * g.kernel + q);
    };
    for (std::int64_t f = 0; f < filters; ++f)
      for (std::int64_t c = 0; c < depth; ++c)
        for (std::int64_t r = 0; r < g.kernel; ++r)
          for (std::int64_t q = 0; q < g.kernel; ++q) conv.weight[krsc(f, c, r, q)] = weight[kcrs(f, c, r, q)];
    const auto conv_id = net.add(std::move(conv), {input});
    network::Node bn;
    bn.kind = network::OpKind::kBatchNorm;
    bn.name = "bn";
    bn.batch_norm = {v.floats("gamma"), v.floats("beta"), v.floats("mean"), v.floats("var"), v.json.at("bn_eps").get<float>()};
    net.set_output(net.add(std::move(bn), {conv_id}));
    ASSERT_TRUE(net.infer_shapes()) << v.where;
    const auto folded = network::fold_batch_norms(net);
    ASSERT_TRUE(folded) << v.where;
    const network::Node& layer = folded->node(*folded->find("conv"));

    const auto q = quantize_symmetric(layer.weight.values(), filters, v.integer("weight_bits"), true, 0);
    EXPECT_EQ(q.scales, v.floats("s_w")) << v.where;
    const auto bias = quantize_bias(layer.bias, v.one_float("s_in"), q.scales);
    expect_equal(widened(bias), v.integers("bias_int"), v.where + " bias");
    const auto expected_weights = v.integers("weight_int");
    for (std::int64_t f = 0; f < filters; ++f)
      for (std::int64_t c = 0; c < depth; ++c)
        for (std::int64_t r = 0; r < g.kernel; ++r)
          for (std::int64_t t = 0; t < g.kernel; ++t)
            ASSERT_EQ(q.values[static_cast<std::size_t>(krsc(f, c, r, t))], expected_weights.at(kcrs(f, c, r, t))) << v.where;

    std::vector<std::int64_t> acc;
    for (std::int64_t n = 0; n < out_shape[0]; ++n)
      for (std::int64_t f = 0; f < filters; ++f)
        for (std::int64_t oy = 0; oy < out_shape[2]; ++oy)
          for (std::int64_t ox = 0; ox < out_shape[3]; ++ox) {
            std::int64_t sum = bias[static_cast<std::size_t>(f)];
            for (std::int64_t c = 0; c < depth; ++c)
              for (std::int64_t r = 0; r < g.kernel; ++r)
                for (std::int64_t t = 0; t < g.kernel; ++t) {
                  const std::int64_t y = oy * s - pad + r, xx = ox * s - pad + t;
                  if (y < 0 || y >= g.height || xx < 0 || xx >= g.height) continue;
                  const std::int64_t channel = f / (filters / groups) * depth + c;
                  sum += x[static_cast<std::size_t>(((n * g.channels + channel) * g.height + y) * g.height + xx)] *
                         q.values[static_cast<std::size_t>(krsc(f, c, r, t))];
                }
            acc.push_back(sum);
          }
    expect_equal(acc, v.integers("acc_exact"), v.where + " accumulators");
  }
}

}  // namespace
}  // namespace dyad::quantizer
