/// \file A hash of text, for keys of caches and of results.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dyad::accel_models {

/// FNV-1a, 64 bit.
inline std::uint64_t hash_text(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325ull) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

/// 16 digits.
inline std::string hex(std::uint64_t value) {
  std::string digits(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  return digits;
}

}  // namespace dyad::accel_models
