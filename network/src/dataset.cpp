#include "dyad/network/dataset.hpp"

#include <algorithm>
#include <array>

#include "dataset_files.hpp"

namespace dyad::network {
namespace fs = std::filesystem;
namespace {

constexpr const char* kFolderHint =
    "a CIFAR-10 folder holds test_batch.bin and data_batch_*.bin or train*.bin; an idx folder holds t10k-images-idx3-ubyte and "
    "t10k-labels-idx1-ubyte, and the same with train-, plain or .gz; a folder of pictures holds val/CLASS/ and train/CLASS/";

// `name` with the first `from` replaced, or unchanged.
std::string replaced(std::string name, std::string_view from, std::string_view to) {
  if (const auto at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
  return name;
}

// The labels file of an idx images file: images -> labels and idx3 -> idx1 in its name, with or without .gz.
Result<fs::path> labels_beside(const fs::path& images) {
  const std::string name = images.filename().string();
  const std::string wanted = replaced(replaced(name, "images", "labels"), "idx3", "idx1");
  if (wanted == name)
    return Error{images.string(), "the name does not say where the labels are",
                 "name the files …-images-idx3-ubyte and …-labels-idx1-ubyte"};
  const bool packed = wanted.ends_with(".gz");
  const std::string other = packed ? wanted.substr(0, wanted.size() - 3) : wanted + ".gz";
  for (const std::string& candidate : {wanted, other}) {
    if (fs::is_regular_file(images.parent_path() / candidate)) return images.parent_path() / candidate;
  }
  return Error{images.string(), "its labels file '" + wanted + "' is not beside it",
               "put the idx1 file of the labels into the same folder"};
}

Result<Dataset> load_file(const fs::path& file) {
  const std::string extension = file.extension().string();
  if (extension == ".bin") return read_cifar10(file);
  for (const char* picture : {".jpg", ".jpeg", ".JPEG", ".JPG", ".png", ".PNG"}) {
    if (extension == picture) return Error{file.string(), "is one picture, without a label", "give the folder that holds val/ and train/"};
  }
  if (file.filename().string().find("images") == std::string::npos)
    return Error{file.string(), "is neither a CIFAR-10 .bin file nor an idx file of images", kFolderHint};
  DYAD_TRY(const fs::path labels, labels_beside(file));
  return read_idx(file, labels);
}

// Regular files of a folder whose name begins and ends so, sorted by name.
std::vector<fs::path> files_named(const fs::path& folder, std::string_view begin, std::string_view end) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(begin) && name.ends_with(end) && entry.is_regular_file(ignored)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<Dataset> read_cifar10_files(const fs::path& folder, const std::vector<fs::path>& files) {
  Dataset all;
  std::vector<std::uint8_t> pixels;
  Shape shape;
  for (const fs::path& file : files) {
    DYAD_TRY(const Dataset part, read_cifar10(file));
    pixels.insert(pixels.end(), part.images.values().begin(), part.images.values().end());
    all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
    shape = part.images.shape();
  }
  shape[0] = all.size();
  all.name = folder.string();
  all.images = Tensor<std::uint8_t>(std::move(shape), std::move(pixels));
  return all;
}

Result<Dataset> load_folder(const fs::path& folder, Split split, std::int64_t picture_size) {
  std::vector<fs::path> cifar;
  if (split == Split::kTest) {
    cifar = files_named(folder, "test_batch.bin", "test_batch.bin");
  } else {
    cifar = files_named(folder, "data_batch_", ".bin");
    if (cifar.empty()) cifar = files_named(folder, "train", ".bin");
  }
  if (!cifar.empty()) return read_cifar10_files(folder, cifar);

  const std::string prefix = split == Split::kTest ? "t10k" : "train";
  for (const char* name : {"-images-idx3-ubyte", "-images-idx3-ubyte.gz", "-images.idx3-ubyte", "-images.idx3-ubyte.gz"}) {
    const fs::path images = folder / (prefix + name);
    if (!fs::is_regular_file(images)) continue;
    DYAD_TRY(const fs::path labels, labels_beside(images));
    DYAD_TRY(Dataset dataset, read_idx(images, labels));
    dataset.name = folder.string();
    return dataset;
  }
  const fs::path pictures = folder / (split == Split::kTest ? "val" : "train");
  if (fs::is_directory(pictures)) return read_picture_folder(pictures, picture_size);
  return Error{folder.string(), std::string("holds no ") + (split == Split::kTest ? "test" : "training") + " images", kFolderHint};
}

// (byte / 255 - mean) / stddev in float32; with mean 0 and stddev 1/255 the byte itself, which the roundings would miss.
float normalized_byte(float byte, float mean, float stddev) {
  if (mean == 0.0f && stddev == 1.0f / 255.0f) return byte;
  return (byte / 255.0f - mean) / stddev;
}

}  // namespace

Tensor<float> Dataset::normalized(std::int64_t begin, std::int64_t count, const Normalization& normalization) const {
  DYAD_EXPECT(begin >= 0 && count >= 0 && begin + count <= size(), "images out of range");
  const auto channels = static_cast<std::size_t>(images.extent(3));
  DYAD_EXPECT(normalization.mean.size() == channels && normalization.stddev.size() == channels, "normalization has other channels");
  std::vector<std::array<float, 256>> table(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t value = 0; value < 256; ++value)
      table[c][value] = normalized_byte(static_cast<float>(value), normalization.mean[c], normalization.stddev[c]);
  }
  const std::int64_t per_image = images.size() / size();
  Tensor<float> result({count, images.extent(1), images.extent(2), images.extent(3)});
  const std::uint8_t* from = images.data() + begin * per_image;
  float* to = result.data();
  for (std::int64_t pixel = 0; pixel < result.size(); pixel += images.extent(3)) {
    for (std::size_t c = 0; c < channels; ++c) *to++ = table[c][*from++];
  }
  return result;
}

Dataset Dataset::subset(const std::vector<std::int64_t>& indices) const {
  Dataset chosen;
  chosen.name = name;
  const std::int64_t per_image = size() > 0 ? images.size() / size() : 0;
  chosen.images = Tensor<std::uint8_t>({static_cast<std::int64_t>(indices.size()), images.extent(1), images.extent(2), images.extent(3)});
  std::uint8_t* to = chosen.images.data();
  for (const std::int64_t index : indices) {
    DYAD_EXPECT(index >= 0 && index < size(), "image out of range");
    to = std::copy_n(images.data() + index * per_image, per_image, to);
    chosen.labels.push_back(labels[static_cast<std::size_t>(index)]);
  }
  return chosen;
}

Result<Dataset> load_dataset(const fs::path& path, Split split, std::int64_t picture_size) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (!fs::exists(status)) return Error{path.string(), "does not exist", kFolderHint};
  if (fs::is_directory(status)) return load_folder(path, split, picture_size);
  if (!fs::is_regular_file(status)) return Error{path.string(), "is neither a file nor a folder", kFolderHint};
  return load_file(path);
}

}  // namespace dyad::network
