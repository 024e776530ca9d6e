#include "dyad/workflow/vector_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "vector_bench_template.hpp"

namespace dyad::workflow {
namespace {

// A field of the stimulus: 32 bits of a word, of which the port takes the lowest.
struct Field {
  std::string signal, port;
  int bits = 32;
  bool is_signed = true;
};

std::vector<Field> fields_of(VectorOp op, const BenchModule& module) {
  const int acc = module.acc_bits, multiplier = module.multiplier_bits, out = module.out_bits;
  switch (op) {
    case VectorOp::kRequantize:
      return {{"acc", "in_acc_i", acc},          {"multiplier", "in_multiplier_i", multiplier},
              {"shift", "in_shift_i", 6, false}, {"zero_point", "in_zero_point_i", 32},
              {"lowest", "in_lowest_i", out},    {"highest", "in_highest_i", out}};
    case VectorOp::kResidualAdd:
      return {{"main", "in_main_i", acc},
              {"main_multiplier", "in_main_multiplier_i", multiplier},
              {"main_shift", "in_main_shift_i", 6, false},
              {"identity", "in_identity_i", acc},
              {"identity_multiplier", "in_identity_multiplier_i", multiplier},
              {"identity_shift", "in_identity_shift_i", 6, false},
              {"zero_point", "in_zero_point_i", 32},
              {"lowest", "in_lowest_i", out},
              {"highest", "in_highest_i", out}};
    default:
      return {{"data", "in_data_i", acc},
              {"first", "in_first_i", 1, false},
              {"last", "in_last_i", 1, false},
              {"multiplier", "in_multiplier_i", 32, false},
              {"shift", "in_shift_i", 6, false},
              {"offset", "in_offset_i", 16, false},
              {"negative_offset", "in_negative_offset_i", 16, false},
              {"count", "-", 16, false},
              {"lowest", "in_lowest_i", out},
              {"highest", "in_highest_i", out}};
  }
}

const std::vector<std::pair<std::string, std::string>> kHandshake{{"clk", "clk_i"},
                                                                  {"rst_n", "rst_ni"},
                                                                  {"rst", "-"},
                                                                  {"in_valid", "in_valid_i"},
                                                                  {"in_ready", "in_ready_o"},
                                                                  {"out_valid", "out_valid_o"},
                                                                  {"out_ready", "out_ready_i"},
                                                                  {"out_data", "out_data_o"}};

bool is_identifier(const std::string& text) {
  const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; };
  return !text.empty() && letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || std::isdigit(static_cast<unsigned char>(c)) || c == '$';
  });
}

using Word = std::vector<std::int64_t>;  // one value for each field

std::string hex_lines(const std::vector<Word>& words) {
  std::string text;
  for (const Word& word : words) {
    // The first field is the lowest 32 bits, so the digits of the last come first.
    for (auto value = word.rbegin(); value != word.rend(); ++value) text += fmt::format("{:08x}", static_cast<std::uint32_t>(*value));
    text += "\n";
  }
  return text;
}

// What divides by a count without a divider: multiplier, shift, offset, negative offset as rtl/average_divider.sv takes them
// (floor(x * multiplier / 2^shift) = floor(x / count) for 0 <= x < 2^31).
Word reciprocal(std::int64_t count, AverageRounding rounding) {
  int shift = 31;
  while ((std::int64_t{1} << (shift - 31)) < count) ++shift;
  const bool is_half = rounding == AverageRounding::kHalfUp || rounding == AverageRounding::kHalfAway,
             is_hawq = rounding == AverageRounding::kHawq;
  return {((std::int64_t{1} << shift) + count - 1) / count, shift,
          is_half   ? count / 2
          : is_hawq ? count / 100
                    : 0,
          is_hawq ? std::max<std::int64_t>(1, (count + 99) / 100) : 0};
}

struct Streams {
  std::vector<Word> stimulus, expected;
};

Streams streams_of(const VectorFile& vectors) {
  Streams streams;
  const std::int64_t lowest = vectors.out.lowest(), highest = vectors.out.highest();
  const auto add = [&](Word word) {
    word.push_back(lowest);
    word.push_back(highest);
    streams.stimulus.push_back(std::move(word));
  };
  if (const auto* requantize = std::get_if<std::vector<RequantizeCase>>(&vectors.cases)) {
    for (const RequantizeCase& each : *requantize)
      for (std::size_t i = 0; i < each.acc.size(); ++i) {
        add({each.acc[i], each.ratio.multiplier, each.ratio.shift, each.zero_point});
        streams.expected.push_back({each.expected[i]});
      }
  } else if (const auto* residual = std::get_if<std::vector<ResidualCase>>(&vectors.cases)) {
    for (const ResidualCase& each : *residual)
      for (std::size_t i = 0; i < each.main.size(); ++i) {
        add({each.main[i], each.main_ratio.multiplier, each.main_ratio.shift, each.identity[i], each.identity_ratio.multiplier,
             each.identity_ratio.shift, each.zero_point});
        streams.expected.push_back({each.expected[i]});
      }
  } else {
    for (const AveragePoolCase& each : std::get<std::vector<AveragePoolCase>>(vectors.cases)) {
      const Word r = reciprocal(each.count, vectors.average_rounding);
      for (std::size_t i = 0; i < each.values.size(); ++i)
        add({each.values[i], i == 0, i + 1 == each.values.size(), r[0], r[1], r[2], r[3], each.count});
      streams.expected.push_back({each.expected});
    }
  }
  return streams;
}

