#include <cstdlib>

#include "cpu_layers.hpp"
#include "dyad/kernels/backends.hpp"

namespace dyad::kernels {

std::string_view to_string(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kAvx2: return "avx2";
    case CpuIsa::kAvx512Vnni: return "avx512vnni";
    default: return "portable";
  }
}

std::optional<CpuIsa> cpu_isa_from_name(std::string_view name) {
  for (const CpuIsa isa : {CpuIsa::kPortable, CpuIsa::kAvx2, CpuIsa::kAvx512Vnni})
    if (name == to_string(isa)) return isa;
  return std::nullopt;
}

std::vector<CpuIsa> available_cpu_isas() {
  std::vector<CpuIsa> isas{CpuIsa::kPortable};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) isas.push_back(CpuIsa::kAvx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
    isas.push_back(CpuIsa::kAvx512Vnni);
#endif
  return isas;
}

const SimdKernels& simd_kernels(CpuIsa isa) {
#if defined(__x86_64__)
  if (isa == CpuIsa::kAvx2) return avx2_kernels();
  if (isa == CpuIsa::kAvx512Vnni) return avx512vnni_kernels();
#endif
  DYAD_EXPECT(isa == CpuIsa::kPortable, "this build has no other instruction set");
  return portable_kernels();
}

}  // namespace dyad::kernels
