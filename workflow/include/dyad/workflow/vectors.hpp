/// \file Vector files (schema dyad.vectors/1): operations with inputs and expected integers, read, written and checked against every
/// implementation. Field by field: docs/workflow/vectors.md.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/dyadic.hpp"
#include "dyad/base/json.hpp"
#include "dyad/workflow/checks.hpp"
#include "dyad/workflow/progress.hpp"

namespace dyad::workflow {

enum class VectorOp { kRequantize, kDyadicFromScales, kQuantizeWeight, kResidualAdd, kConcat, kAveragePool, kApotQuantize };
std::string_view to_string(VectorOp op);
std::optional<VectorOp> vector_op_from_name(std::string_view name);

/// Accumulators through one ratio; with Rounding::kFloat32Scale `scale` is used instead.
struct RequantizeCase {
  std::vector<std::int32_t> acc;
  Dyadic ratio;
  float scale = 0;
  std::int32_t zero_point = 0;
  std::vector<std::int64_t> expected;
  std::string kind;  ///< what a generator aimed at; of no effect
};

/// The represented ratios are compared, not their spelling.
struct DyadicCase {
  float scale_in = 0, scale_weight = 0, scale_out = 0;
  std::int64_t multiplier = 0;
  int shift = 0;
};

/// `weights` holds `channels` equal parts.
struct WeightCase {
  std::int64_t channels = 1;
  std::vector<float> weights;
  std::vector<float> scales;  ///< empty: not compared
  std::vector<std::int64_t> expected;
};

struct ResidualCase {
  std::vector<std::int32_t> main, identity;
  Dyadic main_ratio, identity_ratio;
  std::int32_t zero_point = 0;
  std::vector<std::int64_t> expected;
  std::string kind;  ///< what a generator aimed at; of no effect
};

struct ConcatBranch {
  std::vector<std::int32_t> values;  ///< (positions, channels)
  std::int64_t channels = 1;
  Dyadic ratio;
  std::int32_t zero_point = 0;
};
struct ConcatCase {
  std::vector<ConcatBranch> branches;
  std::vector<std::int64_t> expected;  ///< (positions, channels of all branches)
};

/// One window. count > values.size() counts that many zeros of padding.
struct AveragePoolCase {
  std::vector<std::int32_t> values;
  std::int64_t count = 1;
  std::int64_t expected = 0;
  std::string kind;  ///< what a generator aimed at; of no effect
};

struct ApotCase {
  std::vector<float> values;
  float alpha = 1;
  std::vector<std::int64_t> expected;  ///< numerators of the levels, with sign
};

/// What holds for all cases of a file, and the cases; the alternative is that of `op`.
struct VectorFile {
  std::string file;  ///< where it was read, for messages
  VectorOp op = VectorOp::kRequantize;
  Rounding rounding = Rounding::kHalfUp;  ///< requantize, residual_add, concat
  AverageRounding average_rounding = AverageRounding::kHalfUp;
  RequantizationForm form = RequantizationForm::kNormalized;  ///< dyadic_from_scales
  BitWidth out{8, true};
  BitWidth in{16, true};    ///< average_pool: of the values
  bool per_channel = true;  ///< quantize_weight
  double percentile = 0;    ///< quantize_weight
  std::variant<std::vector<RequantizeCase>, std::vector<DyadicCase>, std::vector<WeightCase>, std::vector<ResidualCase>,
               std::vector<ConcatCase>, std::vector<AveragePoolCase>, std::vector<ApotCase>>
      cases;

  std::optional<std::uint64_t> seed;  ///< of the generator; of no effect

  std::int64_t size() const;
};

Result<VectorFile> load_vectors(const std::filesystem::path& file);
/// Of requantize, residual_add and average_pool files, which are those that are generated.
OrderedJson vectors_document(const VectorFile& vectors);

/// What an implementation computes for a case, in the order of `expected`.
struct VectorOutput {
  std::vector<std::int64_t> values;
  std::vector<float> scales;    ///< quantize_weight
  std::optional<Dyadic> ratio;  ///< dyadic_from_scales; none when the ratio doesn't fit
};

/// One implementation; nothing is returned for an operation that it doesn't have, or not in this rounding or width.
struct VectorImplementation {
  std::string name;
  std::function<Result<std::optional<std::vector<VectorOutput>>>(const VectorFile&)> compute;
};

/// The scalar definition in base/ and quantizer/, and every integer backend and instruction set of this machine.
Result<std::vector<VectorImplementation>> vector_implementations();

/// One check for each operation, rounding and implementation that has it ("requantize/half_even/cpu/avx2"), over all files.
/// cases counts expected values. An Error when a file is bad.
Result<std::vector<CheckOutcome>> verify_vectors(const std::vector<VectorFile>& files,
                                                 const std::vector<VectorImplementation>& implementations, Progress& progress);

}  // namespace dyad::workflow
