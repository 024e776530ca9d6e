/// \file Every integer backend against `scalar` on random and extreme layers.
#pragma once

#include <memory>

#include "dyad/base/integer_backend.hpp"
#include "dyad/workflow/checks.hpp"
#include "dyad/workflow/progress.hpp"

namespace dyad::workflow {

struct KernelVerification {
  std::int64_t layers = 20'000;  ///< random ones; the extreme ones come besides
  std::uint64_t seed = 2024;
  std::vector<std::string> backends;  ///< empty: all
};

/// Names that can be verified: each CPU instruction set of this machine ("cpu/avx2"), then every registered backend but `scalar` and `cpu`.
std::vector<std::string> verifiable_backends();
/// The backend of such a name.
Result<std::unique_ptr<IntegerBackend>> make_verifiable_backend(const std::string& name);

/// One check for each backend and operation ("cpu/avx2/conv"), and its extremes and ties. A layer that a backend refuses is a mismatch.
/// An Error when a backend doesn't exist or can't be made here.
Result<std::vector<CheckOutcome>> verify_kernels(const KernelVerification& options, Progress& progress);

}  // namespace dyad::workflow
