#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <optional>

#include "dataset_files.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/network/picture.hpp"

namespace dyad::network {
namespace fs = std::filesystem;
namespace {

bool is_picture(const fs::path& file) {
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

Result<void> check_memory(const fs::path& folder, std::size_t pictures, std::int64_t bytes_each) {
  const std::int64_t memory = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  const std::int64_t needed = static_cast<std::int64_t>(pictures) * bytes_each;
  if (needed <= memory / 4 * 3) return {};
  return Error{folder.string(),
               "its " + std::to_string(pictures) + " pictures need " + std::to_string(needed >> 30) + " GiB of " +
                   std::to_string(memory >> 30) + " GiB of memory",
               "make a smaller set with fewer classes or pictures: dyad data subset --help"};
}

}  // namespace

std::vector<fs::path> class_folders(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.is_directory(ignored)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<fs::path> pictures_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (is_picture(entry.path()) && entry.is_regular_file(ignored)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

Result<Dataset> read_picture_folder(const fs::path& folder, std::int64_t size) {
  Dataset dataset;
  dataset.name = folder.string();
  std::vector<fs::path> files;
  const std::vector<fs::path> classes = class_folders(folder);
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const std::vector<fs::path> pictures = pictures_in(classes[label]);
    files.insert(files.end(), pictures.begin(), pictures.end());
    dataset.labels.insert(dataset.labels.end(), pictures.size(), static_cast<std::int32_t>(label));
  }
  if (files.empty()) return Error{folder.string(), "holds no pictures", "it needs one folder of .jpg, .jpeg or .png files for each class"};
  const std::int64_t bytes = 3 * size * size;
  DYAD_CHECK(check_memory(folder, files.size(), bytes));
  dataset.images = Tensor<std::uint8_t>({dataset.size(), size, size, 3});
  std::vector<std::optional<Error>> failures(files.size());
  std::atomic<bool> failed = false;
  parallel_for(dataset.size(), [&](std::int64_t i) {
    if (failed) return;
    const Result<Picture> picture = read_picture(files[static_cast<std::size_t>(i)]);
    if (picture) {
      const Picture square = resized_and_cropped(*picture, size);
      std::copy(square.pixels.begin(), square.pixels.end(), dataset.images.data() + i * bytes);
    } else {
      failures[static_cast<std::size_t>(i)] = picture.error();
      failed = true;
    }
  });
  for (const std::optional<Error>& failure : failures)
    if (failure) return *failure;
  return dataset;
}

}  // namespace dyad::network
