#include "dyad/workflow/checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dyad::workflow {

void add_mismatch(CheckOutcome& check, const std::string& what) {
  if (check.mismatches++ == 0) check.first = what;
}

bool all_passed(const std::vector<CheckOutcome>& checks) {
  return !checks.empty() &&
         std::all_of(checks.begin(), checks.end(), [](const CheckOutcome& each) { return each.cases > 0 && each.mismatches == 0; });
}

OrderedJson verification_document(const std::string& subject, const std::vector<CheckOutcome>& checks) {
  OrderedJson list = OrderedJson::array();
  for (const CheckOutcome& each : checks) {
    OrderedJson entry{{"name", each.name}, {"cases", each.cases}, {"mismatches", each.mismatches}};
    if (!each.first.empty()) entry["first"] = each.first;
    list.push_back(std::move(entry));
  }
  return {{"schema", "dyad.verification/1"},
          {"version", DYAD_VERSION},
          {"subject", subject},
          {"passed", all_passed(checks)},
          {"checks", std::move(list)}};
}

std::string verification_text(const std::vector<CheckOutcome>& checks) {
  std::size_t width = 5;
  std::int64_t cases = 0, mismatches = 0;
  for (const CheckOutcome& each : checks) {
    width = std::max(width, each.name.size());
    cases += each.cases;
    mismatches += each.mismatches;
  }
  std::string text = fmt::format("{:<{}} {:>12} {:>10}\n", "check", width, "cases", "mismatches");
  for (const CheckOutcome& each : checks) {
    text += fmt::format("{:<{}} {:>12} {:>10}\n", each.name, width, each.cases, each.mismatches);
    if (!each.first.empty()) text += "  first: " + each.first + "\n";
    if (each.cases == 0) text += "  nothing was compared\n";
  }
  return text + fmt::format("{}: {} checks, {} cases, {} mismatches\n", all_passed(checks) ? "passed" : "FAILED", checks.size(), cases,
                            mismatches);
}

}  // namespace dyad::workflow
