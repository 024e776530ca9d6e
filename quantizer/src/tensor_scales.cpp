#include "tensor_scales.hpp"

#include <cmath>
#include <utility>

namespace dyad::quantizer {
namespace {

// scale[to] = scale[from] * factor, and the other way round.
struct Link {
  std::size_t to;
  double factor;
};

bool is_raw_accumulator(const IntegerLayer& layer) { return layer.op == IntegerOp::kConv && !layer.requantize; }

void spread(std::size_t from, const std::vector<std::vector<Link>>& links, std::vector<double>& scales) {
  std::vector<std::size_t> open{from};
  while (!open.empty()) {
    const std::size_t tensor = open.back();
    open.pop_back();
    for (const Link& link : links[tensor]) {
      if (scales[link.to] > 0) continue;
      scales[link.to] = scales[tensor] * link.factor;
      open.push_back(link.to);
    }
  }
}

}  // namespace

double real_ratio(const Requantization& r, std::size_t channel) {
  if (r.rounding == Rounding::kFloat32Scale) return r.float32_scales[r.float32_scales.size() == 1 ? 0 : channel];
  const Dyadic ratio = r.ratios[r.ratios.size() == 1 ? 0 : channel];
  return std::ldexp(static_cast<double>(ratio.multiplier), -ratio.shift);
}

std::size_t ratio_count(const Requantization& r) {
  return r.rounding == Rounding::kFloat32Scale ? r.float32_scales.size() : r.ratios.size();
}

std::vector<double> tensor_scales(const IntegerNetwork& network) {
  const std::size_t tensors = network.layers.size() + 1;
  std::vector<std::vector<Link>> links(tensors);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const IntegerLayer& layer = network.layers[i];
    if (layer.op == IntegerOp::kConv) continue;
    for (std::size_t j = 0; j < network.inputs[i].size(); ++j) {
      const auto source = static_cast<std::size_t>(network.inputs[i][j]);
      if (source > 0 && is_raw_accumulator(network.layers[source - 1])) continue;
      double ratio = 1;
      if (!layer.requantizations.empty()) {
        const Requantization& r = layer.requantizations[j];
        if (ratio_count(r) != 1 || !(real_ratio(r, 0) > 0)) continue;
        ratio = real_ratio(r, 0);  // out = in * ratio, so scale_in = scale_out * ratio
      }
      links[source].push_back({i + 1, 1 / ratio});
      links[i + 1].push_back({source, ratio});
    }
  }
  std::vector<double> scales(tensors, 0);
  scales[0] = network.input.scale;
  spread(0, links, scales);
  if (!(scales.back() > 0) && network.output_scales.size() == 1) {
    scales.back() = network.output_scales[0];
    spread(tensors - 1, links, scales);
  }
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const IntegerLayer& layer = network.layers[i];
    if (scales[i + 1] > 0 || is_raw_accumulator(layer)) continue;
    scales[i + 1] = std::ldexp(1.0, -(layer.output.bits - (layer.output.is_signed ? 1 : 0)));
    spread(i + 1, links, scales);
  }
  return scales;
}

}  // namespace dyad::quantizer
