/// \file What is done with every element of a lowered tile: dot products and bit planes.
#pragma once

#include <cstdint>

namespace dyad::accel_models::tiled {

/// Elements by which `stride` below is counted, and that bit_planes() takes.
constexpr std::int64_t kTileUnit = 32;

/// out[r * out_stride + c] = sum over e < stride of a[r * stride + e] * b[c * stride + e], modulo 2^32.
/// stride is a multiple of kTileUnit; a (rows, stride), b (columns, stride). Products of 16-bit elements: not both -32768.
void dot_products(const std::int16_t* a, std::int64_t rows, const std::int16_t* b, std::int64_t columns, std::int64_t stride,
                  std::uint32_t* out, std::int64_t out_stride);
void dot_products(const std::int32_t* a, std::int64_t rows, const std::int32_t* b, std::int64_t columns, std::int64_t stride,
                  std::uint32_t* out, std::int64_t out_stride);

/// planes[p * plane_stride] = bit p of elements 0 to kTileUnit - 1, the first in the lowest bit, for p < count.
void bit_planes(const std::int16_t* elements, std::int64_t count, std::uint32_t* planes, std::int64_t plane_stride);
void bit_planes(const std::int32_t* elements, std::int64_t count, std::uint32_t* planes, std::int64_t plane_stride);

}  // namespace dyad::accel_models::tiled
