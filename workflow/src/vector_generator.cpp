#include "dyad/workflow/vector_generator.hpp"

#include "vector_operands.hpp"

namespace dyad::workflow {
namespace {

Result<void> check_request(const VectorRequest& request) {
  const auto within = [](const std::string& flag, std::int64_t value, std::int64_t lowest, std::int64_t highest) -> Result<void> {
    if (value >= lowest && value <= highest) return {};
    return Error{flag, "is " + std::to_string(value), "from " + std::to_string(lowest) + " to " + std::to_string(highest)};
  };
  DYAD_CHECK(within("--out-bits", request.out.bits, 1, request.out.is_signed ? 32 : 31));
  DYAD_CHECK(within("--cases", request.cases, 1, 10'000'000));
  if (request.op == VectorOp::kAveragePool) {
    DYAD_CHECK(within("--in-bits", request.in.bits, 2, request.average_rounding == AverageRounding::kHawq ? 16 : 24));
    return within("--window", request.most_window, 1, 4096);
  }
  if (request.op != VectorOp::kRequantize && request.op != VectorOp::kResidualAdd)
    return Error{"--op", "vectors of " + std::string(to_string(request.op)) + " are not generated",
                 "requantize, residual_add or average_pool"};
  if (request.rounding == Rounding::kFloat32Scale)
    return Error{"--rounding", "float32_scale exists in software only", "half_up, half_even, half_away, floor or gemmlowp"};
  DYAD_CHECK(within("--acc-bits", request.acc_bits, 8, 32));
  DYAD_CHECK(within("--multiplier-bits", request.multiplier_bits, 8, 32));
  return within("--most-shift", request.most_shift, 8, 62);
}

RequantizeCase finished(const VectorRequest& request, const Operands& operands) {
  RequantizeCase result{{operands.acc}, operands.ratio, 0, operands.zero_point, {}, operands.kind};
  result.expected = {requantize(operands.acc, operands.ratio, request.rounding, operands.zero_point, request.out)};
  return result;
}

ResidualCase finished(const VectorRequest& request, const Operands& main, const Operands& identity, std::string kind) {
  ResidualCase result{{main.acc}, {identity.acc}, main.ratio, identity.ratio, main.zero_point, {}, std::move(kind)};
  const std::int64_t sum = round_multiply(main.acc, main.ratio.multiplier, main.ratio.shift, request.rounding) +
                           round_multiply(identity.acc, identity.ratio.multiplier, identity.ratio.shift, request.rounding);
  result.expected = {request.out.clamp(sum + main.zero_point)};
  return result;
}

// Half of the cases: branches drawn apart. Else the second branch brings the sum to an edge of the output, or mirrors the first.
ResidualCase residual_case(const VectorRequest& request, OperandSource& source) {
  const Operands main = source.any();
  switch (source.random().below(4)) {
    case 0: {
      const std::int64_t sum = round_multiply(main.acc, main.ratio.multiplier, main.ratio.shift, request.rounding) + main.zero_point;
      return finished(request, main, source.reaching(source.edge() - sum), "saturation edge of the sum");
    }
    case 1: {
      Operands mirrored = main;
      mirrored.ratio.multiplier = -main.ratio.multiplier;
      return finished(request, main, mirrored, main.kind + ", mirrored");
    }
    default: {
      const Operands identity = source.any();
      return finished(request, main, identity, main.kind + " + " + identity.kind);
    }
  }
}

}  // namespace

Result<VectorFile> generate_vectors(const VectorRequest& request) {
  DYAD_CHECK(check_request(request));
  VectorFile file;
  file.file = "generated";
  file.op = request.op;
  file.rounding = request.rounding;
  file.average_rounding = request.average_rounding;
  file.out = request.out;
  file.in = request.in;
  file.seed = request.seed;
  if (request.op == VectorOp::kAveragePool) {
    std::vector<AveragePoolCase> cases;
    for (std::int64_t i = 0; i < request.cases; ++i) cases.push_back(average_pool_case(request, i));
    file.cases = std::move(cases);
  } else if (request.op == VectorOp::kResidualAdd) {
    std::vector<ResidualCase> cases;
    for (std::int64_t i = 0; i < request.cases; ++i) {
      OperandSource source(request, i);
      cases.push_back(residual_case(request, source));
    }
    file.cases = std::move(cases);
  } else {
    std::vector<RequantizeCase> cases;
    for (std::int64_t i = 0; i < request.cases; ++i) cases.push_back(finished(request, OperandSource(request, i).any()));
    file.cases = std::move(cases);
  }
  return file;
}

}  // namespace dyad::workflow
