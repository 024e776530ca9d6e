// The proof runner: true claims are proved, and each way in which a proof can say nothing is reported as a failure.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/base/json.hpp"
#include "dyad/workflow/verify_formal.hpp"

namespace dyad::workflow {
namespace {

using testing::AllOf;
using testing::HasSubstr;

bool tools_are_there() {
  return std::system(
             "command -v yosys >/dev/null && command -v yosys-smtbmc >/dev/null && command -v z3 >/dev/null && "
             "command -v cadical >/dev/null") == 0;
}

class Formal : public testing::Test {
 protected:
  void SetUp() override {
    if (!tools_are_there()) GTEST_SKIP() << "needs yosys, z3 and cadical";
  }

  static ModuleProofs prove(const std::string& module, const ProveOptions& options = {}, const std::filesystem::path& rtl = DYAD_FIXTURES) {
    SilentProgress progress;
    auto proofs = verify_formal({{module}, rtl, options}, progress);
    if (!proofs) {
      ADD_FAILURE() << proofs.error().place << ": " << proofs.error().message;
      return {};
    }
    EXPECT_EQ(proofs->size(), 1u);
    return std::move(proofs->front());
  }

  /// The obligation of that name of the only proof; every other one must be proved.
  static Obligation only_fault(const std::string& module, const std::string& name) {
    const ModuleProofs proofs = prove(module);
    Obligation found;
    bool seen = false;
    for (const Proof& proof : proofs.proofs)
      for (const Obligation& one : proof.obligations)
        if (one.name == name) {
          found = one;
          seen = true;
        } else {
          EXPECT_EQ(one.status, ProofStatus::kProved) << module << " " << one.name << ": " << one.reason;
        }
    EXPECT_TRUE(seen) << module << " has no obligation " << name;
    EXPECT_FALSE(proofs.proved());
    return found;
  }

