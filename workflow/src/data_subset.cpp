#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "dyad/base/files.hpp"
#include "dyad/base/random.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/workflow/data.hpp"

namespace dyad::workflow {
namespace fs = std::filesystem;
namespace {

struct ChosenClass {
  std::string name;
  std::vector<fs::path> train, val;
};

/// `count` of them in their order, drawn at random; 0 or more than there are: all.
template <typename T>
std::vector<T> drawn(const std::vector<T>& all, std::size_t count, Random& random) {
  if (count == 0 || count >= all.size()) return all;
  std::vector<std::int64_t> places = random_permutation(static_cast<std::int64_t>(all.size()), random);
  places.resize(count);
  std::sort(places.begin(), places.end());
  std::vector<T> result;
  for (const std::int64_t place : places) result.push_back(all[static_cast<std::size_t>(place)]);
  return result;
}

Result<std::vector<std::string>> choose_classes(const fs::path& train, const SubsetOptions& options) {
  std::vector<std::string> all;
  for (const fs::path& folder : network::class_folders(train)) all.push_back(folder.filename().string());
  if (all.empty()) return Error{train.string(), "holds no class folders", "a picture folder has train/CLASS/ and val/CLASS/"};
  for (const std::string& name : options.class_names)
    if (!std::binary_search(all.begin(), all.end(), name))
      return Error{train.string(), "has no class '" + name + "'", "check the list of classes"};
  if (!options.class_names.empty()) {
    const std::set<std::string> unique(options.class_names.begin(), options.class_names.end());
    return std::vector<std::string>(unique.begin(), unique.end());
  }
  if (static_cast<std::size_t>(options.classes) > all.size())
    return Error{train.string(), "has " + std::to_string(all.size()) + " classes, not " + std::to_string(options.classes),
                 "ask for fewer classes"};
  Random random(options.seed);
  return drawn(all, static_cast<std::size_t>(options.classes), random);
}

Result<ChosenClass> choose_pictures(const fs::path& source, const std::string& name, std::uint64_t stream, const SubsetOptions& options) {
  const auto train_count = static_cast<std::size_t>(options.train_per_class), val_count = static_cast<std::size_t>(options.val_per_class);
  Random random(options.seed, stream + 1);
  ChosenClass chosen{name, network::pictures_in(source / "train" / name), {}};
  if (options.val_from_train) {
    if (val_count == 0 || val_count >= chosen.train.size())
      return Error{(source / "train" / name).string(),
                   "holds " + std::to_string(chosen.train.size()) + " pictures, too few for " + std::to_string(val_count) +
                       " validation pictures and some to train on",
                   "ask for at least one validation picture a class, and fewer than there are"};
    chosen.val = drawn(chosen.train, val_count, random);
    std::erase_if(chosen.train, [&](const fs::path& file) { return std::binary_search(chosen.val.begin(), chosen.val.end(), file); });
  } else {
    chosen.val = drawn(network::pictures_in(source / "val" / name), val_count, random);
  }
  chosen.train = drawn(chosen.train, train_count, random);
  for (const auto& [split, pictures, wanted] : {std::tuple("train", &chosen.train, train_count), std::tuple("val", &chosen.val, val_count)})
    if (pictures->empty() || pictures->size() < wanted)
      return Error{(source / split / name).string(), "holds " + std::to_string(pictures->size()) + " pictures, too few",
                   wanted == 0 ? "every class needs pictures" : "ask for fewer pictures a class"};
  return chosen;
}

Result<void> place(const std::vector<fs::path>& pictures, const fs::path& folder, bool copy) {
  std::error_code fault;
  fs::create_directories(folder, fault);
  for (const fs::path& picture : pictures) {
    if (fault) break;
    const fs::path to = folder / picture.filename();
    if (copy) {
      fs::copy_file(picture, to, fault);
    } else {
      fs::create_symlink(fs::absolute(picture), to, fault);
    }
  }
  if (fault) return Error{folder.string(), "cannot be filled: " + fault.message(), "is the disk full?"};
  return {};
}

}  // namespace

Result<OrderedJson> make_subset(const fs::path& source, const SubsetOptions& options, const fs::path& out, Progress& progress) {
  std::error_code fault;
  if (fs::exists(out, fault) && !fs::is_empty(out, fault))
    return Error{out.string(), "exists and is not empty", "name a new folder, or remove that one"};
  DYAD_TRY(const std::vector<std::string> names, choose_classes(source / "train", options));
  std::vector<ChosenClass> classes;
  for (std::size_t i = 0; i < names.size(); ++i) {
    DYAD_TRY(ChosenClass chosen, choose_pictures(source, names[i], i, options));
    classes.push_back(std::move(chosen));
  }

  const fs::path unfinished = out.string() + ".tmp." + std::to_string(options.seed);
  fs::remove_all(unfinished, fault);
  const auto give_up = [&](Error error) {
    fs::remove_all(unfinished, fault);
    return error;
  };
  std::int64_t train = 0, val = 0;
  progress.stage("subset");
  for (std::size_t i = 0; i < classes.size(); ++i) {
    progress.update(static_cast<std::int64_t>(i), static_cast<std::int64_t>(classes.size()));
    if (progress.cancelled()) return give_up({out.string(), "stopped", "nothing was kept"});
    for (const auto& [split, pictures] : {std::pair("train", &classes[i].train), std::pair("val", &classes[i].val)})
      if (const Result<void> placed = place(*pictures, unfinished / split / classes[i].name, options.copy); !placed)
        return give_up(placed.error());
    train += static_cast<std::int64_t>(classes[i].train.size());
    val += static_cast<std::int64_t>(classes[i].val.size());
  }
  fs::remove(out, fault);  // an empty folder
  fs::rename(unfinished, out, fault);
  if (fault) return give_up({out.string(), "cannot be made: " + fault.message(), "choose another folder"});
  return OrderedJson{{"schema", "dyad.data/1"},
                     {"version", DYAD_VERSION},
                     {"source", source.string()},
                     {"out", out.string()},
                     {"seed", options.seed},
                     {"classes", names},
                     {"train", train},
                     {"val", val}};
}

}  // namespace dyad::workflow
