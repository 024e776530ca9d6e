// Vectors against implementations: what each computes, and how results are compared.
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "dyad/base/integer_backend.hpp"
#include "dyad/kernels/backends.hpp"
#include "dyad/quantizer/apot.hpp"
#include "dyad/quantizer/uniform.hpp"
#include "dyad/workflow/vectors.hpp"
#include "dyad/workflow/verify_kernels.hpp"

namespace dyad::workflow {
namespace {

using Outputs = std::vector<VectorOutput>;

// ---- the definition, case by case

VectorOutput define(const VectorFile& file, const RequantizeCase& each) {
  VectorOutput out;
  for (const std::int32_t acc : each.acc) {
    if (file.rounding == Rounding::kFloat32Scale)
      out.values.push_back(file.out.clamp(round_float32_scale(acc, each.scale) + each.zero_point));
    else
      out.values.push_back(requantize(acc, each.ratio, file.rounding, each.zero_point, file.out));
  }
  return out;
}

VectorOutput define(const VectorFile& file, const DyadicCase& each) {
  VectorOutput out;
  out.ratio = dyadic_from_ratio(requantization_ratio(each.scale_in, each.scale_weight, each.scale_out), file.form);
  return out;
}

VectorOutput define(const VectorFile& file, const WeightCase& each) {
  const quantizer::SymmetricWeights weights =
      quantizer::quantize_symmetric(each.weights, each.channels, file.out.bits, file.per_channel, file.percentile);
  return {{weights.values.begin(), weights.values.end()}, weights.scales, {}};
}

VectorOutput define(const VectorFile& file, const ResidualCase& each) {
  VectorOutput out;
  for (std::size_t i = 0; i < each.main.size(); ++i) {
    const std::int64_t sum = round_multiply(each.main[i], each.main_ratio.multiplier, each.main_ratio.shift, file.rounding) +
                             round_multiply(each.identity[i], each.identity_ratio.multiplier, each.identity_ratio.shift, file.rounding);
    out.values.push_back(file.out.clamp(sum + each.zero_point));
  }
  return out;
}

VectorOutput define(const VectorFile& file, const ConcatCase& each) {
  VectorOutput out;
  const std::int64_t positions = static_cast<std::int64_t>(each.branches[0].values.size()) / each.branches[0].channels;
  for (std::int64_t p = 0; p < positions; ++p)
    for (const ConcatBranch& branch : each.branches)
      for (std::int64_t c = 0; c < branch.channels; ++c)
        out.values.push_back(requantize(branch.values[static_cast<std::size_t>(p * branch.channels + c)], branch.ratio, file.rounding,
                                        branch.zero_point, file.out));
  return out;
}

VectorOutput define(const VectorFile& file, const AveragePoolCase& each) {
  std::int64_t sum = 0;
  for (const std::int32_t value : each.values) sum += value;
  return {{file.out.clamp(integer_average(sum, each.count, file.average_rounding))}, {}, {}};
}

VectorOutput define(const VectorFile& file, const ApotCase& each) {
  const quantizer::ApotLevels levels = quantizer::apot_levels(file.out);
  VectorOutput out;
  for (const float value : each.values) out.values.push_back(quantizer::apot_quantize(value, each.alpha, levels, file.out.is_signed));
  return out;
}

Result<std::optional<Outputs>> definition(const VectorFile& file) {
  return std::visit(
      [&](const auto& cases) {
        Outputs outputs;
        for (const auto& each : cases) outputs.push_back(define(file, each));
        return std::optional(std::move(outputs));
      },
      file.cases);
}

// ---- integer backends: many cases in one layer, so that vector lanes hold unlike ratios

constexpr std::int64_t kMostChannels = 4096;

IntegerLayer elementwise_layer(IntegerOp op, const VectorFile& file, std::size_t inputs) {
  IntegerLayer layer;
  layer.name = file.file;
  layer.op = op;
  layer.inputs.assign(inputs, BitWidth{32, true});
  layer.output = file.out;
  layer.requantizations.resize(inputs);
  for (Requantization& each : layer.requantizations) each.rounding = file.rounding;
  return layer;
}

IntegerTensor row_tensor(const std::vector<std::int32_t>& values, BitWidth format) {
  IntegerTensor tensor({1, 1, 1, static_cast<std::int64_t>(values.size())}, format);
  for (std::size_t i = 0; i < values.size(); ++i) tensor.set(static_cast<std::int64_t>(i), values[i]);
  return tensor;
}

Result<IntegerTensor> run_layer(const IntegerBackend& backend, const IntegerLayer& layer, const std::vector<IntegerTensor>& inputs) {
  DYAD_TRY(const auto prepared, backend.prepare(layer));
  std::vector<const IntegerTensor*> pointers;
  for (const IntegerTensor& each : inputs) pointers.push_back(&each);
  IntegerTensor output({inputs[0].shape()[0], layer.shape.out_h, layer.shape.out_w, layer.shape.out_channels}, layer.output);
  prepared->run(pointers, output);
  return output;
}

// Elements of cases that share a zero point become the channels of layers: (case, element) pairs, at most kMostChannels in a group.
struct Element {
  std::size_t of_case, index;
};
template <typename Case, typename Count>
std::vector<std::vector<Element>> channel_groups(const std::vector<Case>& cases, const Count& count) {
  std::map<std::int32_t, std::vector<std::vector<Element>>> by_zero_point;
  for (std::size_t c = 0; c < cases.size(); ++c) {
    auto& groups = by_zero_point[cases[c].zero_point];
    for (std::size_t i = 0; i < count(cases[c]); ++i) {
      if (groups.empty() || static_cast<std::int64_t>(groups.back().size()) == kMostChannels) groups.emplace_back();
      groups.back().push_back({c, i});
    }
  }
  std::vector<std::vector<Element>> all;
  for (auto& [zero_point, groups] : by_zero_point) all.insert(all.end(), groups.begin(), groups.end());
  return all;
}

void set_channels(IntegerLayer& layer, std::size_t channels) {
  layer.shape.kind = LayerKind::kAdd;
  layer.shape.in_channels = layer.shape.out_channels = static_cast<std::int64_t>(channels);
}

Result<Outputs> run_cases(const IntegerBackend& backend, const VectorFile& file, const std::vector<RequantizeCase>& cases) {
  Outputs outputs(cases.size());
  for (std::size_t c = 0; c < cases.size(); ++c) outputs[c].values.resize(cases[c].acc.size());
  for (const std::vector<Element>& group : channel_groups(cases, [](const RequantizeCase& each) { return each.acc.size(); })) {
    IntegerLayer layer = elementwise_layer(IntegerOp::kRequantize, file, 1);
    set_channels(layer, group.size());
    Requantization& requantization = layer.requantizations[0];
    requantization.zero_point = cases[group[0].of_case].zero_point;
    std::vector<std::int32_t> values;
    for (const auto& [c, i] : group) {
      values.push_back(cases[c].acc[i]);
      if (file.rounding == Rounding::kFloat32Scale)
        requantization.float32_scales.push_back(cases[c].scale);
      else
        requantization.ratios.push_back(cases[c].ratio);
    }
    std::vector<IntegerTensor> inputs;
    inputs.push_back(row_tensor(values, layer.inputs[0]));
    DYAD_TRY(const IntegerTensor result, run_layer(backend, layer, inputs));
    for (std::size_t k = 0; k < group.size(); ++k)
      outputs[group[k].of_case].values[group[k].index] = result.get(static_cast<std::int64_t>(k));
  }
  return outputs;
}

Result<Outputs> run_cases(const IntegerBackend& backend, const VectorFile& file, const std::vector<ResidualCase>& cases) {
  Outputs outputs(cases.size());
  for (std::size_t c = 0; c < cases.size(); ++c) outputs[c].values.resize(cases[c].main.size());
  for (const std::vector<Element>& group : channel_groups(cases, [](const ResidualCase& each) { return each.main.size(); })) {
    IntegerLayer layer = elementwise_layer(IntegerOp::kAdd, file, 2);
    set_channels(layer, group.size());
    layer.requantizations[0].zero_point = cases[group[0].of_case].zero_point;
    std::vector<std::int32_t> main, identity;
    for (const auto& [c, i] : group) {
      main.push_back(cases[c].main[i]);
      identity.push_back(cases[c].identity[i]);
      layer.requantizations[0].ratios.push_back(cases[c].main_ratio);
      layer.requantizations[1].ratios.push_back(cases[c].identity_ratio);
    }
    std::vector<IntegerTensor> inputs;
    inputs.push_back(row_tensor(main, layer.inputs[0]));
    inputs.push_back(row_tensor(identity, layer.inputs[1]));
    DYAD_TRY(const IntegerTensor result, run_layer(backend, layer, inputs));
    for (std::size_t k = 0; k < group.size(); ++k)
      outputs[group[k].of_case].values[group[k].index] = result.get(static_cast<std::int64_t>(k));
  }
  return outputs;
}

Result<Outputs> run_cases(const IntegerBackend& backend, const VectorFile& file, const std::vector<ConcatCase>& cases) {
  Outputs outputs;
  for (const ConcatCase& each : cases) {
    IntegerLayer layer = elementwise_layer(IntegerOp::kConcat, file, each.branches.size());
    const std::int64_t positions = static_cast<std::int64_t>(each.branches[0].values.size()) / each.branches[0].channels;
    layer.shape.kind = LayerKind::kAdd;
    layer.shape.in_w = layer.shape.out_w = positions;
    layer.shape.in_channels = each.branches[0].channels;
    layer.shape.out_channels = 0;
    std::vector<IntegerTensor> inputs;
    for (std::size_t b = 0; b < each.branches.size(); ++b) {
      const ConcatBranch& branch = each.branches[b];
      layer.shape.out_channels += branch.channels;
      layer.requantizations[b].ratios = {branch.ratio};
      layer.requantizations[b].zero_point = branch.zero_point;
      inputs.emplace_back(Shape{1, 1, positions, branch.channels}, layer.inputs[b]);
      for (std::size_t i = 0; i < branch.values.size(); ++i) inputs.back().set(static_cast<std::int64_t>(i), branch.values[i]);
    }
    DYAD_TRY(const IntegerTensor result, run_layer(backend, layer, inputs));
    VectorOutput& output = outputs.emplace_back();
    for (std::int64_t i = 0; i < result.size(); ++i) output.values.push_back(result.get(i));
  }
  return outputs;
}

// Windows of one size are the channels of a layer whose image is one row: the window, then the padding that counts.
Result<Outputs> run_cases(const IntegerBackend& backend, const VectorFile& file, const std::vector<AveragePoolCase>& cases) {
  std::map<std::pair<std::size_t, std::int64_t>, std::vector<std::size_t>> by_size;
  for (std::size_t c = 0; c < cases.size(); ++c) by_size[{cases[c].values.size(), cases[c].count}].push_back(c);
  Outputs outputs(cases.size());
  for (const auto& [size, group] : by_size) {
    const auto& [values, count] = size;
    IntegerLayer layer;
    layer.name = file.file;
    layer.op = IntegerOp::kAveragePool;
    layer.inputs = {file.in};
    layer.output = file.out;
    layer.average_rounding = file.average_rounding;
    layer.count_include_pad = true;
    layer.shape.kind = LayerKind::kAveragePool;
    layer.shape.in_w = static_cast<std::int64_t>(values);
    layer.shape.in_channels = layer.shape.out_channels = static_cast<std::int64_t>(group.size());
    layer.shape.window.kernel_w = static_cast<int>(count);
    layer.shape.window.pad_right = static_cast<int>(count - layer.shape.in_w);
    std::vector<IntegerTensor> inputs;
    inputs.emplace_back(Shape{1, 1, layer.shape.in_w, layer.shape.in_channels}, file.in);
    for (std::size_t k = 0; k < group.size(); ++k)
      for (std::size_t i = 0; i < values; ++i) inputs[0].set(static_cast<std::int64_t>(i * group.size() + k), cases[group[k]].values[i]);
    DYAD_TRY(const IntegerTensor result, run_layer(backend, layer, inputs));
    for (std::size_t k = 0; k < group.size(); ++k) outputs[group[k]].values = {result.get(static_cast<std::int64_t>(k))};
  }
  return outputs;
}

template <typename Case>
Result<Outputs> run_cases(const IntegerBackend&, const VectorFile&, const std::vector<Case>&) {
  return Error{"", "not an operation of layers", ""};  // run_on_backend doesn't come here
}

Result<std::optional<Outputs>> run_on_backend(const IntegerBackend& backend, const VectorFile& file) {
  const bool is_layer = file.op == VectorOp::kRequantize || file.op == VectorOp::kResidualAdd || file.op == VectorOp::kConcat ||
                        file.op == VectorOp::kAveragePool;
  if (!is_layer) return std::optional<Outputs>();
  DYAD_TRY(Outputs outputs, std::visit([&](const auto& cases) { return run_cases(backend, file, cases); }, file.cases));
  return std::optional(std::move(outputs));
}

// ---- comparison

class Comparer {
 public:
  Comparer(const VectorFile& file, CheckOutcome& check) : file_(file), check_(check) {}

