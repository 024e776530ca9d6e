// Compiled with -ffp-contract=fast: here a fused multiply-add is wanted, where the instruction set has one.
#include "convolution_kernels.hpp"

#include <cstddef>
#include <vector>

namespace dyad::network {
namespace {

// 16 vector registers of 4 floats (SSE2, NEON): 6 x 2 sums, 2 weights, 1 pixel.
namespace baseline {
constexpr int kLanes = 4, kMaxRows = 6;
#if defined(__FMA__) || defined(__aarch64__)
constexpr bool kFused = true;
#else
constexpr bool kFused = false;
#endif
constexpr std::string_view kName = "baseline";
#define DYAD_TARGET
#include "convolution_kernels_body.hpp"
#undef DYAD_TARGET
}  // namespace baseline

#if defined(__x86_64__)
// 16 vector registers of 8 floats: 6 x 2 sums, 2 weights, 1 pixel.
namespace avx2 {
constexpr int kLanes = 8, kMaxRows = 6;
constexpr bool kFused = true;
constexpr std::string_view kName = "avx2";
#define DYAD_TARGET __attribute__((target("avx2,fma")))
#include "convolution_kernels_body.hpp"
#undef DYAD_TARGET
}  // namespace avx2

// 32 vector registers of 16 floats: 8 x 2 sums; more rows would not leave a general register for each pixel's pointer.
namespace avx512 {
constexpr int kLanes = 16, kMaxRows = 8;
constexpr bool kFused = true;
constexpr std::string_view kName = "avx512";
#define DYAD_TARGET __attribute__((target("avx512f,fma")))
#include "convolution_kernels_body.hpp"
#undef DYAD_TARGET
}  // namespace avx512
#endif

}  // namespace

std::span<const ConvolutionKernels* const> convolution_kernels() {
  static const std::vector<const ConvolutionKernels*> available = [] {
    std::vector<const ConvolutionKernels*> found;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma")) found.push_back(&avx512::kernels());
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2::kernels());
#endif
    found.push_back(&baseline::kernels());
    return found;
  }();
  return available;
}

}  // namespace dyad::network
