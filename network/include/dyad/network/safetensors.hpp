/// \file Safetensors files at the level of bytes: named tensors of any element type, and text metadata.
///
/// The format: 8 bytes little-endian header length, a JSON header `{"name": {"dtype", "shape", "data_offsets"}, "__metadata__": {...}}`,
/// then the tensors' bytes without gaps. docs/network/safetensors.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/import.hpp"

namespace dyad::network {

/// One tensor as it lies in the file: row-major, little-endian.
struct RawTensor {
  std::string dtype;  ///< "F32", "I8", ...; see dtype_bytes
  Shape shape;        ///< empty for a scalar
  std::vector<std::uint8_t> bytes;
  bool operator==(const RawTensor&) const = default;
};

struct RawSafetensors {
  std::map<std::string, RawTensor> tensors;
  std::map<std::string, std::string> metadata;
  bool operator==(const RawSafetensors&) const = default;
};

/// Bytes of one element of BOOL, U8, I8, F8_E4M3, F8_E5M2, U16, I16, F16, BF16, U32, I32, F32, U64, I64, F64; nothing for another name.
std::optional<std::size_t> dtype_bytes(std::string_view dtype);

/// Reads a whole file. A malformed header, or offsets that overlap, leave the file, leave a gap or don't fit shape and dtype, are an Error
/// whose place is `file:/tensor/key`.
Result<RawSafetensors> read_raw_safetensors(const std::filesystem::path& file);
/// The same from bytes in memory; `place` stands for the file in errors.
Result<RawSafetensors> parse_safetensors(std::span<const std::uint8_t> bytes, const std::string& place);
/// The file's bytes, a function of the content alone: wider element types first, then by name. Each tensor's bytes must fill its shape.
std::vector<std::uint8_t> serialize_safetensors(const RawSafetensors& content);
Result<void> write_raw_safetensors(const std::filesystem::path& file, const RawSafetensors& content);

/// A tensor of these numbers; T is float, std::int8_t, std::uint8_t, std::int16_t, std::int32_t, std::int64_t or double.
template <typename T>
RawTensor raw_tensor(Shape shape, std::span<const T> values);
/// The elements of a tensor whose dtype is exactly T's; an Error naming `place` otherwise.
template <typename T>
Result<std::vector<T>> raw_values(const RawTensor& tensor, const std::string& place);

/// Every tensor as float32: F16, BF16 exactly, F64 and integers rounded to nearest. 8-bit floats are an Error naming the tensor.
Result<Safetensors> to_float(const RawSafetensors& raw, const std::string& place);

}  // namespace dyad::network
