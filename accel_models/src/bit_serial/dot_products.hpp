/// \file Integer dot products of all rows of one matrix with all rows of another.
#pragma once

#include <cstdint>

namespace dyad::accel_models::bit_serial {

/// Elements by which `stride` below is counted.
constexpr std::int64_t kDotProductUnit = 32;

/// out[r * out_stride + c] = sum over e < stride of a[r * stride + e] * b[c * stride + e], modulo 2^32.
/// stride is a multiple of kDotProductUnit; a (rows, stride), b (columns, stride). Products of 16-bit elements: not both -32768.
void dot_products(const std::int16_t* a, std::int64_t rows, const std::int16_t* b, std::int64_t columns, std::int64_t stride,
                  std::uint32_t* out, std::int64_t out_stride);
void dot_products(const std::int32_t* a, std::int64_t rows, const std::int32_t* b, std::int64_t columns, std::int64_t stride,
                  std::uint32_t* out, std::int64_t out_stride);

}  // namespace dyad::accel_models::bit_serial
