#include "dyad/network/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "dyad/base/files.hpp"
#include "dyad/base/json.hpp"
#include "half.hpp"

namespace dyad::network {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are copied without swapping bytes");

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the format's own implementation
constexpr char kMetadataKey[] = "__metadata__";

constexpr std::pair<std::string_view, std::size_t> kDtypes[] = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"U16", 2}, {"I16", 2}, {"F16", 2},
    {"BF16", 2}, {"U32", 4}, {"I32", 4}, {"F32", 4},     {"U64", 8},     {"I64", 8}, {"F64", 8},
};

Error broken(const std::string& place, std::string message, std::string hint = "the file is damaged; write or download it again") {
  return Error{place, std::move(message), std::move(hint)};
}

/// Header entry of one tensor, offsets into the data part.
struct Entry {
  std::string name;
  std::string dtype;
  Shape shape;
  std::uint64_t begin = 0, end = 0;
};

/// Parses the header and refuses a tensor name that occurs twice.
Result<Json> parse_header(std::string_view text, const std::string& place) {
  std::set<std::string> names;
  std::optional<std::string> repeated;
  const auto notice = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 && !names.insert(parsed.get<std::string>()).second)
      repeated = parsed.get<std::string>();
    return true;
  };
  try {
    Json header = Json::parse(text, notice);
    if (repeated) return broken(place + ":/" + *repeated, "the tensor '" + *repeated + "' occurs twice");
    if (!header.is_object()) return broken(place, "the header is not a JSON object", "is this a safetensors file?");
    return header;
  } catch (const Json::exception&) {
    return broken(place, "the header is not valid JSON", "is this a safetensors file? if so it is damaged");
  }
}

Result<Entry> parse_entry(const std::string& name, const JsonReader& reader, std::uint64_t data_size) {
  Entry entry;
  entry.name = name;
  DYAD_TRY(entry.dtype, reader.string("dtype"));
  const std::optional<std::size_t> width = dtype_bytes(entry.dtype);
  if (!width)
    return broken(reader.place() + "/dtype", "unknown element type '" + entry.dtype + "'",
                  "known are F32, F16, BF16, F64, I8 to I64, U8 to U64, BOOL");
  DYAD_TRY(const JsonReader shape, reader.member("shape"));
  DYAD_TRY(const auto extents, shape.elements());
  std::uint64_t bytes = *width;
  for (const JsonReader& extent : extents) {
    DYAD_TRY(const std::int64_t value, extent.integer(0, INT64_MAX));
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(value), &bytes)) return broken(shape.place(), "the shape is too large");
    entry.shape.push_back(value);
  }
  DYAD_TRY(const JsonReader offsets, reader.member("data_offsets"));
  DYAD_TRY(const auto bounds, offsets.elements());
  if (bounds.size() != 2) return broken(offsets.place(), "expected two offsets, found " + std::to_string(bounds.size()));
  DYAD_TRY(const std::int64_t begin, bounds[0].integer(0, INT64_MAX));
  DYAD_TRY(const std::int64_t end, bounds[1].integer(0, INT64_MAX));
  entry.begin = static_cast<std::uint64_t>(begin);
  entry.end = static_cast<std::uint64_t>(end);
  if (end < begin) return broken(offsets.place(), "the end of tensor '" + name + "' lies before its begin");
  if (entry.end > data_size) {
    return broken(offsets.place(),
                  "tensor '" + name + "' ends at byte " + std::to_string(end) + " of the data, which has " + std::to_string(data_size),
                  "the file was cut off or is damaged; write or download it again");
  }
  if (entry.end - entry.begin != bytes) {
    return broken(offsets.place(), "tensor '" + name + "' has " + std::to_string(entry.end - entry.begin) + " bytes, its shape " +
                                       dyad::to_string(entry.shape) + " of " + entry.dtype + " needs " + std::to_string(bytes));
  }
  DYAD_CHECK(reader.finish());
  return entry;
}

/// Sorted by offset, the entries must tile the data part.
Result<void> check_tiling(std::vector<Entry>& entries, std::uint64_t data_size, const std::string& place) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name); });
  std::uint64_t position = 0;
  for (const Entry& entry : entries) {
    const std::string where = place + ":/" + entry.name + "/data_offsets";
    if (entry.begin < position) return broken(where, "tensor '" + entry.name + "' overlaps the one before it");
    if (entry.begin > position)
      return broken(where, std::to_string(entry.begin - position) + " bytes before tensor '" + entry.name + "' belong to no tensor");
    position = entry.end;
  }
  if (position != data_size)
    return broken(place, std::to_string(data_size - position) + " bytes after the last tensor belong to no tensor");
  return {};
}

