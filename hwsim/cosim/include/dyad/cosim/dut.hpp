/// \file A Verilated module under test: owns context and model, makes clock cycles and reset, turns a failed assertion into an exception.
#pragma once

#include <verilated.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace dyad::cosim {

/// An assertion in the RTL failed, or it called $fatal; the message names file, line and instance.
class AssertionFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// In every cycle: set inputs, settle(), read outputs (ready signals may depend on inputs), clock(). Models are independent of each other,
/// and each may live in a thread of its own.
template <class Model>
class Dut {
 public:
  /// `mutant` goes to a model that holds mutants, by its input mutant_i or as the argument +mutant=N; 0 is the unchanged module.
  /// In models Verilated with --x-initial unique flops hold arbitrary bits until reset: other ones in each Dut of a thread, the same in
  /// every run.
  explicit Dut(int mutant = 0) : context_(make_context(mutant)), model_(std::make_unique<Model>(context_.get())) {
    if constexpr (requires(Model & m) { m.mutant_i; }) model_->mutant_i = static_cast<std::uint8_t>(mutant);
    set_clock(0);
  }
  ~Dut() {
    // Verilator 5.006 takes the model's scopes out of the thread's context, which may be that of another, later Dut.
    Verilated::threadContextp(context_.get());
    model_->final();
  }

  Model* operator->() { return model_.get(); }
  Model& operator*() { return *model_; }
  VerilatedContext& context() { return *context_; }

  /// Holds reset for two cycles. What in_valid_i offers meanwhile must be ignored; other inputs stay as they are.
  void reset() {
    model_->rst_ni = 0;
    const bool offered = offer(true);
    for (int i = 0; i < 2; ++i) {
      settle();
      clock();
    }
    model_->rst_ni = 1;
    offer(offered);
    cycle_ = 0;
  }
  /// Outputs follow the inputs of this cycle.
  void settle() {
    set_clock(0);
    model_->eval();
  }
  /// The rising edge that ends the cycle. Outputs that are flops have their new values afterwards; call settle() before reading others.
  void clock() {
    set_clock(1);
    model_->eval();
    ++cycle_;
  }
  /// Cycles since reset.
  std::int64_t cycle() const { return cycle_; }

 private:
  static std::unique_ptr<VerilatedContext> make_context(int mutant) {
    auto context = std::make_unique<VerilatedContext>();
    context->randReset(2);
    thread_local int seed = 0;
    context->randSeed(++seed);
    const std::string argument = "+mutant=" + std::to_string(mutant);
    const char* arguments[] = {"dut", argument.c_str()};
    context->commandArgs(2, arguments);
    return context;
  }

  /// Sets in_valid_i where there is one; what it was.
  bool offer(bool valid) {
    bool before = false;
    if constexpr (requires(Model & m) { m.in_valid_i; }) {
      before = model_->in_valid_i;
      model_->in_valid_i = valid;
    }
    return before;
  }
  // Combinational modules have no clock.
  void set_clock(std::uint8_t level) {
    if constexpr (requires(Model & m) { m.clk_i; }) model_->clk_i = level;
  }

  std::unique_ptr<VerilatedContext> context_;
  std::unique_ptr<Model> model_;
  std::int64_t cycle_ = 0;
};

}  // namespace dyad::cosim