  /// Every obligation that needs the netlist of the claim itself has this status, with these words.
  static void expect_refused(const std::string& module, ProofStatus status, const std::string& words) {
    SCOPED_TRACE(module);
    const ModuleProofs proofs = prove(module);
    ASSERT_EQ(proofs.proofs.size(), 1u);
    EXPECT_FALSE(proofs.proved());
    for (const Obligation& one : proofs.proofs[0].obligations) {
      EXPECT_EQ(one.status, status) << one.name << ": " << one.reason;
      EXPECT_THAT(one.reason, HasSubstr(words)) << one.name;
    }
  }
};

void expect_proved(const ModuleProofs& module) {
  EXPECT_FALSE(module.proofs.empty());
  for (const Proof& proof : module.proofs)
    for (const Obligation& one : proof.obligations)
      EXPECT_EQ(one.status, ProofStatus::kProved) << module.module << " " << proof.name << " " << one.name << ": " << one.reason;
}

TEST_F(Formal, ProvesModules) {
  expect_proved(prove("stream_skid", {}, DYAD_RTL_FOLDER));
  expect_proved(prove("stream_fifo/depth_1", {}, DYAD_RTL_FOLDER));
  expect_proved(prove("stream_fifo/depth_2", {}, DYAD_RTL_FOLDER));
}

TEST_F(Formal, ProvesInductiveClaim) {
  const ModuleProofs module = prove("good");
  expect_proved(module);
  ASSERT_EQ(module.proofs.size(), 1u);
  std::vector<std::string> names;
  for (const Obligation& one : module.proofs[0].obligations) names.push_back(one.name);
  EXPECT_THAT(names, testing::ElementsAre("base", "induction", "cover", "twin: one too far"));
}

TEST_F(Formal, ProvesInductiveClaimWithAbc) { expect_proved(prove("good_abc")); }

TEST_F(Formal, ReportsClaimThatAbcFindsNotInductive) {
  const Obligation fault = only_fault("not_inductive_abc", "induction");
  EXPECT_EQ(fault.status, ProofStatus::kFailed);
  EXPECT_THAT(fault.reason, HasSubstr("not inductive"));
}

TEST_F(Formal, ProvesBoundedClaim) {
  const ModuleProofs module = prove("bounded");
  expect_proved(module);
  ASSERT_EQ(module.proofs.size(), 1u);
  EXPECT_EQ(module.proofs[0].bound, 12);
}

TEST_F(Formal, ProvesCombinationalClaimsWithBothEngines) { expect_proved(prove("product")); }

TEST_F(Formal, RefusesProofWithoutAssertion) { expect_refused("no_assertion", ProofStatus::kVacuous, "no assertion"); }

TEST_F(Formal, ReportsUnreachedCover) {
  const Obligation fault = only_fault("unreached_cover", "cover");
  EXPECT_EQ(fault.status, ProofStatus::kVacuous);
  EXPECT_THAT(fault.reason, HasSubstr("c_seven"));
}

TEST_F(Formal, ReportsAssertionThatIsNeverEnabled) {
  const Obligation fault = only_fault("never_enabled", "cover");
  EXPECT_EQ(fault.status, ProofStatus::kVacuous);
  EXPECT_THAT(fault.reason, AllOf(HasSubstr("a_seven"), testing::Not(HasSubstr("a_below_six"))));
}

TEST_F(Formal, ReportsContradictoryAssumptions) {
  const ModuleProofs module = prove("contradiction");
  ASSERT_EQ(module.proofs.size(), 1u);
  for (const Obligation& one : module.proofs[0].obligations) {
    if (one.name == "base" || one.name == "cover") {
      EXPECT_EQ(one.status, ProofStatus::kVacuous) << one.name << ": " << one.reason;
    }
  }
}

TEST_F(Formal, RefusesUndrivenWire) { expect_refused("undriven", ProofStatus::kVacuous, "has no driver"); }
TEST_F(Formal, RefusesImplicitWire) { expect_refused("implicit_wire", ProofStatus::kVacuous, "implicitly declared"); }
TEST_F(Formal, RefusesBind) { expect_refused("dropped_bind", ProofStatus::kVacuous, "drops a bind"); }
TEST_F(Formal, RefusesStateInCombinationalClaim) { expect_refused("not_combinational", ProofStatus::kFailed, "there is state"); }
TEST_F(Formal, RefusesRtlThatYosysRefuses) { expect_refused("bad_rtl", ProofStatus::kFailed, "absent_module"); }

TEST_F(Formal, FindsCounterexample) {
  const auto waves = std::filesystem::path(testing::TempDir()) / "dyad-formal-waves";
  const ModuleProofs module = prove("false_claim", {.claims_only = true, .stop_at_first = false, .waves = waves});
  ASSERT_EQ(module.proofs.size(), 1u);
  const Obligation& base = module.proofs[0].obligations.at(0);
  EXPECT_EQ(base.status, ProofStatus::kFailed);
  EXPECT_TRUE(base.counterexample);
  EXPECT_THAT(base.reason, HasSubstr("a_never_four"));
  EXPECT_TRUE(std::filesystem::exists(waves / "false_claim.claim.vcd"));
  std::filesystem::remove_all(waves);
}

TEST_F(Formal, ReportsClaimThatIsNotInductive) {
  const ModuleProofs module = prove("not_inductive", {.claims_only = true, .stop_at_first = false, .waves = {}});
  ASSERT_EQ(module.proofs.size(), 1u);
  ASSERT_EQ(module.proofs[0].obligations.size(), 2u);
  EXPECT_EQ(module.proofs[0].obligations[0].status, ProofStatus::kProved);
  EXPECT_EQ(module.proofs[0].obligations[1].status, ProofStatus::kFailed);
  EXPECT_FALSE(module.proofs[0].obligations[1].counterexample);
  EXPECT_THAT(module.proofs[0].obligations[1].reason, HasSubstr("not inductive"));
}

TEST_F(Formal, ReportsTwinThatPasses) {
  EXPECT_THAT(only_fault("passing_twin", "twin: another order").reason, HasSubstr("not found within 12 steps"));
}
TEST_F(Formal, ReportsTwinWhoseTextIsAbsent) { EXPECT_THAT(only_fault("absent_text", "twin: absent").reason, HasSubstr("occurs 0 times")); }
TEST_F(Formal, ReportsTwinWhoseTextIsAmbiguous) {
  EXPECT_THAT(only_fault("ambiguous_text", "twin: twice").reason, HasSubstr("occurs 2 times"));
}
// A twin that the tools refuse has not been found by the proof.
TEST_F(Formal, ReportsTwinThatDoesNotElaborate) {
  EXPECT_THAT(only_fault("broken_twin", "twin: syntax").reason, HasSubstr("no counterexample"));
}

TEST_F(Formal, TellsTimeoutFromFailure) {
  const ModuleProofs module = prove("product_timeout", {.claims_only = true, .stop_at_first = false, .waves = {}});
  ASSERT_EQ(module.proofs.size(), 2u);
  for (const Proof& proof : module.proofs) {
    EXPECT_EQ(proof.status(), ProofStatus::kTimeout) << proof.name << ": " << proof.obligations[0].reason;
    EXPECT_GE(proof.cpu_s(), 0.75);
  }
}

// A solver that is ended has not found the twin's bug.
TEST_F(Formal, ReportsTwinWithoutAnswer) {
  const ModuleProofs module = prove("slow_twin");
  ASSERT_EQ(module.proofs.size(), 2u);
  for (const Proof& proof : module.proofs) {
    ASSERT_EQ(proof.obligations.size(), 3u);
    EXPECT_EQ(proof.obligations[0].status, ProofStatus::kProved) << proof.name << ": " << proof.obligations[0].reason;
    EXPECT_EQ(proof.obligations[2].name, "twin: another way");
    EXPECT_EQ(proof.obligations[2].status, ProofStatus::kTimeout) << proof.name << ": " << proof.obligations[2].reason;
    EXPECT_FALSE(proof.obligations[2].counterexample);
    EXPECT_NE(proof.status(), ProofStatus::kProved);
  }
}

// What the mutation runner does: another source under the same proofs.
TEST_F(Formal, ProvesReplacedSource) {
  const std::string wrong = R"(
module product #(parameter int unsigned Bits = 4) (input logic clk_i, input logic [Bits-1:0] a_i, input logic [Bits-1:0] b_i);
  always_ff @(posedge clk_i) a_product: assert ((2*Bits)'(a_i + b_i) == (2*Bits)'(a_i) * (2*Bits)'(b_i));
endmodule
)";
  const auto module = prove_module("product", DYAD_FIXTURES, {{"rtl/product.sv", wrong}},
                                   {.claims_only = true, .stop_at_first = true, .waves = {}}, SilentProgress());
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_FALSE(module->proved());
  int counterexamples = 0;
  for (const Proof& proof : module->proofs)
    for (const Obligation& one : proof.obligations) counterexamples += one.counterexample;
  EXPECT_GE(counterexamples, 1);
}

class Cancelled final : public Progress {
 public:
  void stage(std::string_view) override {}
  void update(std::int64_t, std::int64_t) override {}
  bool cancelled() const override { return true; }
};

TEST_F(Formal, StopsWhenCancelled) {
  Cancelled progress;
  const auto proofs = verify_formal({{"good"}, DYAD_FIXTURES, {}}, progress);
  ASSERT_FALSE(proofs);
  EXPECT_EQ(proofs.error().message, "cancelled");
}

TEST_F(Formal, DocumentCountsObligations) {
  SilentProgress progress;
  const auto proofs = verify_formal({{"good", "no_assertion"}, DYAD_FIXTURES, {}}, progress);
  ASSERT_TRUE(proofs) << proofs.error().message;
  const Json document(formal_document(*proofs));
  EXPECT_EQ(document["checks"][0]["name"], "good/claim");
  EXPECT_EQ(document["checks"][0]["cases"], 4);
  EXPECT_EQ(document["checks"][0]["mismatches"], 0);
  EXPECT_EQ(document["checks"][1]["mismatches"], 4);
  EXPECT_EQ(document["modules"][1]["proofs"][0]["status"], "vacuous");
  EXPECT_EQ(document["modules"][0]["exhausted"][0], "nothing");
}

TEST_F(Formal, NamesUnknownModule) {
  SilentProgress progress;
  const auto proofs = verify_formal({{"absent"}, DYAD_FIXTURES, {}}, progress);
  ASSERT_FALSE(proofs);
  EXPECT_EQ(proofs.error().place, "absent");
  EXPECT_THAT(proofs.error().hint, HasSubstr("good"));
}

// Every module has a proof file, be it one that says that nothing is proved, and a page whose status agrees with it.
TEST(FormalPages, StatusOfEveryModule) {
  const std::filesystem::path rtl = DYAD_RTL_FOLDER;
  int modules = 0;
  for (const auto& entry : std::filesystem::directory_iterator(rtl)) {
    if (entry.path().extension() != ".sv") continue;
    const std::string module = entry.path().stem().string();
    SCOPED_TRACE(module);
    ++modules;
    const auto proofs = read_json(rtl / "formal" / (module + ".json"));
    ASSERT_TRUE(proofs) << proofs.error().message;
    EXPECT_TRUE(!(*proofs)["proofs"].empty() || !(*proofs)["exhausted"].empty() || !(*proofs)["open"].empty());
    const auto page = read_text(rtl / ".." / "docs" / "rtl" / (module + ".md"));
    ASSERT_TRUE(page) << page.error().message;
    const std::size_t status = page->find("\n## Status\n");
    ASSERT_NE(status, std::string::npos);
    const bool says_proved = page->find("`dyad verify formal " + module + "`", status) != std::string::npos;
    EXPECT_EQ(says_proved, !(*proofs)["proofs"].empty());
  }
  EXPECT_GE(modules, 30);
}

}  // namespace
}  // namespace dyad::workflow