  template <typename Case>
  void compare(std::size_t index, const Case& expected, const VectorOutput& actual) {
    place_ = file_.file + ":/cases/" + std::to_string(index);
    if constexpr (requires { expected.kind; }) {
      if (!expected.kind.empty()) note_ = " (" + expected.kind + ")";
    }
    if constexpr (std::is_same_v<Case, DyadicCase>) {
      ++check_.cases;
      const double wanted = std::ldexp(static_cast<double>(expected.multiplier), -expected.shift);
      if (!actual.ratio)
        fail("/multiplier", "the ratio does not fit", wanted);
      else if (actual.ratio->value() != wanted)
        fail("/multiplier", std::to_string(actual.ratio->multiplier) + " / 2^" + std::to_string(actual.ratio->shift), wanted);
    } else if constexpr (std::is_same_v<Case, AveragePoolCase>) {
      compare_value("/expected", expected.expected, actual.values.at(0));
    } else {
      DYAD_EXPECT(actual.values.size() == expected.expected.size(), "an implementation returned another number of values");
      for (std::size_t i = 0; i < expected.expected.size(); ++i)
        compare_value("/expected/" + std::to_string(i), expected.expected[i], actual.values[i]);
      if constexpr (std::is_same_v<Case, WeightCase>)
        for (std::size_t i = 0; i < expected.scales.size(); ++i) {
          ++check_.cases;
          if (actual.scales.at(i) != expected.scales[i])
            fail("/scales/" + std::to_string(i), Json(actual.scales[i]).dump(), Json(expected.scales[i]).dump());
        }
    }
  }

