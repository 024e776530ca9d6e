#include "dyad/base/ceil_div.hpp"
#include "model.hpp"

namespace dyad::accel_models::compat {

std::int64_t scalesim_cycles(const LayerShape& layer, std::int64_t batch, const tiled::Machine& machine) {
  const std::int64_t m = batch * layer.out_h * layer.out_w, n = layer.out_channels / layer.groups, k = layer.reduction();
  const bool weights_stay = machine.operands == tiled::Operands::kStationaryWeights,
             inputs_stay = machine.operands == tiled::Operands::kStationaryActivations;
  const std::int64_t rows = weights_stay || inputs_stay ? machine.depth / 8 : machine.rows,
                     columns = inputs_stay ? machine.rows : machine.columns;
  // The two extents that are folded onto the array, and the one that passes by.
  const std::int64_t along_rows = weights_stay || inputs_stay ? k : m, along_columns = inputs_stay ? m : n;
  const std::int64_t passing = weights_stay ? m : inputs_stay ? n : k;
  const std::int64_t folds = ceil_div(along_rows, rows) * ceil_div(along_columns, columns);
  const std::int64_t fold = passing + (weights_stay || inputs_stay ? 2 : 1) * rows + columns - 2;
  return layer.groups * (folds * fold - 1);
}

}  // namespace dyad::accel_models::compat
