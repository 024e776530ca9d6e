#include <algorithm>

#include "dyad/accel_models/tiled/layer_data.hpp"
#include "layer_parts.hpp"
#include "tile_kernels.hpp"

namespace dyad::accel_models::tiled {
namespace {

/// Puts the low `bits` bits of `value` at bit `at` of `line`, whose bits there are 0.
void put_bits(std::uint32_t* line, std::int64_t at, std::int64_t bits, std::uint32_t value) {
  if (bits < 32) value &= (std::uint32_t{1} << bits) - 1;
  line[at / 32] |= value << at % 32;
  if (at % 32 + bits > 32) line[at / 32 + 1] |= value >> (32 - at % 32);
}

}  // namespace

std::vector<std::uint32_t> LayerData::tile_lines(const OperandTile& tile) const {
  DYAD_EXPECT(problem_.weighted, "an elementwise layer has no operand tiles");
  DYAD_EXPECT(machine_.activation_slice == 1 && machine_.weight_slice == 1, "no core takes slices of several bits");
  Lowered lowered;
  lower(tile, lowered);
  const Packing& packing = problem_.packing;
  const std::int64_t entries = words_ * (tile.is_weights ? packing.weight_entries : packing.activation_entries);
  const std::int64_t entry_lines = tile.is_weights ? problem_.weight_lines : problem_.activation_lines;
  std::vector<std::uint32_t> lines(static_cast<std::size_t>(entries * entry_lines * words_per_line(tile.is_weights)), 0);
  const auto deal = [&](const auto& elements) {
    if (machine_.operands == Operands::kBitPlanes)
      deal_planes(tile, elements.data(), lines.data());
    else
      deal_elements(tile, elements.data(), lines.data());
  };
  if (is_wide_)
    deal(lowered.wide);
  else
    deal(lowered.narrow);
  return lines;
}

template <typename Element>
void LayerData::deal_planes(const OperandTile& tile, const Element* elements, std::uint32_t* lines) const {
  const std::int64_t vectors = tile.is_weights ? problem_.tile_columns : problem_.tile_rows;
  const std::int64_t planes = tile.is_weights ? problem_.weight_bits : problem_.activation_bits;
  const std::int64_t line_words = words_per_line(tile.is_weights), depth = machine_.depth;
  std::uint32_t unit[kMaxOperandBits];
  for (std::int64_t v = 0; v < vectors; ++v)
    for (std::int64_t first = 0; first < stride_; first += kTileUnit) {
      bit_planes(elements + v * stride_ + first, planes, unit, 1);
      // A unit may straddle words of K; elements of K's last unit that lie beyond the chunk are 0.
      for (std::int64_t e = first; e < first + kTileUnit && e < words_ * depth;) {
        const std::int64_t k = e / depth, bit = e % depth;
        const std::int64_t run = std::min({first + kTileUnit - e, depth - bit, 32 - bit % 32});
        for (std::int64_t p = 0; p < planes; ++p)
          put_bits(lines + ((k * planes + p) * vectors + v) * line_words, bit, run, unit[p] >> (e - first));
        e += run;
      }
    }
}

template <typename Element>
void LayerData::deal_elements(const OperandTile& tile, const Element* elements, std::uint32_t* lines) const {
  const Packing& packing = problem_.packing;
  const std::int64_t vectors = tile.is_weights ? problem_.tile_columns : problem_.tile_rows;
  const std::int64_t passes = tile.is_weights ? packing.weight_entries : packing.activation_entries;
  const std::int64_t entry_lines = tile.is_weights ? problem_.weight_lines : problem_.activation_lines;
  const std::int64_t line_words = words_per_line(tile.is_weights);
  const std::int64_t stored = tile.is_weights ? packing.weight_element_bits : packing.activation_element_bits, part = stored / passes;
  // Of a fusion unit's 32 bits.
  const std::int64_t units = machine_.depth / 32, unit_elements = machine_.operands == Operands::kBricks ? packing.elements / units : 1;
  const auto packed = [&](std::int32_t element) {
    if (machine_.operands != Operands::kCodes || !tile.is_weights) return element;
    const std::vector<std::uint8_t> codes = shift_codes(element, passes).value();  // make() has refused weights without
    std::int32_t all = 0;
    for (std::size_t p = codes.size(); p-- > 0;) all = all << 8 | codes[p];
    return all;
  };
  for (std::int64_t v = 0; v < vectors; ++v)
    for (std::int64_t e = 0; e < std::min(stride_, words_ * packing.elements); ++e) {
      const auto value = static_cast<std::uint32_t>(packed(elements[v * stride_ + e]));
      const std::int64_t word = e / packing.elements, within = e % packing.elements;
      std::int64_t line = 0, bit = 0;
      switch (machine_.operands) {
        case Operands::kElements:
        case Operands::kCodes:
          line = v;
          bit = within * part;
          break;
        case Operands::kColumns: bit = v * machine_.depth; break;
        case Operands::kBricks: {
          const std::int64_t unit = within / unit_elements;
          line = tile.is_weights ? unit : v;
          bit = (tile.is_weights ? v : unit) * 32 + within % unit_elements * part;
          break;
        }
        default: throw InternalError("no core takes these operands element by element");
      }
      for (std::int64_t p = 0; p < passes; ++p)
        put_bits(lines + ((word * passes + p) * entry_lines + line) * line_words, bit, part, value >> p * part);
    }
}

std::int64_t LayerData::element(std::int64_t output, std::int64_t step) const {
  const IntegerLayer& layer = *operands_.layer;
  if (layer.op == IntegerOp::kAdd || layer.op == IntegerOp::kRequantize)
    return operands_.inputs[static_cast<std::size_t>(step)]->get(output);
  const LayerShape& s = layer.shape;
  const std::int64_t c = output % s.out_channels, ow = output / s.out_channels % s.out_w, row = output / (s.out_channels * s.out_w);
  const Pixel p = pixel_under(s, row % s.out_h, ow, step / s.window.kernel_w, step % s.window.kernel_w);
  return operands_.inputs[0]->get(((row / s.out_h * s.in_h + p.h) * s.in_w + p.w) * s.in_channels + c);
}

std::vector<std::uint32_t> LayerData::element_lines(std::int64_t job_index) const {
  DYAD_EXPECT(is_elementwise(), "a weighted layer has no element lines");
  if (const auto supported = supported_by_rtl(); !supported) throw InternalError(supported.error().message);
  const Job of = job(job_index);
  const std::int64_t lanes = machine_.requantizer_lanes, bits = problem_.activation_bits, line_bits = machine_.activation_line_bits();
  const std::int64_t results = ceil_div(problem_.outputs, schedule_.jobs());
  std::vector<std::uint32_t> lines(static_cast<std::size_t>(schedule_.stream_words * words_per_line(false)), 0);
  std::int64_t at = 0;  // in bits, without what fills up lines
  for (std::int64_t first = 0; first < results; first += lanes)
    for (std::int64_t step = 0; step < steps(); ++step)
      for (std::int64_t lane = 0; lane < lanes; ++lane, at += bits) {
        const std::int64_t output = first + lane < results ? output_index(of, first + lane) : -1;
        if (output < 0) continue;
        const std::uint32_t value = static_cast<std::uint32_t>(element(output, step));
        for (std::int64_t b = 0; b < bits; ++b) {
          const std::int64_t line = (at + b) / line_bits, bit = (at + b) % line_bits;
          lines[static_cast<std::size_t>(line * words_per_line(false) + bit / 32)] |= (value >> b & 1) << bit % 32;
        }
      }
  return lines;
}

}  // namespace dyad::accel_models::tiled
