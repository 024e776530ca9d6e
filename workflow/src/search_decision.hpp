/// \file What each search method decides: bits of every layer within the limits.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dyad/workflow/search.hpp"
#include "network_cost.hpp"

namespace dyad::workflow {

/// The stages of a search, and whether its caller wants more.
class SearchStages final : public Progress {
 public:
  /// After `budget_seconds` it is as if the caller wanted no more; 0: no such limit.
  SearchStages(Progress& caller, double budget_seconds) : caller_(caller), budget_(budget_seconds), began_(Clock::now()) {}
  /// False: the caller wants no more.
  bool enter(const std::string& name) {
    stage(name);
    return !cancelled();
  }
  const std::string& current() const { return current_; }
  /// Cancellation waits while it is held.
  void hold(bool held) { held_ = held; }

  bool out_of_time() const { return budget_.count() > 0 && Clock::now() - began_ > budget_; }

  void stage(std::string_view name) override {
    current_ = name;
    caller_.stage(name);
  }
  void update(std::int64_t done, std::int64_t total) override { caller_.update(done, total); }
  bool cancelled() const override { return !held_ && (caller_.cancelled() || out_of_time()); }

 private:
  using Clock = std::chrono::steady_clock;
  Progress& caller_;
  std::string current_;
  bool held_ = false;
  std::chrono::duration<double> budget_;
  Clock::time_point began_;
};

/// A network that can be costed and quantized, with its images.
struct SearchSubject {
  const quantizer::CalibratedNetwork& calibrated;
  const CostedNetwork& costed;
  const CostTotals& at_8_bits;
  const network::Dataset& drawn;               ///< calibration images
  const network::Dataset& sensitivity_images;  ///< the first of them
  const std::string& episodes_hash;            ///< of everything that decides the episodes
};

struct Decision {
  quantizer::Allocation allocation;
  NetworkCost cost;
  std::vector<ResolvedLimit> limits;
  quantizer::SensitivityTable sensitivity;  ///< exact, hawq
  quantizer::ChoiceProblem problem;         ///< of methods that solve an integer program
  quantizer::IntegerNetwork network;
  std::vector<SearchEpisode> history;
  std::shared_ptr<const OrderedJson> hmq;
  bool has_objective = true;  ///< the allocation's objective and bound mean something
  bool can_sweep = false;     ///< the problem at other limits gives networks of the same kind
  std::string cut_short;      ///< the stage that the caller stopped although its best is kept; empty: none
};

/// Runs the request's method.
Result<std::variant<Decision, quantizer::Infeasible, Cancelled>> decide(const SearchRequest& request, const SearchSubject& subject,
                                                                        SearchStages& stages);

}  // namespace dyad::workflow
