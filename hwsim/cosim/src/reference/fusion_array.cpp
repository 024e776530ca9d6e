#include "dyad/cosim/reference/fusion_array.hpp"

namespace dyad::cosim::reference {

void FusionArray::clock(const Inputs& in) {
  results_.clock(in.reset, in.capture ? std::optional(sums_) : std::nullopt);
  if (!in.valid || in.reset) return;
  const auto add = [&](std::uint32_t& to, std::int64_t addend) {
    to = (in.first ? 0u : to) + (static_cast<std::uint32_t>(addend) << 8 * in.format.pass_shift);
  };
  const std::vector<std::uint32_t>& activations = in.activations.words();
  const std::vector<std::uint32_t>& weights = in.weights.words();
  const std::size_t rows = static_cast<std::size_t>(rows_), columns = static_cast<std::size_t>(columns_);
  for (std::size_t c = 0; c < columns; ++c) {
    std::int64_t dot = 0;
    for (std::size_t r = 0; r < rows; ++r) dot += fusion_dot(activations[r], weights[r * columns + c], in.format);
    add(sums_.acc[c], dot);
  }
  std::int64_t sum = 0;
  for (std::size_t r = 0; r < rows && in.sum; ++r) sum += fusion_activation_sum(activations[r], in.format);
  add(sums_.sum[0], sum);
}

}  // namespace dyad::cosim::reference