template <typename T>
constexpr std::string_view dtype_of() {
  if constexpr (std::is_same_v<T, float>) return "F32";
  if constexpr (std::is_same_v<T, double>) return "F64";
  if constexpr (std::is_same_v<T, std::int8_t>) return "I8";
  if constexpr (std::is_same_v<T, std::uint8_t>) return "U8";
  if constexpr (std::is_same_v<T, std::int16_t>) return "I16";
  if constexpr (std::is_same_v<T, std::uint16_t>) return "U16";
  if constexpr (std::is_same_v<T, std::int32_t>) return "I32";
  if constexpr (std::is_same_v<T, std::uint32_t>) return "U32";
  if constexpr (std::is_same_v<T, std::int64_t>) return "I64";
  if constexpr (std::is_same_v<T, std::uint64_t>) return "U64";
}

template <typename T>
std::vector<float> converted(const RawTensor& tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T element;
    std::memcpy(&element, tensor.bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<float>(element);
  }
  return values;
}

template <typename Convert>
std::vector<float> converted_halves(const RawTensor& tensor, Convert convert) {
  std::vector<float> values(tensor.bytes.size() / 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, tensor.bytes.data() + 2 * i, 2);
    values[i] = convert(bits);
  }
  return values;
}

std::optional<std::vector<float>> float_values(const RawTensor& tensor) {
  if (tensor.dtype == "F32") return converted<float>(tensor);
  if (tensor.dtype == "F64") return converted<double>(tensor);
  if (tensor.dtype == "F16") return converted_halves(tensor, from_float16);
  if (tensor.dtype == "BF16") return converted_halves(tensor, from_bfloat16);
  if (tensor.dtype == "I64") return converted<std::int64_t>(tensor);
  if (tensor.dtype == "I32") return converted<std::int32_t>(tensor);
  if (tensor.dtype == "I16") return converted<std::int16_t>(tensor);
  if (tensor.dtype == "I8") return converted<std::int8_t>(tensor);
  if (tensor.dtype == "U64") return converted<std::uint64_t>(tensor);
  if (tensor.dtype == "U32") return converted<std::uint32_t>(tensor);
  if (tensor.dtype == "U16") return converted<std::uint16_t>(tensor);
  if (tensor.dtype == "U8" || tensor.dtype == "BOOL") return converted<std::uint8_t>(tensor);
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> dtype_bytes(std::string_view dtype) {
  for (const auto& [name, bytes] : kDtypes)
    if (name == dtype) return bytes;
  return std::nullopt;
}

Result<RawSafetensors> parse_safetensors(std::span<const std::uint8_t> bytes, const std::string& place) {
  if (bytes.size() < kLengthBytes)
    return broken(place, "has " + std::to_string(bytes.size()) + " bytes, too few for a safetensors file", "the file was cut off");
  std::uint64_t header_size;
  std::memcpy(&header_size, bytes.data(), kLengthBytes);
  if (header_size > kMaxHeaderBytes || header_size > bytes.size() - kLengthBytes) {
    return broken(
        place,
        "its first 8 bytes announce a header of " + std::to_string(header_size) + " bytes, the file has " + std::to_string(bytes.size()),
        "the file was cut off, or is no safetensors file");
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, header_size);
  const std::span<const std::uint8_t> data = bytes.subspan(kLengthBytes + header_size);
  DYAD_TRY(const Json header, parse_header(text, place));
  RawSafetensors content;
  std::vector<Entry> entries;
  DYAD_TRY(const auto members, JsonReader(header, place).members());
  for (const auto& [name, reader] : members) {
    if (name == kMetadataKey) {
      DYAD_TRY(const auto pairs, reader.members());
      for (const auto& [key, value] : pairs) {
        DYAD_TRY(content.metadata[key], value.string());
      }
      continue;
    }
    DYAD_TRY(Entry entry, parse_entry(name, reader, data.size()));
    entries.push_back(std::move(entry));
  }
  DYAD_CHECK(check_tiling(entries, data.size(), place));
  for (Entry& entry : entries) {
    const auto part = data.subspan(entry.begin, entry.end - entry.begin);
    content.tensors[entry.name] = RawTensor{std::move(entry.dtype), std::move(entry.shape), {part.begin(), part.end()}};
  }
  return content;
}

Result<RawSafetensors> read_raw_safetensors(const std::filesystem::path& file) {
  DYAD_TRY(const auto bytes, read_bytes(file));
  return parse_safetensors(bytes, file.string());
}

std::vector<std::uint8_t> serialize_safetensors(const RawSafetensors& content) {
  std::vector<std::pair<std::string, const RawTensor*>> order;
  for (const auto& [name, tensor] : content.tensors) {
    const auto width = dtype_bytes(tensor.dtype);
    DYAD_EXPECT(width.has_value(), "unknown dtype " + tensor.dtype);
    DYAD_EXPECT(tensor.bytes.size() == *width * static_cast<std::size_t>(element_count(tensor.shape)),
                "bytes of " + name + " don't fill its shape");
    DYAD_EXPECT(name != kMetadataKey, "a tensor may not be named __metadata__");
    order.emplace_back(name, &tensor);
  }
  // Wider elements first keeps every tensor aligned to its element, as the format's own writer does.
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return *dtype_bytes(a.second->dtype) > *dtype_bytes(b.second->dtype); });
  OrderedJson header = OrderedJson::object();
  if (!content.metadata.empty()) header[kMetadataKey] = content.metadata;
  std::size_t position = 0;
  for (const auto& [name, tensor] : order) {
    OrderedJson& entry = header[name];
    entry["dtype"] = tensor->dtype;
    entry["shape"] = tensor->shape;
    entry["data_offsets"] = {position, position + tensor->bytes.size()};
    position += tensor->bytes.size();
  }
  std::string text = header.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t header_size = text.size();
  std::vector<std::uint8_t> bytes(kLengthBytes);
  bytes.reserve(kLengthBytes + text.size() + position);
  std::memcpy(bytes.data(), &header_size, kLengthBytes);
  bytes.insert(bytes.end(), text.begin(), text.end());
  for (const auto& [name, tensor] : order) bytes.insert(bytes.end(), tensor->bytes.begin(), tensor->bytes.end());
  return bytes;
}

