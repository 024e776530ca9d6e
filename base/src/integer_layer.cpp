#include "dyad/base/integer_layer.hpp"

namespace dyad {

Storage storage_for(BitWidth format) {
  if (format.bits <= 8) return format.is_signed ? Storage::kInt8 : Storage::kUint8;
  if (format.bits <= (format.is_signed ? 16 : 15)) return Storage::kInt16;
  return Storage::kInt32;
}

std::size_t element_bytes(Storage storage) {
  switch (storage) {
    case Storage::kInt8:
    case Storage::kUint8: return 1;
    case Storage::kInt16: return 2;
    default: return 4;
  }
}

IntegerTensor::IntegerTensor(Shape shape, BitWidth format)
    : shape_(std::move(shape)),
      format_(format),
      size_(element_count(shape_)),
      bytes_(static_cast<std::size_t>(size_) * element_bytes(storage_for(format))) {}

void IntegerTensor::reset(const Shape& shape, BitWidth format) {
  shape_ = shape;
  format_ = format;
  size_ = element_count(shape);
  bytes_.resize(static_cast<std::size_t>(size_) * element_bytes(storage_for(format)));
}

std::int32_t IntegerTensor::get(std::int64_t index) const {
  return visit([&](auto values) { return static_cast<std::int32_t>(values[static_cast<std::size_t>(index)]); });
}

void IntegerTensor::set(std::int64_t index, std::int32_t value) {
  visit([&](auto values) {
    auto& element = values[static_cast<std::size_t>(index)];
    element = static_cast<std::remove_reference_t<decltype(element)>>(value);
  });
}

}  // namespace dyad
