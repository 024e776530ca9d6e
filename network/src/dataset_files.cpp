#include "dataset_files.hpp"

#include <zlib.h>

#include <algorithm>

#include "dyad/base/files.hpp"

namespace dyad::network {
namespace fs = std::filesystem;
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::int32_t kClasses = 10;

Error file_error(const fs::path& file, std::string message, std::string hint) {
  return Error{file.string(), std::move(message), std::move(hint)};
}

Error label_error(const fs::path& file, std::size_t record, std::size_t byte, int label) {
  return file_error(file,
                    "label " + std::to_string(label) + " of record " + std::to_string(record) + " at byte " + std::to_string(byte) +
                        " is not a class from 0 to " + std::to_string(kClasses - 1),
                    "the file is damaged or not of this format");
}

// The contents of all members of a gzip file.
Result<Bytes> gunzip(const fs::path& file, const Bytes& packed) {
  constexpr std::size_t kLargest = std::size_t{4} << 30;
  z_stream stream{};
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  DYAD_EXPECT(inflateInit2(&stream, kGzipOnly) == Z_OK, "zlib can't start");
  const struct Closer {
    z_stream* stream;
    ~Closer() { inflateEnd(stream); }
  } closer{&stream};
  Bytes unpacked;
  Bytes chunk(std::size_t{1} << 16);
  std::size_t read = 0;
  int status = Z_OK;
  while (true) {
    if (stream.avail_in == 0 && read < packed.size()) {
      const std::size_t next = std::min<std::size_t>(packed.size() - read, std::size_t{1} << 30);
      stream.next_in = const_cast<Bytef*>(packed.data() + read);
      stream.avail_in = static_cast<uInt>(next);
      read += next;
    }
    stream.next_out = chunk.data();
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    unpacked.insert(unpacked.end(), chunk.data(), chunk.data() + (chunk.size() - stream.avail_out));
    const std::size_t at = read - stream.avail_in;
    if (unpacked.size() > kLargest)
      return file_error(file, "unpacks to more than 4 GiB (at byte " + std::to_string(at) + ")", "the file is not an idx data set");
    if (status == Z_STREAM_END) {
      if (at == packed.size()) return unpacked;
      if (inflateReset(&stream) != Z_OK) break;
      continue;
    }
    if (status == Z_BUF_ERROR && at == packed.size())
      return file_error(file, "the gzip stream breaks off at byte " + std::to_string(at), "fetch the file again");
    if (status != Z_OK)
      return file_error(file,
                        "the gzip stream is damaged at byte " + std::to_string(at) + (stream.msg ? std::string(": ") + stream.msg : ""),
                        "fetch the file again");
  }
  return file_error(file, "the gzip stream is damaged", "fetch the file again");
}

Result<Bytes> read_maybe_gzip(const fs::path& file) {
  DYAD_TRY(Bytes bytes, read_bytes(file));
  if (bytes.size() >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) return gunzip(file, bytes);
  return bytes;
}

std::uint32_t big_endian(const Bytes& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

// Magic number and extents of an idx file of unsigned bytes.
Result<std::vector<std::int64_t>> idx_header(const fs::path& file, const Bytes& bytes, std::size_t dimensions) {
  const std::size_t header = 4 + 4 * dimensions;
  const std::uint32_t magic = 0x00000800u + static_cast<std::uint32_t>(dimensions);
  if (bytes.size() >= 4 && big_endian(bytes, 0) != magic) {
    const bool other = big_endian(bytes, 0) == 0x00000801u || big_endian(bytes, 0) == 0x00000803u;
    return file_error(file,
                      "does not begin with the magic number 0 0 8 " + std::to_string(dimensions) + " of idx" + std::to_string(dimensions),
                      other ? "images and labels are two files: give the images, the labels are looked for beside them"
                            : "give an idx file of unsigned bytes");
  }
  if (bytes.size() < header)
    return file_error(
        file, "breaks off at byte " + std::to_string(bytes.size()) + " inside the idx header of " + std::to_string(header) + " bytes",
        "fetch the file again");
  std::vector<std::int64_t> extents;
  for (std::size_t axis = 0; axis < dimensions; ++axis) extents.push_back(big_endian(bytes, 4 + 4 * axis));
  constexpr std::int64_t kLargestSide = 1 << 14;
  for (std::size_t axis = 0; axis < dimensions; ++axis) {
    if (extents[axis] < 1 || (axis > 0 && extents[axis] > kLargestSide))
      return file_error(file, "extent " + std::to_string(extents[axis]) + " at byte " + std::to_string(4 + 4 * axis) + " is out of range",
                        "the file is empty or damaged");
  }
  const auto needed = header + static_cast<std::size_t>(element_count(extents));
  if (bytes.size() < needed)
    return file_error(file,
                      "breaks off at byte " + std::to_string(bytes.size()) + " of " + std::to_string(needed) + ", in record " +
                          std::to_string((bytes.size() - header) / (static_cast<std::size_t>(element_count(extents) / extents[0]))),
                      "fetch the file again");
  if (bytes.size() > needed)
    return file_error(
        file, "has " + std::to_string(bytes.size() - needed) + " bytes more than its header says, from byte " + std::to_string(needed),
        "the file is damaged");
  return extents;
}

}  // namespace

Result<Dataset> read_cifar10(const fs::path& file) {
  constexpr std::size_t kSide = 32, kPlane = kSide * kSide, kRecord = 1 + 3 * kPlane;
  DYAD_TRY(const Bytes bytes, read_bytes(file));
  if (bytes.empty()) return file_error(file, "is empty", "a CIFAR-10 binary file has records of 3073 bytes");
  const std::size_t count = bytes.size() / kRecord;
  if (bytes.size() % kRecord != 0)
    return file_error(file, "breaks off at byte " + std::to_string(bytes.size()) + ", inside record " + std::to_string(count),
                      "a CIFAR-10 binary file has records of 3073 bytes; fetch it again");
  Dataset dataset;
  dataset.name = file.string();
  dataset.images = Tensor<std::uint8_t>({static_cast<std::int64_t>(count), kSide, kSide, 3});
  dataset.labels.resize(count);
  std::uint8_t* to = dataset.images.data();
  for (std::size_t record = 0; record < count; ++record) {
    const std::uint8_t* from = bytes.data() + record * kRecord;
    if (from[0] >= kClasses) return label_error(file, record, record * kRecord, from[0]);
    dataset.labels[record] = from[0];
    for (std::size_t pixel = 0; pixel < kPlane; ++pixel) {
      for (std::size_t plane = 0; plane < 3; ++plane) *to++ = from[1 + plane * kPlane + pixel];
    }
  }
  return dataset;
}

Result<Dataset> read_idx(const fs::path& images, const fs::path& labels) {
  DYAD_TRY(Bytes pixels, read_maybe_gzip(images));
  DYAD_TRY(const auto extents, idx_header(images, pixels, 3));
  DYAD_TRY(const Bytes classes, read_maybe_gzip(labels));
  DYAD_TRY(const auto count, idx_header(labels, classes, 1));
  if (count[0] != extents[0])
    return file_error(
        labels, "holds " + std::to_string(count[0]) + " labels for the " + std::to_string(extents[0]) + " images of " + images.string(),
        "give images and labels of the same split");
  constexpr std::size_t kImageHeader = 16, kLabelHeader = 8;
  Dataset dataset;
  dataset.name = images.string();
  pixels.erase(pixels.begin(), pixels.begin() + kImageHeader);
  dataset.images = Tensor<std::uint8_t>({extents[0], extents[1], extents[2], 1}, std::move(pixels));
  for (std::size_t at = kLabelHeader; at < classes.size(); ++at) {
    if (classes[at] >= kClasses) return label_error(labels, at - kLabelHeader, at, classes[at]);
    dataset.labels.push_back(classes[at]);
  }
  return dataset;
}

}  // namespace dyad::network
