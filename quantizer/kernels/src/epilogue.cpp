#include "epilogue.hpp"

namespace dyad::kernels {
namespace {

bool rounds_once(Rounding rounding) { return rounding != Rounding::kGemmlowp && rounding != Rounding::kFloat32Scale; }

std::size_t size_index(Storage storage) {
  const std::size_t bytes = element_bytes(storage);
  return bytes == 1 ? 0 : bytes == 2 ? 1 : 2;
}

}  // namespace

Epilogue::Epilogue(const SimdKernels& kernels, const IntegerLayer& layer, std::vector<const Requantization*> requantizations,
                   std::int64_t columns)
    : requantizations_(std::move(requantizations)), levels_(output_table(layer)), output_(storage_for(layer.output)) {
  storage_ = levels_.values.empty() ? output_ : Storage::kInt16;
  for (const Requantization* each : requantizations_) zero_point_ += each->zero_point;
  range_ = output_range(layer, zero_point_);
  bool even = false, away = false;
  for (const Requantization* each : requantizations_) {
    if (!rounds_once(each->rounding)) return;
    even |= each->rounding == Rounding::kHalfEven;
    away |= each->rounding == Rounding::kHalfAway;
  }
  if (even && away) return;  // two branches that break ties differently: no such network is known, the definition does it
  const TieRule tie = even ? TieRule::kEven : away ? TieRule::kAway : TieRule::kNone;
  const auto padded = static_cast<std::size_t>((columns + kPanel - 1) / kPanel * kPanel);
  for (std::size_t i = 0; i < requantizations_.size(); ++i) {
    const Requantization& requantization = *requantizations_[i];
    Columns& c = columns_[i];
    for (auto* values : {&c.multiplier, &c.shift, &c.nudge, &c.mask}) values->assign(padded, 0);
    for (std::size_t column = 0; column < static_cast<std::size_t>(columns); ++column) {
      const Dyadic ratio = requantization.ratio(static_cast<std::int64_t>(column));
      c.multiplier[column] = ratio.multiplier;
      c.shift[column] = ratio.shift;
      if (!requantization.offsets.empty()) c.nudge[column] = requantization.offsets[requantization.ratios.size() == 1 ? 0 : column];
      if (ratio.shift == 0 || requantization.rounding == Rounding::kFloor) continue;
      c.nudge[column] += std::int64_t{1} << (ratio.shift - 1);
      if (requantization.rounding == Rounding::kHalfEven) {
        c.nudge[column] -= 1;
        c.mask[column] = 1;
      }
      if (requantization.rounding == Rounding::kHalfAway) c.mask[column] = -1;
    }
  }
  rescale_ = kernels.rescale[requantizations_.size() - 1][static_cast<int>(tie)][size_index(storage_)];
}

template <typename Out>
void Epilogue::apply_by_definition(std::span<const EpilogueSource> sources, std::int64_t first_column, std::int64_t rows,
                                   std::int64_t columns, void* out, std::int64_t out_stride) const {
  for (std::int64_t row = 0; row < rows; ++row) {
    Out* to = reinterpret_cast<Out*>(static_cast<std::uint8_t*>(out) + row * out_stride);
    for (std::int64_t column = 0; column < columns; ++column) {
      std::int64_t y = 0;
      for (std::size_t i = 0; i < sources.size(); ++i)
        y += requantizations_[i]->apply(sources[i].values[row * sources[i].stride + column], first_column + column);
      to[column] = static_cast<Out>(std::clamp(y, range_.lowest, range_.highest));
    }
  }
}

void Epilogue::apply(std::span<const EpilogueSource> sources, std::int64_t first_column, std::int64_t rows, std::int64_t columns, void* out,
                     std::int64_t out_stride) const {
  if (levels_.values.empty()) return rescale(sources, first_column, rows, columns, out, out_stride);
  thread_local std::vector<std::int16_t> grid;
  grid.resize(static_cast<std::size_t>(rows * columns));
  rescale(sources, first_column, rows, columns, grid.data(), columns * 2);
  const std::int16_t* level = levels_.values.data() - levels_.lowest;
  const std::int16_t* from = grid.data();
  auto* bytes = static_cast<std::uint8_t*>(out);
  for (std::int64_t row = 0; row < rows; ++row, from += columns, bytes += out_stride) {
    if (element_bytes(output_) == 1) {
      for (std::int64_t column = 0; column < columns; ++column) bytes[column] = static_cast<std::uint8_t>(level[from[column]]);
    } else {
      auto* words = reinterpret_cast<std::int16_t*>(bytes);
      for (std::int64_t column = 0; column < columns; ++column) words[column] = level[from[column]];
    }
  }
}

void Epilogue::rescale(std::span<const EpilogueSource> sources, std::int64_t first_column, std::int64_t rows, std::int64_t columns,
                       void* out, std::int64_t out_stride) const {
  if (!rescale_) {
    switch (element_bytes(storage_)) {
      case 1: return apply_by_definition<std::uint8_t>(sources, first_column, rows, columns, out, out_stride);
      case 2: return apply_by_definition<std::int16_t>(sources, first_column, rows, columns, out, out_stride);
      default: return apply_by_definition<std::int32_t>(sources, first_column, rows, columns, out, out_stride);
    }
  }
  RescaleCall call{};
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const Columns& c = columns_[i];
    call.operand[i] = {sources[i].values,
                       sources[i].stride,
                       c.multiplier.data() + first_column,
                       c.shift.data() + first_column,
                       c.nudge.data() + first_column,
                       c.mask.data() + first_column};
  }
  call.rows = rows;
  call.columns = columns;
  call.zero_point = zero_point_;
  call.lowest = range_.lowest;
  call.highest = range_.highest;
  call.out = out;
  call.out_stride = out_stride;
  rescale_(call);
}

}  // namespace dyad::kernels
