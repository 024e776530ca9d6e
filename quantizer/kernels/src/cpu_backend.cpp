#include <cstdlib>

#include "cpu_layers.hpp"
#include "dyad/kernels/backends.hpp"
#include "layer_checks.hpp"

namespace dyad::kernels {
namespace {

class CpuBackend : public IntegerBackend {
 public:
  explicit CpuBackend(CpuIsa isa) : isa_(isa), scalar_(make_scalar_backend()) {}

  std::string name() const override { return "cpu"; }
  std::string description() const override {
    switch (isa_) {
      case CpuIsa::kAvx512Vnni: return "AVX-512 VNNI";
      case CpuIsa::kAvx2: return "AVX2";
      default: return "portable C++";
    }
  }

  Result<std::unique_ptr<PreparedLayer>> prepare(const IntegerLayer& layer) const override {
    DYAD_CHECK(check_layer(layer));
    const SimdKernels& kernels = simd_kernels(isa_);
    std::unique_ptr<PreparedLayer> prepared;
    switch (layer.op) {
      case IntegerOp::kConv:
        prepared = layer.shape.is_depthwise() ? prepare_depthwise(layer, kernels) : prepare_conv(layer, kernels);
        break;
      case IntegerOp::kAdd:
      case IntegerOp::kConcat:
      case IntegerOp::kRequantize: prepared = prepare_elementwise(layer, kernels); break;
      default: prepared = prepare_pool(layer); break;
    }
    if (!prepared) return scalar_->prepare(layer);  // operands wider than 16 bits
    return prepared;
  }

 private:
  CpuIsa isa_;
  std::unique_ptr<IntegerBackend> scalar_;
};

}  // namespace

Result<std::unique_ptr<IntegerBackend>> make_cpu_backend(std::optional<CpuIsa> isa) {
  const std::vector<CpuIsa> available = available_cpu_isas();
  std::string known;
  for (const CpuIsa each : available) known += (known.empty() ? "" : ", ") + std::string(to_string(each));
  const char* wanted = std::getenv("DYAD_CPU_ISA");
  if (!isa && wanted && *wanted) {
    isa = cpu_isa_from_name(wanted);
    if (!isa) return Error{"DYAD_CPU_ISA", "there is no instruction set '" + std::string(wanted) + "'", "one of: " + known};
  }
  if (!isa) isa = available.back();
  for (const CpuIsa each : available)
    if (each == *isa) return std::unique_ptr<IntegerBackend>(std::make_unique<CpuBackend>(*isa));
  return Error{"DYAD_CPU_ISA", "this processor or build lacks '" + std::string(to_string(*isa)) + "'", "one of: " + known};
}

}  // namespace dyad::kernels