 private:
  void compare_value(const std::string& where, std::int64_t expected, std::int64_t actual) {
    ++check_.cases;
    if (expected != actual) fail(where, std::to_string(actual), std::to_string(expected));
  }
  void fail(const std::string& where, const std::string& actual, const std::string& expected) {
    add_mismatch(check_, place_ + where + note_ + ": computed " + actual + ", the file has " + expected);
  }
  void fail(const std::string& where, const std::string& actual, double expected) { fail(where, actual, Json(expected).dump()); }

  const VectorFile& file_;
  CheckOutcome& check_;
  std::string place_, note_;
};

std::string check_name(const VectorFile& file) {
  std::string name(to_string(file.op));
  switch (file.op) {
    case VectorOp::kRequantize:
    case VectorOp::kResidualAdd:
    case VectorOp::kConcat: return name + "/" + std::string(to_string(file.rounding));
    case VectorOp::kAveragePool: return name + "/" + std::string(to_string(file.average_rounding));
    default: return name;
  }
}

}  // namespace

Result<std::vector<VectorImplementation>> vector_implementations() {
  std::vector<VectorImplementation> all{{"definition", definition}};
  const auto add = [&](const std::string& name, std::unique_ptr<IntegerBackend> backend) {
    all.push_back({name, [shared = std::shared_ptr<IntegerBackend>(std::move(backend))](const VectorFile& file) {
                     return run_on_backend(*shared, file);
                   }});
  };
  add("scalar", kernels::make_scalar_backend());
  for (const std::string& name : verifiable_backends()) {
    DYAD_TRY(auto backend, make_verifiable_backend(name));
    add(name, std::move(backend));
  }
  return all;
}

Result<std::vector<CheckOutcome>> verify_vectors(const std::vector<VectorFile>& files,
                                                 const std::vector<VectorImplementation>& implementations, Progress& progress) {
  std::vector<CheckOutcome> checks;
  progress.stage("vectors");
  const auto total = static_cast<std::int64_t>(files.size() * implementations.size());
  std::int64_t done = 0;
  for (const VectorFile& file : files)
    for (const VectorImplementation& implementation : implementations) {
      if (progress.cancelled()) return checks;
      DYAD_TRY(const std::optional<Outputs> outputs, implementation.compute(file));
      progress.update(++done, total);
      if (!outputs) continue;
      const std::string name = check_name(file) + "/" + implementation.name;
      auto check = std::find_if(checks.begin(), checks.end(), [&](const CheckOutcome& each) { return each.name == name; });
      if (check == checks.end()) check = checks.insert(checks.end(), CheckOutcome{name, 0, 0, ""});
      DYAD_EXPECT(static_cast<std::int64_t>(outputs->size()) == file.size(), implementation.name + " skipped cases");
      std::visit(
          [&](const auto& cases) {
            for (std::size_t i = 0; i < cases.size(); ++i) Comparer(file, *check).compare(i, cases[i], (*outputs)[i]);
          },
          file.cases);
    }
  return checks;
}

}  // namespace dyad::workflow
