/// \file The processor's integer backends: `scalar`, the truth, and `cpu`, SIMD chosen at run time.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "dyad/base/integer_backend.hpp"

namespace dyad::kernels {

/// Instruction sets of the `cpu` backend, slowest first.
enum class CpuIsa { kPortable, kAvx2, kAvx512Vnni };
/// "portable", "avx2", "avx512vnni".
std::string_view to_string(CpuIsa isa);
std::optional<CpuIsa> cpu_isa_from_name(std::string_view name);
/// What this build has and this processor can run, slowest first; kPortable always.
std::vector<CpuIsa> available_cpu_isas();

/// Plain loops over the definition in base/integer_layer.hpp. An accumulator outside int32 is an InternalError.
std::unique_ptr<IntegerBackend> make_scalar_backend();
/// Equal to `scalar` byte for byte. Without `isa`: the environment's DYAD_CPU_ISA, else the fastest available.
/// An Error when the instruction set is unknown or this processor lacks it.
Result<std::unique_ptr<IntegerBackend>> make_cpu_backend(std::optional<CpuIsa> isa = std::nullopt);

}  // namespace dyad::kernels
