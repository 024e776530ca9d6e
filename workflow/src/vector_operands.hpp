/// \file Operands of generated vectors, drawn where implementations go wrong.
#pragma once

#include "dyad/base/random.hpp"
#include "dyad/workflow/vector_generator.hpp"

namespace dyad::workflow {

struct Operands {
  std::int32_t acc = 0;
  Dyadic ratio;
  std::int32_t zero_point = 0;
  std::string kind;
};

/// Draws the operands of case `index`, which depend on nothing but the request and the index.
class OperandSource {
 public:
  OperandSource(const VectorRequest& request, std::int64_t index)
      : request_(request), index_(index), random_(request.seed, static_cast<std::uint64_t>(index)) {}

  Random& random() { return random_; }
  /// Of 20 consecutive cases: 6 ties, 3 one beside a tie, 4 saturation edges, 4 extremes, 3 of the usual kind.
  Operands any();
  /// A quotient near `target`, exactly on it where the formats allow.
  Operands reaching(std::int64_t target);
  /// The output's bounds, and one beside them.
  std::int64_t edge();

 private:
  std::int64_t most_acc() const { return (std::int64_t{1} << (request_.acc_bits - 1)) - 1; }
  std::int64_t most_multiplier() const { return (std::int64_t{1} << (request_.multiplier_bits - 1)) - 1; }
  bool fits(std::int64_t acc, std::int64_t multiplier, int shift) const;
  Operands tie();
  Operands gemmlowp_tie();
  Operands beside_tie();
  Operands extreme();
  Operands usual();
  std::int32_t zero_point();
  Operands made(std::int64_t acc, std::int64_t multiplier, int shift, std::string kind);

  const VectorRequest& request_;
  std::int64_t index_;
  Random random_;
};

/// Of 20 consecutive cases: 6 ties, 3 one beside a tie, 4 saturation edges, 4 extremes, 3 random ones.
AveragePoolCase average_pool_case(const VectorRequest& request, std::int64_t index);

}  // namespace dyad::workflow
