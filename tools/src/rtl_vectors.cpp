#include "rtl_vectors.hpp"

#include <numeric>

#include "command.hpp"
#include "dyad/cosim/average_reciprocal.hpp"
#include "dyad/cosim/requantizer_driver.hpp"

namespace dyad::tools {
namespace {

using workflow::VectorFile;
using Outputs = std::optional<std::vector<workflow::VectorOutput>>;
using cosim::reference::AverageBeat;
using cosim::reference::RequantizerBeat;
using cosim::reference::ResidualBeat;

RequantizerBeat beat(const VectorFile& file, std::int32_t acc, Dyadic ratio, std::int32_t zero_point) {
  return {acc,
          ratio.multiplier,
          ratio.shift,
          zero_point,
          static_cast<std::int32_t>(file.out.lowest()),
          static_cast<std::int32_t>(file.out.highest())};
}

/// `results` cut into one output for each size.
Outputs cut(const std::vector<std::int32_t>& results, const std::vector<std::size_t>& sizes) {
  std::vector<workflow::VectorOutput> outputs;
  auto at = results.begin();
  for (const std::size_t size : sizes) {
    outputs.push_back({{at, at + static_cast<std::ptrdiff_t>(size)}, {}, {}});
    at += static_cast<std::ptrdiff_t>(size);
  }
  return outputs;
}

Outputs compute(const VectorFile& file, const std::vector<workflow::RequantizeCase>& cases) {
  if (file.rounding == Rounding::kFloat32Scale) return std::nullopt;
  std::vector<RequantizerBeat> beats;
  std::vector<std::size_t> sizes;
  for (const auto& each : cases) {
    for (const std::int32_t acc : each.acc) beats.push_back(beat(file, acc, each.ratio, each.zero_point));
    sizes.push_back(each.acc.size());
  }
  return cut(cosim::run_requantizer(file.rounding, beats), sizes);
}

Outputs compute(const VectorFile& file, const std::vector<workflow::ConcatCase>& cases) {
  std::vector<RequantizerBeat> beats;
  std::vector<std::size_t> sizes;
  for (const auto& each : cases) {
    const std::int64_t positions = static_cast<std::int64_t>(each.branches[0].values.size()) / each.branches[0].channels;
    for (std::int64_t p = 0; p < positions; ++p)
      for (const workflow::ConcatBranch& branch : each.branches)
        for (std::int64_t c = 0; c < branch.channels; ++c)
          beats.push_back(beat(file, branch.values[static_cast<std::size_t>(p * branch.channels + c)], branch.ratio, branch.zero_point));
    sizes.push_back(each.expected.size());
  }
  return cut(cosim::run_requantizer(file.rounding, beats), sizes);
}

Outputs compute(const VectorFile& file, const std::vector<workflow::ResidualCase>& cases) {
  std::vector<ResidualBeat> beats;
  std::vector<std::size_t> sizes;
  for (const auto& each : cases) {
    for (std::size_t i = 0; i < each.main.size(); ++i)
      beats.push_back({each.main[i], each.main_ratio, each.identity[i], each.identity_ratio, each.zero_point,
                       static_cast<std::int32_t>(file.out.lowest()), static_cast<std::int32_t>(file.out.highest())});
    sizes.push_back(each.main.size());
  }
  return cut(cosim::run_residual_adder(file.rounding, beats), sizes);
}

Outputs compute(const VectorFile& file, const std::vector<workflow::AveragePoolCase>& cases) {
  std::vector<AverageBeat> beats;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::int64_t sum = std::accumulate(cases[i].values.begin(), cases[i].values.end(), std::int64_t{0});
    const auto reciprocal = cosim::average_reciprocal(cases[i].count, file.average_rounding);
    if (!reciprocal || std::abs(sum) > reciprocal->largest_sum) {
      note("note: " + file.file + ":/cases/" + std::to_string(i) + ": the sum " + std::to_string(sum) + " of " +
           std::to_string(cases[i].count) + " is outside what rtl/average_divider.sv is for; the file is not checked on RTL");
      return std::nullopt;
    }
    beats.push_back({static_cast<std::int32_t>(sum), cases[i].count, static_cast<std::int32_t>(file.out.lowest()),
                     static_cast<std::int32_t>(file.out.highest())});
  }
  return cut(cosim::run_average_divider(file.average_rounding, beats), std::vector<std::size_t>(cases.size(), 1));
}

template <typename Case>
Outputs compute(const VectorFile&, const std::vector<Case>&) {
  return std::nullopt;  // scales, weights: no module computes these
}

}  // namespace

workflow::VectorImplementation rtl_vector_implementation() {
  return {"rtl", [](const VectorFile& file) -> Result<Outputs> {
            return std::visit([&](const auto& cases) { return compute(file, cases); }, file.cases);
          }};
}

}  // namespace dyad::tools
