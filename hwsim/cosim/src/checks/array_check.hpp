/// \file What the checks of all arrays with the common interface share: operands with corners, captures at every distance, comparison in
/// every cycle.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "checks/port_bits.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/check.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// Fills a word with random bits or, half of the time per field of `field` bits, with one pattern: zeros, ones, and the bytes at which
/// signed and unsigned multiplication differ most. A quarter of the words are one field, so that sums reach their extremes.
inline void fill_operands(PackedBits& word, std::int64_t field, Random& random) {
  if (random.below(4) == 0) field = word.bits();
  for (std::int64_t at = 0; at < word.bits(); at += field) {
    static constexpr std::uint32_t kPatterns[] = {0u, ~0u, 0x80808080u, 0x7f7f7f7fu, 0x88888888u, 0x01010101u, 0x55555555u};
    const std::uint64_t kind = random.below(14);
    const std::int64_t end = std::min(at + field, word.bits());
    for (std::int64_t from = at; from < end; from += 32) {
      const int count = static_cast<int>(std::min<std::int64_t>(end - from, 32));
      word.set(from, count, kind < 7 ? kPatterns[kind] : random.next());
    }
  }
}

/// `options.cases` pairs for one dot-product unit with random gaps and resets; the accumulator is compared in every cycle.
/// `next(dut, in, random)` fills family controls (and drives them) and the operands of `in`.
template <class Model, class Reference, class Next>
Check compare_dot(const std::string& name, const CheckOptions& options, Reference expected, int word_bits, Next&& next) {
  Check check{name, 0, 0, ""};
  Dut<Model> dut(options.mutant);
  Random random(options.seed);
  Willingness offers(options.seed + 1);
  typename Reference::Inputs in;
  in.activations = PackedBits(word_bits);
  in.weights = PackedBits(word_bits);
  dut->in_valid_i = 0;
  dut.reset();
  std::int64_t defined_from = -1;  // cycle in which the accumulator has a value
  while (check.cases < options.cases) {
    in.reset = random.below(500) == 0;
    in.valid = offers.next();
    in.first = random.below(20) == 0 || defined_from < 0;
    next(dut, in, random);
    dut->rst_ni = !in.reset;
    dut->in_valid_i = in.valid;
    dut->in_first_i = in.first;
    set_port(dut->in_activations_i, in.activations);
    set_port(dut->in_weights_i, in.weights);
    dut.settle();
    if (defined_from >= 0 && dut.cycle() >= defined_from && dut->out_acc_o != expected.acc() &&
        check.mismatch("cycle " + std::to_string(dut.cycle()) + ": accumulator is " +
                       std::to_string(static_cast<std::int32_t>(dut->out_acc_o)) + ", expected " +
                       std::to_string(static_cast<std::int32_t>(expected.acc()))))
      break;
    check.cases += in.valid && !in.reset;
    if (in.valid && !in.reset && defined_from < 0) defined_from = dut.cycle() + Reference::kLatency;
    if (in.reset && dut.cycle() < defined_from) defined_from = -1;  // the first pair was lost
    expected.clock(in);
    dut.clock();
  }
  return check;
}

/// Says in which cycles results are captured: in bursts of neighbouring cycles, a few cycles apart, and far apart.
class CaptureTimes {
 public:
  explicit CaptureTimes(std::uint64_t seed) : random_(seed) {}
  bool next() {
    if (left_-- > 0) return false;
    static constexpr int kLongest[] = {1, 4, 8, 40};
    left_ = static_cast<int>(random_.below(static_cast<std::uint64_t>(kLongest[random_.below(4)])));
    return true;
  }

 private:
  Random random_;
  int left_ = 3;
};