Result<void> write_raw_safetensors(const std::filesystem::path& file, const RawSafetensors& content) {
  return write_bytes(file, serialize_safetensors(content));
}

template <typename T>
RawTensor raw_tensor(Shape shape, std::span<const T> values) {
  DYAD_EXPECT(static_cast<std::int64_t>(values.size()) == element_count(shape), "values don't fill " + dyad::to_string(shape));
  RawTensor tensor{std::string(dtype_of<T>()), std::move(shape), std::vector<std::uint8_t>(values.size_bytes())};
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), values.size_bytes());
  return tensor;
}

template <typename T>
Result<std::vector<T>> raw_values(const RawTensor& tensor, const std::string& place) {
  if (tensor.dtype != dtype_of<T>())
    return Error{place, "elements are " + tensor.dtype + ", expected " + std::string(dtype_of<T>()),
                 "the file was not written for this purpose"};
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

#define DYAD_INSTANTIATE(T)                                    \
  template RawTensor raw_tensor<T>(Shape, std::span<const T>); \
  template Result<std::vector<T>> raw_values<T>(const RawTensor&, const std::string&);
DYAD_INSTANTIATE(float)
DYAD_INSTANTIATE(double)
DYAD_INSTANTIATE(std::int8_t)
DYAD_INSTANTIATE(std::uint8_t)
DYAD_INSTANTIATE(std::int16_t)
DYAD_INSTANTIATE(std::uint16_t)
DYAD_INSTANTIATE(std::int32_t)
DYAD_INSTANTIATE(std::uint32_t)
DYAD_INSTANTIATE(std::int64_t)
DYAD_INSTANTIATE(std::uint64_t)
#undef DYAD_INSTANTIATE

Result<Safetensors> to_float(const RawSafetensors& raw, const std::string& place) {
  Safetensors content;
  content.metadata = raw.metadata;
  for (const auto& [name, tensor] : raw.tensors) {
    auto values = float_values(tensor);
    if (!values)
      return Error{place + ":/" + name, "elements of type " + tensor.dtype + " can't be used as weights", "save the tensor as F32 or F16"};
    content.tensors.emplace(name, Tensor<float>(tensor.shape, std::move(*values)));
  }
  return content;
}

Result<Safetensors> read_safetensors(const std::filesystem::path& file) {
  DYAD_TRY(const RawSafetensors raw, read_raw_safetensors(file));
  return to_float(raw, file.string());
}

Result<void> write_safetensors(const std::filesystem::path& file, const Safetensors& content) {
  RawSafetensors raw;
  raw.metadata = content.metadata;
  for (const auto& [name, tensor] : content.tensors) raw.tensors.emplace(name, raw_tensor<float>(tensor.shape(), tensor.values()));
  return write_raw_safetensors(file, raw);
}

}  // namespace dyad::network
