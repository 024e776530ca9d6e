#include "limits.hpp"

#include <CLI/CLI.hpp>

namespace dyad::tools {

void LimitOptions::declare(CLI::App& verb, const std::string& ratio_meaning) {
  verb.add_option("--limit", absolute, "NAME=V: the cost NAME may not exceed V")->allow_extra_args(false);
  verb.add_option("--limit-fraction", fraction, "NAME=F: all-cheapest + F * (all-dearest - all-cheapest)")->allow_extra_args(false);
  verb.add_option("--limit-ratio", ratio, "NAME=R: " + ratio_meaning)->allow_extra_args(false);
}

Result<std::vector<quantizer::LimitRequest>> LimitOptions::read() const {
  using quantizer::LimitKind;
  std::vector<quantizer::LimitRequest> requests;
  const auto add = [&](const std::vector<std::string>& texts, LimitKind kind, const std::string& flag) -> Result<void> {
    for (const std::string& text : texts) {
      DYAD_TRY(quantizer::LimitRequest request, quantizer::parse_limit(text, kind, flag));
      requests.push_back(std::move(request));
    }
    return {};
  };
  DYAD_CHECK(add(absolute, LimitKind::kAbsolute, "--limit"));
  DYAD_CHECK(add(fraction, LimitKind::kFraction, "--limit-fraction"));
  DYAD_CHECK(add(ratio, LimitKind::kRatio, "--limit-ratio"));
  return requests;
}

}  // namespace dyad::tools
