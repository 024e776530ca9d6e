#include "npy.hpp"

#include <bit>
#include <cstring>
#include <optional>
#include <regex>

namespace dyad::accel_models::table {
namespace {

static_assert(std::endian::native == std::endian::little);

/// What follows `'key':` in the header's dictionary, without the blanks between; the header holds a dictionary of literals.
std::optional<std::string> entry(const std::string& header, const std::string& key, const std::string& pattern) {
  std::smatch match;
  if (!std::regex_search(header, match, std::regex("['\"]" + key + "['\"]\\s*:\\s*" + pattern))) return std::nullopt;
  return match[1];
}

template <typename Number>
void append(std::span<const std::uint8_t> bytes, std::vector<double>& values) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(Number)) {
    Number number;
    std::memcpy(&number, bytes.data() + at, sizeof(Number));
    values.push_back(static_cast<double>(number));
  }
}

/// Elements of a Fortran-ordered array, the first index fastest, in C order.
std::vector<double> in_c_order(const std::vector<double>& fortran, const std::vector<std::int64_t>& shape) {
  std::vector<double> values(fortran.size());
  std::vector<std::int64_t> index(shape.size(), 0);
  for (const double value : fortran) {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) at = at * shape[axis] + index[axis];
    values[static_cast<std::size_t>(at)] = value;
    for (std::size_t axis = 0; axis < shape.size() && ++index[axis] == shape[axis]; ++axis) index[axis] = 0;
  }
  return values;
}

struct Header {
  std::string type;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::size_t data = 0;  ///< offset of the first element
};

Result<Header> parse_header(std::span<const std::uint8_t> bytes, const std::string& place) {
  constexpr std::size_t kMagic = 6;
  const auto damaged = [&](const std::string& what) { return Error{place, what, "write it again with numpy.save"}; };
  if (bytes.size() < kMagic + 4 || std::memcmp(bytes.data(), "\x93NUMPY", kMagic) != 0)
    return damaged("is no .npy file: its first bytes are others");
  const int version = bytes[kMagic];
  if (version < 1 || version > 3) return damaged("has .npy format version " + std::to_string(version) + "; versions 1 to 3 are read");
  const std::size_t width = version == 1 ? 2 : 4, begin = kMagic + 2 + width;
  if (bytes.size() < begin) return damaged("ends within its header");
  std::size_t length = 0;
  for (std::size_t i = 0; i < width; ++i) length |= static_cast<std::size_t>(bytes[kMagic + 2 + i]) << (8 * i);
  constexpr std::size_t kLongestHeader = 1 << 16;
  if (length > bytes.size() - begin || length > kLongestHeader) return damaged("ends within its header");
  const std::string text(reinterpret_cast<const char*>(bytes.data()) + begin, length);
  const auto type = entry(text, "descr", "['\"]([^'\"]*)['\"]");
  const auto order = entry(text, "fortran_order", "(True|False)"), shape = entry(text, "shape", "\\(([0-9, L]*)\\)");
  if (!type)
    return Error{place, "holds records or objects, not one number an element",
                 "save a plain array of cycles: numpy.save(F, table.astype('<i8'))"};
  if (!order || !shape) return damaged("has a header without fortran_order or shape");
  Header header{*type, *order == "True", {}, begin + length};
  static const std::regex digits("[0-9]+");
  for (std::sregex_iterator at(shape->begin(), shape->end(), digits), end; at != end; ++at) {
    constexpr std::size_t kMostDigits = 9;
    if (at->str().size() > kMostDigits) return damaged("has an axis of " + at->str() + " elements");
    header.shape.push_back(std::stoll(at->str()));
  }
  return header;
}

}  // namespace

Result<NpyArray> parse_npy(std::span<const std::uint8_t> bytes, const std::string& place) {
  DYAD_TRY(const Header header, parse_header(bytes, place));
  static const std::string types[] = {"<i4", "<i8", "<f4", "<f8"};
  std::size_t size = 0;
  for (const std::string& type : types)
    if (header.type == type) size = static_cast<std::size_t>(type[2] - '0');
  if (size == 0)
    return Error{place, "holds elements of type '" + header.type + "'; <i4, <i8, <f4 and <f8 are read",
                 "convert them: numpy.save(F, table.astype('<f8'))"};
  const std::size_t available = (bytes.size() - header.data) / size;
  std::size_t elements = 1;
  for (const std::int64_t extent : header.shape) {
    if (extent != 0 && elements > available / static_cast<std::size_t>(extent)) {
      elements = available + 1;  // more than there are
      break;
    }
    elements *= static_cast<std::size_t>(extent);
  }
  if (elements * size != bytes.size() - header.data)
    return Error{place, "has " + std::to_string(bytes.size() - header.data) + " bytes of data, not as many as its shape and type take",
                 "the file is damaged, or more was appended to it: write it again with numpy.save"};
  const std::span<const std::uint8_t> data = bytes.subspan(header.data);
  NpyArray array{header.shape, {}};
  array.values.reserve(elements);
  if (header.type == "<i4") append<std::int32_t>(data, array.values);
  if (header.type == "<i8") append<std::int64_t>(data, array.values);
  if (header.type == "<f4") append<float>(data, array.values);
  if (header.type == "<f8") append<double>(data, array.values);
  if (header.fortran_order) array.values = in_c_order(array.values, array.shape);
  return array;
}

}  // namespace dyad::accel_models::table
