/// \file Rank correlation, for how well one list of numbers orders another.
#pragma once

#include <optional>
#include <span>

namespace dyad {

/// Kendall's tau-b in [-1, 1]: (concordant - discordant pairs) / sqrt(pairs not tied in a * pairs not tied in b).
/// a and b have equal length. Nothing for fewer than two entries or when all entries of one list are equal.
/// Every pair is looked at: O(n^2). Source: Kendall, "The treatment of ties in ranking problems", 1945.
std::optional<double> kendall_tau(std::span<const double> a, std::span<const double> b);

}  // namespace dyad
