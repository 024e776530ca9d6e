/// \file What a verification found: one entry for each thing that was compared, and the document of all of them.
#pragma once

#include <string>
#include <vector>

#include "dyad/base/json.hpp"

namespace dyad::workflow {

/// One implementation of one thing, compared `cases` times.
struct CheckOutcome {
  std::string name;
  std::int64_t cases = 0;
  std::int64_t mismatches = 0;
  std::string first;  ///< the first mismatch in words; empty when there is none
};

/// Counts a mismatch and keeps the words of the first.
void add_mismatch(CheckOutcome& check, const std::string& what);

/// True when something was compared and nothing differed.
bool all_passed(const std::vector<CheckOutcome>& checks);

/// Schema dyad.verification/1 (docs/workflow/verify.md); `subject` is the sub-verb.
OrderedJson verification_document(const std::string& subject, const std::vector<CheckOutcome>& checks);

/// One line a check, then the verdict.
std::string verification_text(const std::vector<CheckOutcome>& checks);

}  // namespace dyad::workflow