std::string replaced(std::string text, const std::map<std::string, std::string>& values) {
  for (const auto& [key, value] : values)
    for (std::size_t at = text.find("@" + key + "@"); at != std::string::npos; at = text.find("@" + key + "@", at + value.size()))
      text.replace(at, key.size() + 2, value);
  return text;
}

Result<std::string> parameter_list(const std::vector<std::string>& parameters) {
  std::string list;
  for (const std::string& each : parameters) {
    const std::size_t equal = each.find('=');
    if (equal == std::string::npos || !is_identifier(each.substr(0, equal)) || equal + 1 == each.size())
      return Error{"--parameter", "'" + each + "' is not NAME=VALUE", "for example Rounding=1"};
    list += (list.empty() ? "." : ", .") + each.substr(0, equal) + "(" + each.substr(equal + 1) + ")";
  }
  return list.empty() ? "" : " #(" + list + ")";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> bench_signals(VectorOp op) {
  std::vector<std::pair<std::string, std::string>> signals = kHandshake;
  for (const Field& field : fields_of(op, {})) signals.emplace_back(field.signal, field.port);
  return signals;
}

Result<std::map<std::string, std::string>> vector_bench(const VectorFile& vectors, const BenchModule& module) {
  if (!is_identifier(module.name)) return Error{"--module", "'" + module.name + "' is not a module's name", "letters, digits and _"};
  if (module.out_bits < vectors.out.bits || module.out_bits > 32)
    return Error{"--out-port-bits", "is " + std::to_string(module.out_bits),
                 "from the vectors' " + std::to_string(vectors.out.bits) + " to 32"};
  std::map<std::string, std::string> ports;
  std::string known;
  for (const auto& [signal, port] : bench_signals(vectors.op)) {
    ports[signal] = port;
    known += (known.empty() ? "" : ", ") + signal;
  }
  for (const auto& [signal, port] : module.ports) {
    if (!ports.contains(signal)) return Error{"--port", "there is no signal '" + signal + "'", "one of: " + known};
    if (port != "-" && !is_identifier(port))
      return Error{"--port", "'" + port + "' is not a port's name", "letters, digits and _, or - for none"};
    ports[signal] = port;
  }
  if (module.ports.contains("rst") && !module.ports.contains("rst_n")) ports["rst_n"] = "-";
  for (const char* needed : {"clk", "in_valid", "out_valid", "out_data"})
    if (ports[needed] == "-") return Error{"--port", std::string(needed) + " can't be left out", "the bench knows beats by it"};
  DYAD_TRY(const std::string parameters, parameter_list(module.parameters));

  std::string connections, fields, shown_format, shown_values;
  const auto connect = [&](const std::string& signal, const std::string& expression) {
    if (ports[signal] != "-") connections += fmt::format("{}\n    .{}({})", connections.empty() ? "" : ",", ports[signal], expression);
  };
  connect("clk", "clk");
  connect("rst_n", "rst_n");
  connect("rst", "!rst_n");
  connect("in_valid", "in_valid");
  connect("in_ready", "in_ready");
  const std::vector<Field> list = fields_of(vectors.op, module);
  const bool is_pool = vectors.op == VectorOp::kAveragePool;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Field& field = list[i];
    const std::string range = field.bits == 1 ? "" : fmt::format(" [{}:0]", field.bits - 1);
    fields += fmt::format("  wire{}{} {} = word[{}:{}];\n", field.is_signed ? " signed" : "", range, field.signal,
                          32 * i + static_cast<std::size_t>(field.bits) - 1, 32 * i);
    connect(field.signal, field.signal);
    shown_format += fmt::format(" {} %0d", field.signal);
    shown_values += fmt::format(", $signed(stimulus[results][{} +: 32])", 32 * i);
  }
  connect("out_valid", "out_valid");
  connect("out_ready", "out_ready");
  connect("out_data", "out_data");

  const Streams streams = streams_of(vectors);
  const std::string bench = replaced(
      kBenchTemplate, {{"MODULE", module.name},
                       {"OPERATION", std::string(to_string(vectors.op)) + ", " +
                                         std::string(is_pool ? to_string(vectors.average_rounding) : to_string(vectors.rounding)) +
                                         fmt::format(", {} bits {}", vectors.out.bits, vectors.out.is_signed ? "signed" : "unsigned")},
                       {"VERSION", DYAD_VERSION},
                       {"SEED", vectors.seed ? std::to_string(*vectors.seed) : "none"},
                       {"BEATS", std::to_string(streams.stimulus.size())},
                       {"RESULTS", std::to_string(streams.expected.size())},
                       {"WORD_BITS", std::to_string(32 * list.size())},
                       {"OUT_BITS", std::to_string(module.out_bits)},
                       {"OUT_SIGN", vectors.out.is_signed ? "signed " : ""},
                       {"FIELDS", fields},
                       {"PARAMETERS", parameters},
                       {"CONNECTIONS", connections},
                       {"READY", ports["in_ready"] == "-" ? "  assign in_ready = 1'b1;\n" : ""},
                       {"MAY_STALL", ports["out_ready"] == "-" ? "1'b0" : "1'b1"},
                       {"SHOW", is_pool ? "" : fmt::format("\n          $display(\"  of{}\"{});", shown_format, shown_values)}});
  return std::map<std::string, std::string>{{module.name + "_tb.sv", bench},
                                            {module.name + "_stimulus.memh", hex_lines(streams.stimulus)},
                                            {module.name + "_expected.memh", hex_lines(streams.expected)}};
}

}  // namespace dyad::workflow
