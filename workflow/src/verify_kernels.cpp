#include "dyad/workflow/verify_kernels.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "dyad/base/integer_backend.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/kernels/backends.hpp"
#include "dyad/kernels/random_layers.hpp"

namespace dyad::workflow {
namespace {

using kernels::RandomLayer;

struct Candidate {
  std::string name;
  std::unique_ptr<IntegerBackend> backend;
};

constexpr std::string_view kCpuPrefix = "cpu/";

Result<std::vector<Candidate>> make_candidates(const std::vector<std::string>& wanted) {
  const std::vector<std::string> known = verifiable_backends();
  std::vector<Candidate> candidates;
  for (const std::string& name : wanted.empty() ? known : wanted) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string list;
      for (const std::string& each : known) list += (list.empty() ? "" : ", ") + each;
      return Error{"--backend", "there is no '" + name + "' to verify here", "one of: " + list};
    }
    DYAD_TRY(auto backend, make_verifiable_backend(name));
    candidates.push_back({name, std::move(backend)});
  }
  return candidates;
}

/// Empty when `backend` gives `expected`.
std::string difference(const IntegerBackend& backend, const RandomLayer& random, const IntegerTensor& expected) {
  const auto prepared = backend.prepare(random.layer);
  if (!prepared) return "refused: " + prepared.error().message;
  IntegerTensor actual = random.output();
  (*prepared)->run(random.pointers(), actual);
  for (std::int64_t i = 0; i < expected.size(); ++i)
    if (expected.get(i) != actual.get(i))
      return "element " + std::to_string(i) + " is " + std::to_string(actual.get(i)) + ", scalar gives " + std::to_string(expected.get(i));
  return "";
}

/// Compares layers in parallel and adds to the checks in layer order, so that the outcome does not depend on threads.
class Comparison {
 public:
  Comparison(const std::vector<Candidate>& candidates, Progress& progress) : candidates_(candidates), progress_(progress) {}

  /// `layer(i)` for 0 <= i < count, counted under "<backend>/<label>", or under the layer's operation without a label.
  void run(const std::string& stage, std::int64_t count, const std::optional<std::string>& label,
           const std::function<RandomLayer(std::int64_t)>& layer) {
    progress_.stage(stage);
    constexpr std::int64_t kBlock = 256;
    for (std::int64_t first = 0; first < count && !progress_.cancelled(); first += kBlock) {
      const std::int64_t size = std::min(kBlock, count - first);
      std::vector<Compared> block(static_cast<std::size_t>(size));
      parallel_for(size, [&](std::int64_t i) { block[static_cast<std::size_t>(i)] = compare(layer(first + i)); });
      for (const Compared& each : block) record(each, label);
      progress_.update(first + size, count);
    }
  }

  /// In order of backends, then of first appearance sorted by name.
  std::vector<CheckOutcome> outcomes() const {
    std::vector<CheckOutcome> result;
    for (const auto& [key, check] : checks_) result.push_back(check);
    return result;
  }

 private:
  struct Compared {
    std::string op, described;
    std::vector<std::string> differences;  ///< one a candidate
  };

  Compared compare(const RandomLayer& random) const {
    const auto prepared = scalar_->prepare(random.layer);
    DYAD_EXPECT(prepared.has_value(), "scalar refused " + kernels::describe(random.layer));
    IntegerTensor expected = random.output();
    (*prepared)->run(random.pointers(), expected);
    Compared result{std::string(to_string(random.layer.op)), kernels::describe(random.layer), {}};
    for (const Candidate& each : candidates_) result.differences.push_back(difference(*each.backend, random, expected));
    return result;
  }

  void record(const Compared& compared, const std::optional<std::string>& label) {
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      const std::string kind = label.value_or(compared.op);
      CheckOutcome& check = checks_[{c, kind}];
      check.name = candidates_[c].name + "/" + kind;
      ++check.cases;
      if (!compared.differences[c].empty()) add_mismatch(check, compared.described + ": " + compared.differences[c]);
    }
  }

  const std::vector<Candidate>& candidates_;
  Progress& progress_;
  std::unique_ptr<IntegerBackend> scalar_ = kernels::make_scalar_backend();
  std::map<std::pair<std::size_t, std::string>, CheckOutcome> checks_;
};

}  // namespace

std::vector<std::string> verifiable_backends() {
  std::vector<std::string> names;
  for (const kernels::CpuIsa isa : kernels::available_cpu_isas()) names.push_back(std::string(kCpuPrefix) + std::string(to_string(isa)));
  for (const std::string& name : integer_backend_names())
    if (name != "scalar" && name != "cpu") names.push_back(name);
  return names;
}

Result<std::unique_ptr<IntegerBackend>> make_verifiable_backend(const std::string& name) {
  if (name.rfind(kCpuPrefix, 0) == 0) return kernels::make_cpu_backend(kernels::cpu_isa_from_name(name.substr(kCpuPrefix.size())));
  return make_integer_backend(name);
}

Result<std::vector<CheckOutcome>> verify_kernels(const KernelVerification& options, Progress& progress) {
  DYAD_TRY(const std::vector<Candidate> candidates, make_candidates(options.backends));
  Comparison comparison(candidates, progress);
  comparison.run("random layers", options.layers, std::nullopt,
                 [&](std::int64_t i) { return kernels::random_layer(options.seed, static_cast<std::uint64_t>(i)); });
  const std::vector<RandomLayer> extremes = kernels::extreme_convs(), ties = kernels::tie_layers();
  const auto from = [](const std::vector<RandomLayer>& layers) {
    return [&layers](std::int64_t i) { return layers[static_cast<std::size_t>(i)]; };
  };
  comparison.run("extreme operands", static_cast<std::int64_t>(extremes.size()), "extremes", from(extremes));
  comparison.run("ties", static_cast<std::int64_t>(ties.size()), "ties", from(ties));
  return comparison.outcomes();
}

}  // namespace dyad::workflow
