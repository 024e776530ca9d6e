#include "model.hpp"

#include <algorithm>
#include <cmath>

#include "accelerator_model.hpp"

namespace dyad::accel_models::compat {
namespace {

/// What all have in common: layers without weights cost nothing, as in the publications.
class PublishedModel : public AcceleratorModel {
 public:
  explicit PublishedModel(const Accelerator& accelerator)
      : AcceleratorModel(accelerator, Tier::kAnalytic), machine_(std::get<tiled::Machine>(accelerator.core)) {}
  std::string dram_energy_source() const override { return {}; }  // energies are the publication's
  std::vector<std::string> notes() const override {
    return {"Layers without weights, and residual additions, cost 0 in this convention.",
            "This convention gives cycles only: energies are 0."};
  }
  Result<LayerCost> cost(const LayerShape& layer, OperandBits bits, const Activity&) const override {
    if (!layer.is_weighted()) return LayerCost{};
    if (bits.weight < 1 || bits.weight > 8 || bits.activation < 1 || bits.activation > 8)
      return Error{layer.name,
                   "W" + std::to_string(bits.weight) + "A" + std::to_string(bits.activation) + " is outside of the published 1 to 8 bits",
                   "choose bits in that range, or leave --compat out"};
    return weighted(layer, bits);
  }

 protected:
  virtual Result<LayerCost> weighted(const LayerShape& layer, OperandBits bits) const = 0;

  LayerCost compute_only(std::int64_t cycles, double macs, double macs_per_cycle) const {
    LayerCost cost;
    cost.cycles = cost.compute_cycles = Cycles(cycles);
    cost.utilization = macs / (macs_per_cycle * static_cast<double>(cycles));
    cost.bottleneck = "compute";
    cost.resource_cycles = {{"compute", static_cast<double>(cycles)}};
    return cost;
  }

  double peak_macs_per_cycle() const override { return static_cast<double>(machine_.lanes()); }

  tiled::Machine machine_;
};

class HaqModel : public PublishedModel {
 public:
  using PublishedModel::PublishedModel;

 private:
  Result<LayerCost> weighted(const LayerShape& layer, OperandBits bits) const override {
    const auto cycles = static_cast<std::int64_t>(std::llround(haq_cycles(layer, bits, batch(), machine_)));
    const double work = static_cast<double>(batch() * layer.macs()) * bits.weight * bits.activation;
    return compute_only(std::max<std::int64_t>(1, cycles), work, static_cast<double>(machine_.lanes()));
  }
};

class ScaleSimModel : public PublishedModel {
 public:
  using PublishedModel::PublishedModel;

 private:
  Result<LayerCost> weighted(const LayerShape& layer, OperandBits) const override {
    return compute_only(scalesim_cycles(layer, batch(), machine_), static_cast<double>(batch() * layer.macs()),
                        static_cast<double>(machine_.lanes(machine_.packing(8, 8))) / 64);
  }
};

class Isca2018Model : public PublishedModel {
 public:
  Isca2018Model(const Accelerator& accelerator, std::string im2col_layer, isca2018::Outputs outputs)
      : PublishedModel(accelerator), im2col_layer_(std::move(im2col_layer)), outputs_(outputs) {
    published_.rows = machine_.depth / 32;
    published_.columns = machine_.columns;
    published_.wbuf_bits = machine_.weight_entries * machine_.weight_entry_bits();
    published_.ibuf_bits = machine_.activation_entries * machine_.activation_entry_bits();
    published_.obuf_bits = machine_.output_buffer_bits;
    published_.port_bits = (accelerator.dram.bits_per_kilocycle + 500) / 1000;
    published_.energies = *accelerator.isca2018;
  }
  std::vector<std::string> notes() const override { return {"Layers without weights, and residual additions, cost 0 in this convention."}; }

