// Reading and writing of dyad.vectors/1.
#include <cmath>
#include <nlohmann/json.hpp>

#include "dyad/quantizer/apot.hpp"
#include "dyad/workflow/vectors.hpp"

namespace dyad::workflow {
namespace {

constexpr std::pair<VectorOp, std::string_view> kOps[] = {{VectorOp::kRequantize, "requantize"},
                                                          {VectorOp::kDyadicFromScales, "dyadic_from_scales"},
                                                          {VectorOp::kQuantizeWeight, "quantize_weight"},
                                                          {VectorOp::kResidualAdd, "residual_add"},
                                                          {VectorOp::kConcat, "concat"},
                                                          {VectorOp::kAveragePool, "average_pool"},
                                                          {VectorOp::kApotQuantize, "apot_quantize"}};

Result<std::vector<std::int64_t>> integers(const JsonReader& node, std::string_view key, std::int64_t lowest, std::int64_t highest) {
  DYAD_TRY(const JsonReader list, node.member(key));
  DYAD_TRY(const std::vector<JsonReader> elements, list.elements());
  std::vector<std::int64_t> values;
  values.reserve(elements.size());
  for (const JsonReader& element : elements) {
    DYAD_TRY(const std::int64_t value, element.integer(lowest, highest));
    values.push_back(value);
  }
  if (values.empty()) return list.error("is empty", "at least one number");
  return values;
}

Result<std::vector<std::int32_t>> int32s(const JsonReader& node, std::string_view key, std::int64_t lowest = INT32_MIN,
                                         std::int64_t highest = INT32_MAX) {
  DYAD_TRY(const std::vector<std::int64_t> values, integers(node, key, lowest, highest));
  return std::vector<std::int32_t>(values.begin(), values.end());
}

Result<float> float32(const JsonReader& node) {
  DYAD_TRY(const double value, node.number());
  const auto narrow = static_cast<float>(value);
  if (!std::isfinite(narrow)) return node.error("is too large for a float32", "below 3.4e38");
  return narrow;
}

Result<float> float32(const JsonReader& node, std::string_view key) {
  DYAD_TRY(const JsonReader number, node.member(key));
  return float32(number);
}

Result<std::vector<float>> float32s(const JsonReader& node, std::string_view key) {
  DYAD_TRY(const JsonReader list, node.member(key));
  DYAD_TRY(const std::vector<JsonReader> elements, list.elements());
  std::vector<float> values;
  values.reserve(elements.size());
  for (const JsonReader& element : elements) {
    DYAD_TRY(const float value, float32(element));
    values.push_back(value);
  }
  if (values.empty()) return list.error("is empty", "at least one number");
  return values;
}

Result<void> same_size(const JsonReader& node, std::string_view key, std::size_t found, std::size_t wanted, const std::string& like) {
  if (found == wanted) return {};
  DYAD_TRY(const JsonReader list, node.member(key));
  return list.error("has " + std::to_string(found) + " values, but " + like + " has " + std::to_string(wanted), "one for each");
}

// Expected results may lie outside the output's format: then they are wrong, which is for the check to say.
Result<std::vector<std::int64_t>> expected_values(const JsonReader& node, std::size_t size, const std::string& like) {
  DYAD_TRY(std::vector<std::int64_t> values, integers(node, "expected", INT64_MIN, INT64_MAX));
  DYAD_CHECK(same_size(node, "expected", values.size(), size, like));
  return values;
}

Result<Dyadic> dyadic(const JsonReader& node, const std::string& prefix = "") {
  DYAD_TRY(const std::int64_t multiplier, node.integer(prefix + "multiplier", -INT32_MAX, INT32_MAX));
  DYAD_TRY(const std::int64_t shift, node.integer(prefix + "shift", 0, 62));
  return Dyadic{static_cast<std::int32_t>(multiplier), static_cast<int>(shift)};
}

Result<std::int32_t> zero_point(const JsonReader& node) {
  if (!node.has("zero_point")) return 0;
  DYAD_TRY(const std::int64_t value, node.integer("zero_point", INT32_MIN, INT32_MAX));
  return static_cast<std::int32_t>(value);
}

Result<std::string> kind_of(const JsonReader& node) {
  if (!node.has("kind")) return std::string();
  return node.string("kind");
}

Result<RequantizeCase> read_case(const JsonReader& node, const VectorFile& file, const RequantizeCase*) {
  RequantizeCase result;
  DYAD_TRY(result.kind, kind_of(node));
  DYAD_TRY(result.acc, int32s(node, "acc"));
  if (file.rounding == Rounding::kFloat32Scale) {
    DYAD_TRY(result.scale, float32(node, "scale"));
  } else {
    DYAD_TRY(result.ratio, dyadic(node));
  }
  DYAD_TRY(result.zero_point, zero_point(node));
  DYAD_TRY(result.expected, expected_values(node, result.acc.size(), "acc"));
  return result;
}

Result<DyadicCase> read_case(const JsonReader& node, const VectorFile&, const DyadicCase*) {
  DyadicCase result;
  DYAD_TRY(result.scale_in, float32(node, "scale_in"));
  DYAD_TRY(result.scale_weight, float32(node, "scale_weight"));
  DYAD_TRY(result.scale_out, float32(node, "scale_out"));
  if (result.scale_out == 0) {
    DYAD_TRY(const JsonReader scale, node.member("scale_out"));
    return scale.error("is zero", "the scale of the output divides");
  }
  // HAWQ-V3's own integers hold mantissas of 2^31 and any shift; a power of two more or less is the same ratio.
  DYAD_TRY(result.multiplier, node.integer("multiplier", -(std::int64_t{1} << 31), std::int64_t{1} << 31));
  DYAD_TRY(const std::int64_t shift, node.integer("shift", -64, 127));
  result.shift = static_cast<int>(shift);
  return result;
}

Result<WeightCase> read_case(const JsonReader& node, const VectorFile& file, const WeightCase*) {
  WeightCase result;
  DYAD_TRY(result.weights, float32s(node, "weights"));
  const auto count = static_cast<std::int64_t>(result.weights.size());
  DYAD_TRY(result.channels, node.integer("channels", 1, count));
  if (count % result.channels != 0) {
    DYAD_TRY(const JsonReader channels, node.member("channels"));
    return channels.error(std::to_string(count) + " weights don't divide into " + std::to_string(result.channels) + " channels",
                          "the weights of one channel after the other");
  }
  if (node.has("scales")) {
    DYAD_TRY(result.scales, float32s(node, "scales"));
    DYAD_CHECK(same_size(node, "scales", result.scales.size(), file.per_channel ? static_cast<std::size_t>(result.channels) : 1,
                         file.per_channel ? "channels" : "a tensor"));
  }
  DYAD_TRY(result.expected, expected_values(node, result.weights.size(), "weights"));
  return result;
}

Result<ResidualCase> read_case(const JsonReader& node, const VectorFile&, const ResidualCase*) {
  ResidualCase result;
  DYAD_TRY(result.kind, kind_of(node));
  DYAD_TRY(result.main, int32s(node, "main"));
  DYAD_TRY(result.identity, int32s(node, "identity"));
  DYAD_CHECK(same_size(node, "identity", result.identity.size(), result.main.size(), "main"));
  DYAD_TRY(result.main_ratio, dyadic(node, "main_"));
  DYAD_TRY(result.identity_ratio, dyadic(node, "identity_"));
  DYAD_TRY(result.zero_point, zero_point(node));
  DYAD_TRY(result.expected, expected_values(node, result.main.size(), "main"));
  return result;
}

Result<ConcatBranch> read_branch(const JsonReader& node) {
  ConcatBranch branch;
  DYAD_TRY(branch.values, int32s(node, "values"));
  const auto count = static_cast<std::int64_t>(branch.values.size());
  DYAD_TRY(branch.channels, node.integer("channels", 1, count));
  if (count % branch.channels != 0) {
    DYAD_TRY(const JsonReader channels, node.member("channels"));
    return channels.error(std::to_string(count) + " values don't divide into " + std::to_string(branch.channels) + " channels",
                          "(positions, channels), the channel varies fastest");
  }
  DYAD_TRY(branch.ratio, dyadic(node));
  DYAD_TRY(branch.zero_point, zero_point(node));
  DYAD_CHECK(node.finish());
  return branch;
}

Result<ConcatCase> read_case(const JsonReader& node, const VectorFile&, const ConcatCase*) {
  ConcatCase result;
  DYAD_TRY(const JsonReader list, node.member("branches"));
  DYAD_TRY(const std::vector<JsonReader> branches, list.elements());
  if (branches.empty()) return list.error("is empty", "at least one branch");
  std::size_t total = 0;
  for (const JsonReader& reader : branches) {
    DYAD_TRY(ConcatBranch branch, read_branch(reader));
    total += branch.values.size();
    const auto positions = [](const ConcatBranch& each) { return static_cast<std::int64_t>(each.values.size()) / each.channels; };
    if (!result.branches.empty() && positions(branch) != positions(result.branches.front()))
      return reader.error("has " + std::to_string(positions(branch)) + " positions, but the first branch has " +
                              std::to_string(positions(result.branches.front())),
                          "values.size() / channels is the same in every branch");
    result.branches.push_back(std::move(branch));
  }
  DYAD_TRY(result.expected, expected_values(node, total, "all branches together"));
  return result;
}

Result<AveragePoolCase> read_case(const JsonReader& node, const VectorFile& file, const AveragePoolCase*) {
  AveragePoolCase result;
  DYAD_TRY(result.kind, kind_of(node));
  DYAD_TRY(result.values, int32s(node, "values", file.in.lowest(), file.in.highest()));
  const auto count = static_cast<std::int64_t>(result.values.size());
  result.count = count;
  if (node.has("count")) {
    DYAD_TRY(result.count, node.integer("count", count, 1'000'000));
  }
  DYAD_TRY(result.expected, node.integer("expected", INT64_MIN, INT64_MAX));
  return result;
}

Result<ApotCase> read_case(const JsonReader& node, const VectorFile&, const ApotCase*) {
  ApotCase result;
  DYAD_TRY(result.values, float32s(node, "values"));
  if (node.has("alpha")) {
    DYAD_CHECK(node.number_above("alpha", 0));
    DYAD_TRY(result.alpha, float32(node, "alpha"));
  }
  DYAD_TRY(result.expected, expected_values(node, result.values.size(), "values"));
  return result;
}

template <typename Case>
Result<void> read_cases(const std::vector<JsonReader>& nodes, VectorFile& file) {
  std::vector<Case> cases;
  cases.reserve(nodes.size());
  for (const JsonReader& node : nodes) {
    DYAD_TRY(Case each, read_case(node, file, static_cast<const Case*>(nullptr)));
    DYAD_CHECK(node.finish());
    cases.push_back(std::move(each));
  }
  file.cases = std::move(cases);
  return {};
}

template <typename Value>
Result<Value> named(const JsonReader& document, std::string_view key, std::optional<Value> (*from_name)(std::string_view),
                    const std::string& known) {
  DYAD_TRY(const JsonReader reader, document.member(key));
  DYAD_TRY(const std::string name, reader.string());
  const std::optional<Value> value = from_name(name);
  if (!value) return reader.error("there is no " + std::string(key) + " '" + name + "'", "one of: " + known);
  return *value;
}

constexpr const char* kIntegerRoundings = "half_up, half_even, half_away, floor, gemmlowp";

Result<BitWidth> format(const JsonReader& document, const std::string& prefix, int lowest, int highest, BitWidth fallback) {
  BitWidth result = fallback;
  DYAD_TRY(result.is_signed, document.boolean(prefix + "_signed", fallback.is_signed));
  if (document.has(prefix + "_bits")) {
    DYAD_TRY(const std::int64_t bits, document.integer(prefix + "_bits", lowest, std::min(highest, result.is_signed ? 32 : 31)));
    result.bits = static_cast<int>(bits);
  }
  return result;
}

Result<BitWidth> output_format(const JsonReader& document, int lowest, int highest) {
  DYAD_TRY(const JsonReader bits, document.member("out_bits"));
  return format(document, "out", lowest, highest, {});
}

// What stands beside "cases".
Result<void> read_common(const JsonReader& document, VectorFile& file) {
  switch (file.op) {
    case VectorOp::kRequantize:
    case VectorOp::kResidualAdd:
    case VectorOp::kConcat: {
      const bool may_scale = file.op == VectorOp::kRequantize;
      const std::string known = kIntegerRoundings + std::string(may_scale ? ", float32_scale" : "");
      DYAD_TRY(file.rounding, named<Rounding>(document, "rounding", rounding_from_name, known));
      if (file.rounding == Rounding::kFloat32Scale && !may_scale) {
        DYAD_TRY(const JsonReader reader, document.member("rounding"));
        return reader.error("float32_scale is of requantize only", "one of: " + known);
      }
      DYAD_TRY(file.out, output_format(document, 1, 32));
      return {};
    }
    case VectorOp::kAveragePool: {
      DYAD_TRY(file.average_rounding,
               named<AverageRounding>(document, "rounding", average_rounding_from_name, "hawq, half_up, half_away, floor"));
      DYAD_TRY(file.out, output_format(document, 1, 32));
      const int most = file.average_rounding == AverageRounding::kHawq ? 24 : 32;  // float32 holds 24 bits
      DYAD_TRY(file.in, format(document, "in", 1, most, {16, true}));
      return {};
    }
    case VectorOp::kDyadicFromScales: {
      if (!document.has("form")) return {};
      DYAD_TRY(const JsonReader form, document.member("form"));
      DYAD_TRY(const std::string name, form.string());
      if (name != "normalized" && name != "shift32") return form.error("there is no form '" + name + "'", "normalized or shift32");
      file.form = name == "shift32" ? RequantizationForm::kShift32 : RequantizationForm::kNormalized;
      return {};
    }
    case VectorOp::kQuantizeWeight: {
      DYAD_TRY(file.out, output_format(document, 2, 16));
      if (!file.out.is_signed) {
        DYAD_TRY(const JsonReader is_signed, document.member("out_signed"));
        return is_signed.error("weights are signed", "true, or leave it out");
      }
      DYAD_TRY(file.per_channel, document.boolean("per_channel", true));
      if (document.has("percentile")) {
        DYAD_TRY(file.percentile, document.number("percentile"));
        if (file.percentile < 0 || file.percentile > 100) {
          DYAD_TRY(const JsonReader percentile, document.member("percentile"));
          return percentile.error("expected a number from 0 to 100", "0 takes the extremes");
        }
      }
      return {};
    }
    case VectorOp::kApotQuantize: {
      DYAD_TRY(file.out, output_format(document, 1, 7));
      const int magnitude = file.out.bits - (file.out.is_signed ? 1 : 0);
      if (magnitude >= 1 && magnitude <= kMostApotBits) return {};
      DYAD_TRY(const JsonReader bits, document.member("out_bits"));
      return bits.error("APoT has no levels of " + std::to_string(file.out.bits) + " bits", "weights (signed) 2 to 7, activations 1 to 6");
    }
  }
  return {};
}

OrderedJson document_of(const RequantizeCase& each) {
  return {{"kind", each.kind},
          {"acc", each.acc},
          {"multiplier", each.ratio.multiplier},
          {"shift", each.ratio.shift},
          {"zero_point", each.zero_point},
          {"expected", each.expected}};
}

OrderedJson document_of(const ResidualCase& each) {
  return {{"kind", each.kind},
          {"main", each.main},
          {"main_multiplier", each.main_ratio.multiplier},
          {"main_shift", each.main_ratio.shift},
          {"identity", each.identity},
          {"identity_multiplier", each.identity_ratio.multiplier},
          {"identity_shift", each.identity_ratio.shift},
          {"zero_point", each.zero_point},
          {"expected", each.expected}};
}

OrderedJson document_of(const AveragePoolCase& each) {
  return {{"kind", each.kind}, {"values", each.values}, {"count", each.count}, {"expected", each.expected}};
}

}  // namespace

std::string_view to_string(VectorOp op) {
  for (const auto& [each, name] : kOps)
    if (each == op) return name;
  return "?";
}

std::optional<VectorOp> vector_op_from_name(std::string_view name) {
  for (const auto& [op, each] : kOps)
    if (each == name) return op;
  return std::nullopt;
}

std::int64_t VectorFile::size() const {
  return std::visit([](const auto& list) { return static_cast<std::int64_t>(list.size()); }, cases);
}

Result<VectorFile> load_vectors(const std::filesystem::path& path) {
  DYAD_TRY(const Json json, read_json(path));
  const JsonReader document(json, path.string());
  DYAD_CHECK(document.schema("dyad.vectors", 1));
  VectorFile file;
  file.file = path.string();
  std::string known;
  for (const auto& [op, name] : kOps) known += (known.empty() ? "" : ", ") + std::string(name);
  DYAD_TRY(file.op, named<VectorOp>(document, "op", vector_op_from_name, known));
  DYAD_CHECK(read_common(document, file));
  DYAD_TRY(const JsonReader list, document.member("cases"));
  DYAD_TRY(const std::vector<JsonReader> nodes, list.elements());
  if (nodes.empty()) return list.error("is empty", "at least one case");
  if (document.has("seed")) {
    DYAD_TRY(const std::int64_t seed, document.integer("seed", 0, INT64_MAX));
    file.seed = static_cast<std::uint64_t>(seed);
  }
  if (document.has("version")) DYAD_CHECK(document.string("version"));
  DYAD_CHECK(document.finish());
  switch (file.op) {
    case VectorOp::kRequantize: DYAD_CHECK(read_cases<RequantizeCase>(nodes, file)); break;
    case VectorOp::kDyadicFromScales: DYAD_CHECK(read_cases<DyadicCase>(nodes, file)); break;
    case VectorOp::kQuantizeWeight: DYAD_CHECK(read_cases<WeightCase>(nodes, file)); break;
    case VectorOp::kResidualAdd: DYAD_CHECK(read_cases<ResidualCase>(nodes, file)); break;
    case VectorOp::kConcat: DYAD_CHECK(read_cases<ConcatCase>(nodes, file)); break;
    case VectorOp::kAveragePool: DYAD_CHECK(read_cases<AveragePoolCase>(nodes, file)); break;
    case VectorOp::kApotQuantize: DYAD_CHECK(read_cases<ApotCase>(nodes, file)); break;
  }
  return file;
}

OrderedJson vectors_document(const VectorFile& vectors) {
  OrderedJson document{{"schema", "dyad.vectors/1"}, {"version", DYAD_VERSION}, {"op", to_string(vectors.op)}};
  document["rounding"] = vectors.op == VectorOp::kAveragePool ? to_string(vectors.average_rounding) : to_string(vectors.rounding);
  document["out_bits"] = vectors.out.bits;
  document["out_signed"] = vectors.out.is_signed;
  if (vectors.op == VectorOp::kAveragePool) {
    document["in_bits"] = vectors.in.bits;
    document["in_signed"] = vectors.in.is_signed;
  }
  if (vectors.seed) document["seed"] = *vectors.seed;
  OrderedJson list = OrderedJson::array();
  const auto add = [&](const auto& cases) {
    for (const auto& each : cases) list.push_back(document_of(each));
  };
  switch (vectors.op) {
    case VectorOp::kRequantize: add(std::get<std::vector<RequantizeCase>>(vectors.cases)); break;
    case VectorOp::kResidualAdd: add(std::get<std::vector<ResidualCase>>(vectors.cases)); break;
    case VectorOp::kAveragePool: add(std::get<std::vector<AveragePoolCase>>(vectors.cases)); break;
    default: DYAD_EXPECT(false, "vectors of this operation are not written");
  }
  document["cases"] = std::move(list);
  return document;
}

}  // namespace dyad::workflow