/// Compares the captured results of a model with those of its reference; empty if equal. `defined`: results were captured since reset.
template <class Model, class Reference>
std::string array_difference(Dut<Model>& dut, const Reference& expected, bool defined) {
  const std::string cycle = "cycle " + std::to_string(dut.cycle()) + ": ";
  if ((dut->out_valid_o != 0) != expected.out_valid())
    return cycle + "out_valid_o is " + std::to_string(static_cast<int>(dut->out_valid_o)) + ", expected " +
           std::to_string(static_cast<int>(expected.out_valid()));
  if (!defined) return "";
  for (std::size_t i = 0; i < expected.out_acc().size(); ++i)
    if (port_word(dut->out_acc_o, i) != expected.out_acc()[i])
      return cycle + "accumulator " + std::to_string(i) + " is " + std::to_string(static_cast<std::int32_t>(port_word(dut->out_acc_o, i))) +
             ", expected " + std::to_string(static_cast<std::int32_t>(expected.out_acc()[i]));
  for (std::size_t i = 0; i < expected.out_sum().size(); ++i)
    if (port_word(dut->out_sum_o, i) != expected.out_sum()[i])
      return cycle + "sum " + std::to_string(i) + " is " + std::to_string(static_cast<std::int32_t>(port_word(dut->out_sum_o, i))) +
             ", expected " + std::to_string(static_cast<std::int32_t>(expected.out_sum()[i]));
  return "";
}

/// What a stimulus for compare_array has besides, for `in` of type Reference::Inputs:
///   void next(in, bool restart)      fills family controls and operands of a pair that is present; `restart`: what was presented before is
///   lost void drive(dut, in) const        copies those to the ports
/// and what it may do about results.
template <class Reference>
struct ArrayStimulus {
  /// A capture of all pairs so far.
  void on_capture() {}
  /// A captured result; returns a complaint if it is not what it must be.
  std::string on_result(const Reference&) { return ""; }
  /// Captures under way are dropped.
  void on_reset() {}
};

/// Runs `options.cases` captures and compares all outputs in every cycle. Every 1,000 cycles or so reset falls into the middle of work.
template <class Model, class Reference, class Stimulus>
Check compare_array(const std::string& name, const CheckOptions& options, Reference expected, Stimulus stimulus) {
  Check check{name, 0, 0, ""};
  Dut<Model> dut(options.mutant);
  Random random(options.seed, 1);
  Willingness offers(options.seed + 1);
  CaptureTimes captures(options.seed + 2);
  typename Reference::Inputs in;
  if constexpr (requires { expected.weight_bits(); }) {
    in.activations = PackedBits(expected.activation_bits());
    in.weights = PackedBits(expected.weight_bits());
  } else {
    in.activations = PackedBits(static_cast<std::int64_t>(expected.rows()) * expected.word_bits());
    in.weights = PackedBits(static_cast<std::int64_t>(expected.columns()) * expected.word_bits());
  }
  stimulus.drive(dut, in);
  dut->in_valid_i = 0;
  dut->in_capture_i = 0;
  dut.reset();
  constexpr bool kResetsSums = requires { Reference::kResetsSums; };  // else they mean nothing until a first pair
  bool started = kResetsSums, defined = false;
  const std::int64_t most_cycles = 400 * options.cases + 10'000;
  while (check.cases < options.cases) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    in.reset = random.below(1000) == 0;
    in.valid = offers.next();
    in.capture = started && captures.next();
    if constexpr (requires { expected.can_capture(); }) in.capture = in.capture && expected.can_capture();
    if (in.capture) stimulus.on_capture();
    if (in.valid) {
      stimulus.next(in, !started);
      started = true;
      stimulus.drive(dut, in);
    }
    dut->rst_ni = !in.reset;
    dut->in_valid_i = in.valid;
    dut->in_capture_i = in.capture;
    dut.settle();
    defined = defined || expected.out_valid();
    std::string difference = array_difference(dut, expected, defined);
    if (expected.out_valid()) {
      ++check.cases;
      const std::string complaint = stimulus.on_result(expected);
      if (difference.empty()) difference = complaint;
    }
    if (!difference.empty() && check.mismatch(difference)) break;
    expected.clock(in);
    dut.clock();
    if (in.reset) {
      started = kResetsSums;
      defined = false;
      stimulus.on_reset();
    }
  }
  return check;
}

}  // namespace dyad::cosim