 private:
  Result<LayerCost> weighted(const LayerShape& layer, OperandBits bits) const override {
    isca2018::Layer published;
    published.batch = batch();
    published.kernel_h = layer.window.kernel_h;
    published.kernel_w = layer.window.kernel_w;
    published.out_h = layer.out_h;
    published.out_w = layer.out_w;
    published.stride = layer.window.stride_h;
    published.in_channels = layer.in_channels / layer.groups;
    published.out_channels = layer.out_channels / layer.groups;
    published.weight_bits = bits.weight;
    published.activation_bits = bits.activation;
    published.im2col = layer.name == im2col_layer_;
    published.outputs = outputs_;
    published.out_bits = bits.out;
    const auto best = isca2018::search(published, published_);
    if (!best) return Error{layer.name, "not one tile fits into half of the buffers of '" + name() + "'", "fewer bits, or larger buffers"};
    const isca2018::Cost& x = best->cost;
    // Groups run one after another.
    LayerCost cost;
    cost.cycles = Cycles(layer.groups * x.cycles);
    cost.stall_cycles = Cycles(layer.groups * x.stall_cycles);
    cost.compute_cycles = Cycles(layer.groups * x.compute_cycles());
    cost.dram_read = Bits(layer.groups * x.dram_reads);
    cost.dram_write = Bits(layer.groups * x.dram_writes);
    const auto groups = static_cast<double>(layer.groups);
    cost.energy_pj = {{"array", groups * x.core_pj}, {"sram", groups * x.sram_pj}, {"dram", groups * x.dram_pj}};
    if (outputs_ == isca2018::Outputs::kRequantized)
      cost.energy_pj["array"] += static_cast<double>(batch() * layer.output_count()) * accelerator_.technology.requantize_energy_pj.value;
    const double rate = static_cast<double>(published_.rows * published_.columns *
                                            isca2018::products_per_cycle(published.weight_bits, published.activation_bits));
    cost.utilization = static_cast<double>(batch() * layer.macs()) / (rate * static_cast<double>(cost.cycles.value));
    const auto port = [&](std::int64_t bits_moved) {
      return groups * static_cast<double>(bits_moved) / static_cast<double>(published_.port_bits);
    };
    // Where the port takes longer than the array, the operand that moves most bits binds.
    const std::int64_t most = std::max({x.wbuf_writes, x.ibuf_writes, x.output_bits()});
    cost.bottleneck = x.compute_cycles() * published_.port_bits >= x.dram_reads + x.dram_writes ? "compute"
                      : most == x.output_bits()                                                 ? "output"
                      : most == x.wbuf_writes                                                   ? "weight fetch"
                                                                                                : "activation fetch";
    cost.resource_cycles = {{"compute", static_cast<double>(cost.compute_cycles.value)},
                            {"weight fetch", port(x.wbuf_writes)},
                            {"activation fetch", port(x.ibuf_writes)},
                            {"output", port(x.output_bits())},
                            {"memory bus", port(x.dram_reads + x.dram_writes)}};
    return cost;
  }

  isca2018::Machine published_;
  std::string im2col_layer_;
  isca2018::Outputs outputs_;
};

}  // namespace

Result<std::unique_ptr<CostModel>> make_model(const Accelerator& accelerator, const CostOptions& options) {
  const auto wrong = [&](std::string hint) {
    return Error{"--compat", "'" + accelerator.name + "' is not an accelerator that this convention describes", std::move(hint)};
  };
  switch (options.compat) {
    case Compat::kHaq:
      if (accelerator.family != "bit_serial") return wrong("--compat haq is about bit_serial, for example bismo-cloud");
      return std::unique_ptr<CostModel>(std::make_unique<HaqModel>(accelerator));
    case Compat::kIsca2018:
      if (!accelerator.isca2018) return wrong("--compat isca2018 is about bitfusion-eyeriss and others with an object 'isca2018'");
      return std::unique_ptr<CostModel>(std::make_unique<Isca2018Model>(accelerator, options.im2col_layer, options.isca2018_outputs));
    case Compat::kScaleSim:
      if (accelerator.family != "systolic") return wrong("--compat scalesim is about systolic, for example systolic-16x16-os");
      return std::unique_ptr<CostModel>(std::make_unique<ScaleSimModel>(accelerator));
    case Compat::kNone: break;
  }
  throw InternalError("no convention to follow");
}

}  // namespace dyad::accel_models::compat
