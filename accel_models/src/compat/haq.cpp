#include <algorithm>

#include "dyad/base/ceil_div.hpp"
#include "model.hpp"

namespace dyad::accel_models::compat {
namespace {

struct Sizes {
  std::int64_t w, a, batch, rows, columns;
  std::int64_t pixels, m_tiles;  ///< of one image
  std::int64_t splits;           ///< b: parts in which the activations of a batch fit the store
};

std::int64_t depthwise(const Sizes& s, std::int64_t channels) {
  const std::int64_t streamed = std::max(s.pixels * s.a, (s.m_tiles - 1) * s.rows * s.a + s.w * s.a) + s.splits * (s.w - 1);
  const std::int64_t computed = s.rows * s.w + (s.m_tiles - 2) * s.w * s.a + (s.pixels - s.rows * (s.m_tiles - 1)) * s.a;
  return s.batch * ceil_div(channels, s.columns) * std::max(streamed, computed);
}

std::int64_t dense(const Sizes& s, std::int64_t words, std::int64_t out_channels) {
  const std::int64_t n_tiles = ceil_div(out_channels, s.columns), work = s.w * s.a * words;
  const std::int64_t tiles = s.batch * s.pixels / s.rows;  // of the batch
  // Activations outside: weights pass by every block of activations.
  const std::int64_t outer_fetch = (tiles - s.splits) * s.rows * s.a * words + s.splits * s.rows * n_tiles * s.w * s.a * words;
  const std::int64_t outer_compute =
      s.batch * (s.m_tiles * n_tiles * work + s.splits * (s.rows * n_tiles * s.w * words - n_tiles * work + s.a - 1));
  // Weights outside: activations pass by every weight tile, image by image.
  const std::int64_t first = std::max(s.pixels * s.a * words, (s.m_tiles - 1) * s.rows * s.a * words + work);
  const std::int64_t inner_compute = first + (n_tiles - 1) * s.m_tiles * work + s.splits * (s.w - 1);
  const std::int64_t inner_fetch = s.columns * n_tiles * s.w * words + (s.m_tiles - 1) * work + s.w * (s.a - 1);
  return std::min(std::max(outer_fetch, outer_compute), s.batch * std::max(inner_compute, inner_fetch));
}

}  // namespace

double haq_cycles(const LayerShape& layer, OperandBits bits, std::int64_t batch, const tiled::Machine& m) {
  const std::int64_t weight_store = m.weight_entries * m.weight_entry_bits(),
                     activation_store = m.activation_entries * m.activation_entry_bits();
  const std::int64_t groups = layer.groups, inputs = layer.reduction(), outputs = layer.out_channels / groups;
  if (layer.kind == LayerKind::kLinear) {
    const std::int64_t weights = layer.out_channels * inputs * bits.weight;
    return static_cast<double>(weights) / static_cast<double>(m.depth) +
           static_cast<double>(ceil_div(weights, weight_store) * (bits.activation - 1));
  }
  Sizes s{bits.weight, bits.activation, batch, m.rows, m.columns, layer.out_h * layer.out_w, 0, 0};
  s.m_tiles = ceil_div(s.pixels, m.rows);
  const bool is_depthwise = groups == layer.in_channels && groups > 1;
  const std::int64_t words = is_depthwise ? 1 : ceil_div(inputs, m.depth);
  s.splits = std::max<std::int64_t>(1, ceil_div(batch * s.pixels * words * m.depth * s.a, activation_store));
  if (is_depthwise) return static_cast<double>(depthwise(s, layer.out_channels));
  return static_cast<double>(groups * dense(s, words, outputs));
}

}  // namespace dyad::accel_models::compat
