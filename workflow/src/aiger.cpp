#include "aiger.hpp"

#include <cstdint>
#include <sstream>
#include <vector>

namespace dyad::workflow {
namespace {

/// AIGER's literal 2v or 2v+1 is DIMACS's v or -v; AIGER's constant (v = 0) becomes variable `constant`, which is false.
class Clauses {
 public:
  explicit Clauses(std::int64_t constant) : constant_(constant) { add({1}); }

  std::int64_t literal(std::int64_t aiger) const {
    const std::int64_t variable = aiger / 2 == 0 ? constant_ : aiger / 2;
    return aiger % 2 == 0 ? variable : -variable;
  }
  /// A clause of AIGER literals.
  void add(const std::vector<std::int64_t>& aiger) {
    for (const std::int64_t one : aiger) text_ += std::to_string(literal(one)) + ' ';
    text_ += "0\n";
    ++count_;
  }
  std::string dimacs() const { return "p cnf " + std::to_string(constant_) + ' ' + std::to_string(count_) + '\n' + text_; }

 private:
  std::int64_t constant_;
  std::int64_t count_ = 0;
  std::string text_;
};

}  // namespace

Result<std::string> aiger_to_dimacs(std::string_view aiger, const std::string& place) {
  std::istringstream in{std::string(aiger)};
  std::string header;
  std::getline(in, header);
  std::istringstream fields(header);
  std::string magic;
  std::int64_t maximum = 0, inputs = 0, latches = 0, outputs = 0, gates = 0, bad = 0, constraints = 0;
  fields >> magic >> maximum >> inputs >> latches >> outputs >> gates;
  if (magic != "aag" || !fields) return Error{place, "this is no ASCII AIGER file", "write_aiger -ascii makes one"};
  fields >> bad >> constraints;
  if (latches != 0)
    return Error{place, "the graph has " + std::to_string(latches) + " latches", "only combinational claims become clauses"};
  if (bad == 0) return Error{place, "the graph has no assertion", "a proof needs one"};
  const auto numbers = [&in](std::int64_t count) {
    std::vector<std::int64_t> values(static_cast<std::size_t>(count));
    for (std::int64_t& value : values) in >> value;
    return values;
  };
  numbers(inputs);
  numbers(outputs);
  Clauses clauses(maximum + 1);
  // AIGER's literal x ^ 1 is its negation.
  const std::vector<std::int64_t> bads = numbers(bad);
  for (const std::int64_t constraint : numbers(constraints)) clauses.add({constraint});
  clauses.add(bads);
  for (std::int64_t i = 0; i < gates; ++i) {
    const std::vector<std::int64_t> gate = numbers(3);
    clauses.add({gate[0] ^ 1, gate[1]});
    clauses.add({gate[0] ^ 1, gate[2]});
    clauses.add({gate[0], gate[1] ^ 1, gate[2] ^ 1});
  }
  if (!in) return Error{place, "the AIGER file ends early", "write it again"};
  return clauses.dimacs();
}

}  // namespace dyad::workflow
