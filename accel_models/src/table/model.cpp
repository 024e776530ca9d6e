#include <algorithm>
#include <map>

#include "dyad/accel_models/table/measured_table.hpp"

namespace dyad::accel_models::table {
namespace {

class Model : public CostModel {
 public:
  Model(MeasuredTable table, std::map<std::string, std::size_t> row_of) : table_(std::move(table)), row_of_(std::move(row_of)) {}

  std::string name() const override { return table_.name; }
  Tier tier() const override { return Tier::kMeasured; }
  Megahertz clock() const override { return Megahertz(table_.clock_mhz); }
  int batch() const override { return table_.batch; }
  Ceilings ceilings() const override { return {}; }
  std::string fingerprint() const override { return table_.fingerprint; }

  std::vector<std::string> notes() const override {
    std::vector<std::string> notes{"Layers without weights (pooling, residual additions) are not in a table: they cost 0.",
                                   "A table does not tell utilization, waiting cycles and memory traffic: they are 0."};
    if (!table_.clock_is_given)
      notes.emplace_back("The table names no clock: with 1000 MHz a cycle is 1 ns; ratios of latencies do not depend on it.");
    if (!has_energy()) notes.emplace_back("The table has no energies: they are 0.");
    return notes;
  }

  Result<LayerCost> cost(const LayerShape& layer, OperandBits bits, const Activity&) const override {
    LayerCost cost;
    if (!layer.is_weighted()) return cost;
    const auto row = row_of_.find(layer.name);
    if (row == row_of_.end())
      return Error{layer.name, "'" + table_.name + "' has no measurements of this layer", "measure it, and add it to the table"};
    const auto inside = [](int width) { return width >= 1 && width <= kMaxBits; };
    const Point* point =
        inside(bits.weight) && inside(bits.activation)
            ? &table_.rows[row->second][static_cast<std::size_t>(bits.weight - 1)][static_cast<std::size_t>(bits.activation - 1)]
            : nullptr;
    if (!point || point->cycles == 0)
      return Error{layer.name,
                   "'" + table_.name + "' has no measurement of this layer at W" + std::to_string(bits.weight) + "A" +
                       std::to_string(bits.activation),
                   "measure it, or choose bits that the table has"};
    cost.cycles = Cycles(point->cycles);
    if (point->energy_pj) cost.energy_pj["measured"] = *point->energy_pj;
    return cost;
  }

 private:
  bool has_energy() const {
    for (const auto& row : table_.rows)
      for (const auto& of_w : row)
        for (const Point& point : of_w)
          if (point.energy_pj.value_or(0) > 0) return true;
    return false;
  }

  MeasuredTable table_;
  std::map<std::string, std::size_t> row_of_;
};

}  // namespace

Result<std::unique_ptr<CostModel>> make_model(MeasuredTable table, std::span<const std::string> weighted_layers) {
  const std::string place = table.name;
  if (table.layers.empty()) {
    if (table.rows.size() != weighted_layers.size())
      return Error{place,
                   "the table has " + std::to_string(table.rows.size()) + " layers, the network has " +
                       std::to_string(weighted_layers.size()) + " convolutions and fully connected layers",
                   "one row for each, in the order in which 'dyad inspect' lists them; a .csv table has names instead of an order"};
    table.layers.assign(weighted_layers.begin(), weighted_layers.end());
  }
  std::map<std::string, std::size_t> row_of;
  for (std::size_t row = 0; row < table.layers.size(); ++row) {
    if (std::find(weighted_layers.begin(), weighted_layers.end(), table.layers[row]) == weighted_layers.end())
      return Error{place, "the network has no convolution or fully connected layer '" + table.layers[row] + "', which the table names",
                   "'dyad inspect' lists the layers"};
    row_of.emplace(table.layers[row], row);
  }
  for (const std::string& name : weighted_layers)
    if (!row_of.contains(name)) return Error{place, "the table has no row of layer '" + name + "'", "measure it, and add it to the table"};
  return std::unique_ptr<CostModel>(std::make_unique<Model>(std::move(table), std::move(row_of)));
}

}  // namespace dyad::accel_models::table
