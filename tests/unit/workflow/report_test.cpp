// Result documents: what is refused and where, and that the page holds the data unharmed.
#include "dyad/workflow/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "support/test_data.hpp"

namespace dyad::workflow {
namespace {

using testing::HasSubstr;
using testing::Not;

// The smallest document of each schema that has every field.
const char* const kSearch = R"({
  "schema": "dyad.search/1", "version": "0.1.0", "config_hash": "ab12", "seed": 3, "model": "tiny",
  "data": {"name": "made up", "images": 100}, "method": "exact", "tier": "analytic",
  "accelerator": {"name": "toy", "clock_mhz": 100, "batch": 2, "peak_binary_ops_per_s": 1e12, "dram_bytes_per_s": 1e9, "dram_energy_source": "15 pJ/bit: a paper"},
  "limits": [{"name": "latency", "kind": "ratio", "value": 0.6, "absolute": 12.5}],
  "status": "optimal", "objective": 0.25, "bound": 0.25, "assignment": {"conv": {"w": 4, "a": 5}},
  "top1": 91.5, "top5": 99.5, "top1_float": 92.0, "digest": "cd34", "logits_mse": 0.01,
  "cost": {"cycles": 1200, "latency_us": 12.0, "energy_pj": 4000, "size_mib": 0.5, "bops_g": 0.1, "separable_latency_us": 12.0,
           "ratio": {"latency": 0.58, "energy": 0.6, "size": 0.5, "bops": 0.3}},
  "layers": [
    {"name": "conv", "kind": "conv", "w": 4, "a": 5, "out": 8, "macs": 1000, "params": 90, "cycles": 1000, "compute_cycles": 750,
     "stall_cycles": 250, "latency_us": 10.0, "energy_pj": 3000, "energy_breakdown_pj": {"array": 1000, "dram": 2000},
     "utilization": 0.5, "dram_read_bits": 800, "dram_write_bits": 80, "bottleneck": "compute", "loss": 0.25},
    {"name": "add", "kind": "add", "out": 8, "macs": 0, "params": 0, "cycles": 200, "compute_cycles": 20, "stall_cycles": 180,
     "latency_us": 2.0, "energy_pj": 1000, "energy_breakdown_pj": {"array": 0, "dram": 1000}, "utilization": 0.0,
     "dram_read_bits": 160, "dram_write_bits": 80, "bottleneck": "activation fetch"}],
  "best_uniform": {"label": "W4A4", "w": 4, "a": 4, "latency_us": 11.0, "energy_pj": 3900, "size_mib": 0.5, "bops_g": 0.09,
                   "ratio": {"latency": 0.53}, "logits_mse": 0.02, "top1": 91.0},
  "pareto": [{"label": "latency <= 0.6", "origin": "search", "top1": 91.5, "top1_images": 100, "latency_us": 12.0, "energy_pj": 4000,
              "size_mib": 0.5, "bops_g": 0.1, "ratio": {"latency": 0.58}, "logits_mse": 0.01, "objective": 0.25, "on_front": true,
              "assignment": {"conv": {"w": 4, "a": 5}}}],
  "verified": true,
  "cycle_check": {"analytic_cycles": 1200, "cycle_cycles": 1203, "network_error": 0.0025, "worst_layer": "add",
                  "worst_layer_error": 0.01, "mean_layer_error": 0.005},
  "sensitivity": {"metric": "output_mse", "images": 50}, "images": {"calibration": 50, "evaluation": 100}, "out": null
})";

const char* const kSimulation = R"({
  "schema": "dyad.simulation/1", "version": "0.1.0", "model": "tiny",
  "accelerator": {"name": "toy", "clock_mhz": 100, "batch": 2, "peak_binary_ops_per_s": 1e12, "dram_bytes_per_s": 1e9,
                  "dram_energy_source": "15 pJ/bit: a paper"},
  "tier": "cycle", "batch": 2, "bits": "W8A8",
  "layers": [{"name": "conv", "kind": "conv", "w": 8, "a": 8, "out": 8, "macs": 1000, "params": 90, "cycles": 2000, "compute_cycles": 1500,
     "stall_cycles": 500, "latency_us": 20.0, "energy_pj": 6000, "energy_breakdown_pj": {"array": 1250, "dram": 3000, "leakage": 1000, "idle": 750},
     "utilization": 0.5, "dram_read_bits": 800, "dram_write_bits": 80, "bottleneck": "weight fetch"}],
  "totals": {"cycles": 2000, "latency_us": 20.0, "energy_pj": 6000, "utilization": 0.5, "stall_cycles": 500, "dram_read_bits": 800,
             "dram_write_bits": 80, "energy_breakdown_pj": {"array": 1250, "dram": 3000, "leakage": 1000, "idle": 750}}
})";

const char* const kTraining = R"({
  "schema": "dyad.training/1", "version": "0.1.0", "seed": 7, "model": "tiny", "command": "dyad train tiny",
  "epochs": [{"epoch": 1, "loss": 0.5, "top1_train": 80.0, "top1": 81.25, "test_loss": 0.4, "learning_rate": 0.01},
             {"epoch": 2, "loss": 0.25, "top1_train": 90.0, "top1": 80.5, "test_loss": 0.45, "learning_rate": 0.001}],
  "top1": 81.25, "best_epoch": 1, "stopped_early": false, "out": "w.safetensors",
  "scheme": "lsq", "integer_epochs": 1, "assignment": {"conv": {"w": 4, "a": 5}}, "export": "net.dyad"
})";

NamedDocument search() { return {"a.json", Json::parse(kSearch)}; }
NamedDocument simulation() { return {"b.json", Json::parse(kSimulation)}; }

/// The page's own copy of the documents, read back from its script element.
Json data_of(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const std::size_t begin = page.find(open) + open.size();
  return Json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

void expect_place(const NamedDocument& document, const std::string& place) {
  const auto checked = check_result_document(document);
  ASSERT_FALSE(checked) << "accepted although " << place << " is wrong";
  EXPECT_EQ(checked.error().place, place);
  EXPECT_FALSE(checked.error().message.empty());
  EXPECT_FALSE(checked.error().hint.empty());
  EXPECT_FALSE(render_report({document}));
}

TEST(ResultDocument, ChecksTrainingRuns) {
  const NamedDocument quantized{"t.json", Json::parse(kTraining)};
  EXPECT_TRUE(check_result_document(quantized));
  NamedDocument in_float = quantized;
  for (const char* key : {"scheme", "integer_epochs", "assignment", "export"}) in_float.document.erase(key);
  EXPECT_TRUE(check_result_document(in_float));
  const auto place_without = [&](const char* pointer) {
    NamedDocument broken = quantized;
    const Json::json_pointer at(pointer);
    broken.document[at.parent_pointer()].erase(at.back());
    const auto checked = check_result_document(broken);
    return checked ? std::string("none") : checked.error().place;
  };
  EXPECT_EQ(place_without("/seed"), "t.json");
  EXPECT_EQ(place_without("/stopped_early"), "t.json");
  EXPECT_EQ(place_without("/epochs/1/test_loss"), "t.json:/epochs/1");
  EXPECT_EQ(place_without("/assignment/conv/w"), "t.json:/assignment/conv");
  EXPECT_NE(place_without("/integer_epochs"), "none");
  NamedDocument wrong = quantized;
  wrong.document["best_epoch"] = 3;  // of two
  EXPECT_FALSE(check_result_document(wrong));
  wrong = quantized;
  wrong.document["epochs"] = Json::array();
  EXPECT_FALSE(check_result_document(wrong));
}

TEST(Report, ShowsTrainingRunsAlone) {
  const auto page = render_report({{"t.json", Json::parse(kTraining)}});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_THAT(*page, HasSubstr("<title>tiny · Dyad report</title>"));
  EXPECT_THAT(*page, HasSubstr("Dyad.training = "));
  EXPECT_THAT(*page, HasSubstr("\"test_loss\":0.45"));
}

TEST(Summary, ShowsATrainingRun) {
  const auto text = summarize({"t.json", Json::parse(kTraining)});
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_THAT(*text, HasSubstr("tiny, quantization-aware training, lsq"));
  EXPECT_THAT(*text, HasSubstr("81.25 % after epoch 1, of the integer network"));
}

TEST(ResultDocument, AcceptsBothSchemas) {
  EXPECT_TRUE(check_result_document(search()));
  EXPECT_TRUE(check_result_document(simulation()));
}

TEST(ResultDocument, NamesThePlaceOfAMissingField) {
  // Every key of the document and of its first layer and first point, taken away one at a time.
  const std::vector<std::string> may_be_absent = {"/objective",
                                                  "/bound",
                                                  "/top5",
                                                  "/logits_mse",
                                                  "/cycle_check",
                                                  "/sensitivity",
                                                  "/out",
                                                  "/layers/0/w",
                                                  "/layers/0/a",
                                                  "/layers/0/out",
                                                  "/layers/0/loss",
                                                  "/pareto/0/logits_mse",
                                                  "/pareto/0/objective",
                                                  "/pareto/0/assignment",
                                                  "/accelerator/dram_energy_source"};
  for (const std::string parent :
       {"", "/layers/0", "/pareto/0", "/cost", "/accelerator", "/limits/0", "/best_uniform", "/images", "/data"}) {
    const Json whole = search().document;
    for (const auto& [key, value] : whole.at(Json::json_pointer(parent)).items()) {
      NamedDocument broken = search();
      broken.document.at(Json::json_pointer(parent)).erase(key);
      const std::string pointer = parent + "/" + key;
      const bool optional =
          std::find(may_be_absent.begin(), may_be_absent.end(), pointer) != may_be_absent.end() || pointer == "/best_uniform/logits_mse";
      const auto checked = check_result_document(broken);
      EXPECT_EQ(checked.has_value(), optional) << pointer;
      if (checked) continue;
      EXPECT_EQ(checked.error().place, parent.empty() ? "a.json" : "a.json:" + parent) << pointer;
      EXPECT_THAT(checked.error().message, HasSubstr("'" + key + "'"));
    }
  }
}

TEST(ResultDocument, NamesThePlaceOfAWrongValue) {
  const auto with = [](const std::string& pointer, Json value) {
    NamedDocument document = search();
    document.document[Json::json_pointer(pointer)] = std::move(value);
    return document;
  };
  expect_place(with("/schema", "dyad.search/2"), "a.json:/schema");
  expect_place(with("/schema", "dyad.bits/1"), "a.json:/schema");
  expect_place(with("/layers", Json::array()), "a.json:/layers");
  expect_place(with("/layers/1/latency_us", "fast"), "a.json:/layers/1/latency_us");
  expect_place(with("/layers/1/cycles", -1), "a.json:/layers/1/cycles");
  expect_place(with("/layers/0/w", 33), "a.json:/layers/0/w");
  expect_place(with("/layers/0/energy_breakdown_pj/dram", nullptr), "a.json:/layers/0/energy_breakdown_pj/dram");
  expect_place(with("/accelerator/dram_bytes_per_s", 0), "a.json:/accelerator/dram_bytes_per_s");
  expect_place(with("/pareto/0/origin", "guess"), "a.json:/pareto/0/origin");
  expect_place(with("/assignment/conv/a", 0), "a.json:/assignment/conv/a");
  expect_place(with("/verified", "yes"), "a.json:/verified");
  expect_place(with("/layers/1/colour", 1), "a.json:/layers/1/colour");
  expect_place(with("/extra", 1), "a.json:/extra");
  EXPECT_TRUE(check_result_document(with("/x-note", "ours")));
}

TEST(ResultDocument, AcceptsThatNothingUniformFitsAndThatNothingWasChecked) {
  NamedDocument document = search();
  document.document["best_uniform"] = nullptr;
  document.document["cycle_check"] = nullptr;
  document.document["verified"] = false;
  EXPECT_TRUE(render_report({document}));
  const auto text = summarize(document);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("none stays within the limits"));
  EXPECT_THAT(*text, HasSubstr("not run"));
}

TEST(ResultDocument, SaysWhereASearchWasStopped) {
  NamedDocument document = search();
  document.document["stopped_at"] = "accuracy of uniform W3A3";
  document.document["status"] = "feasible";
  const auto text = summarize(document);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("stopped       at: accuracy of uniform W3A3\n"));
  EXPECT_THAT(*text, HasSubstr("allocation    not proved optimal: feasible\n"));
  document.document["stopped_at"] = 3;
  expect_place(document, "a.json:/stopped_at");
}

TEST(ResultDocument, TellsHowFarTheCycleTierIs) {
  NamedDocument document = search();
  document.document["verified"] = false;
  EXPECT_THAT(*summarize(document), HasSubstr("cycle tier    differs by up to 1.00 % in a layer\n"));
}

TEST(ResultDocument, ChecksBottlenecksPricesAndNotes) {
  NamedDocument document = simulation();
  Json& layer = document.document["layers"][0];
  layer["resource_cycles"] = {{"compute", 1500}, {"weight fetch", 1800.5}, {"fill", 199.5}};
  layer["shadow_price"] = Json::parse(R"({"w": {"cycles": 250, "energy_pj": -1.5, "next_bits": 7, "next_cycles": 250, "next_energy_pj": 2},
                                          "a": {"cycles": null, "energy_pj": null, "next_bits": null}})");
  document.document["notes"] = {"Nothing is free."};
  EXPECT_TRUE(check_result_document(document));
  EXPECT_THAT(*summarize(document), HasSubstr("weight fetch     12.5%       7         -       -\n"));
  const auto broken = [&](const std::string& pointer, Json value) {
    NamedDocument changed = document;
    changed.document[Json::json_pointer(pointer)] = std::move(value);
    expect_place(changed, "b.json:" + pointer);
  };
  broken("/layers/0/resource_cycles/compute", -1);
  broken("/layers/0/shadow_price/w/next_bits", 0);
  broken("/layers/0/shadow_price/a/cycles", "few");
  broken("/layers/0/shadow_price/w/colour", 1);
  broken("/layers/0/shadow_price/out", 1);
  broken("/notes", "one");
  broken("/notes/0", 1);
}

TEST(ResultDocument, OfMeasurementsHasNoCeilingsAndNoCycleTier) {
  NamedDocument document = search();
  document.document["tier"] = "measured";
  document.document["accelerator"]["peak_binary_ops_per_s"] = document.document["accelerator"]["dram_bytes_per_s"] = nullptr;
  document.document["cycle_check"] = nullptr;
  document.document["verified"] = false;
  document.document["layers"][0]["bottleneck"] = "";
  document.document["notes"] = {"Measured."};
  EXPECT_TRUE(render_report({document}));
  const auto text = summarize(document);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("25.0%  -\n"));
  EXPECT_THAT(*text, HasSubstr("cycle tier    there is none: the costs are measurements\n"));
}

TEST(Report, RefusesNoDocumentAndOneThatIsNoObject) {
  EXPECT_FALSE(render_report({}));
  for (const char* text : {"[]", "3", "\"dyad.search/1\"", "null", "{}"})
    EXPECT_FALSE(render_report({{"c.json", Json::parse(text)}})) << text;
}

TEST(Report, CarriesItsDocumentsUnchangedAndInOrder) {
  const auto page = render_report({search(), simulation()});
  ASSERT_TRUE(page);
  const Json data = data_of(*page);
  ASSERT_EQ(data.size(), 2u);
  EXPECT_EQ(data[0]["name"], "a.json");
  EXPECT_EQ(data[0]["document"], search().document);
  EXPECT_EQ(data[1]["document"], simulation().document);
}

TEST(Report, LoadsNothingAndKeepsTheLicenceOfChartJs) {
  const auto page = render_report({search()});
  ASSERT_TRUE(page);
  for (const char* loader : {"<link rel=\"stylesheet\"", "src=\"http", "@import", "url(http", "<script src"})
    EXPECT_THAT(*page, Not(HasSubstr(loader)));
  EXPECT_THAT(*page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(*page, HasSubstr("Chart.js Contributors"));
  EXPECT_THAT(*page, HasSubstr("Released under the MIT License"));
  EXPECT_THAT(*page, Not(HasSubstr("{{")));
}

TEST(Report, NoTextOfADocumentEndsTheScript) {
  const std::size_t elements = count(*render_report({search()}), "</script");
  const std::string evil = "</script><script>alert(1)</script><!--<script>&lt;{{chart.js}}\xE2\x80\xA8";
  NamedDocument document = search();
  document.name = evil;
  document.document["model"] = evil;
  document.document["layers"][0]["name"] = evil;
  const auto page = render_report({document});
  ASSERT_TRUE(page);
  EXPECT_EQ(count(*page, "</script"), elements);
  EXPECT_EQ(count(*page, "<script>alert"), 0u);
  EXPECT_EQ(data_of(*page)[0]["document"], document.document);
  EXPECT_THAT(*page, HasSubstr("<title>&lt;/script&gt;"));
}

RC_GTEST_PROP(Report, AnyNameComesBackAsItWas, (const std::vector<std::uint8_t>& codes)) {
  const std::string alphabet = "<>&/!-\"'\\scriptSCRIPT \n{}";
  NamedDocument document = search();
  std::string name;
  for (const std::uint8_t code : codes) name += alphabet[code % alphabet.size()];
  document.document["layers"][1]["name"] = name;
  const auto page = render_report({document});
  RC_ASSERT(page.has_value());
  RC_ASSERT(data_of(*page)[0]["document"]["layers"][1]["name"].get<std::string>() == name);
}

TEST(Report, SameDocumentsGiveTheSameBytes) {
  EXPECT_EQ(*render_report({search(), simulation()}), *render_report({search(), simulation()}));
  EXPECT_NE(*render_report({search(), simulation()}), *render_report({simulation(), search()}));
}

TEST(Report, WritesWholeFilesAndNothingAfterAnError) {
  const testing_support::TemporaryFolder folder;
  ASSERT_TRUE(write_text(folder / "good.json", kSearch));
  ASSERT_TRUE(write_text(folder / "cut.json", std::string(kSearch).substr(0, 400)));
  EXPECT_TRUE(write_report({folder / "good.json"}, folder / "good.html"));
  EXPECT_EQ(data_of(*read_text(folder / "good.html"))[0]["document"], search().document);
  const auto cut = write_report({folder / "good.json", folder / "cut.json"}, folder / "cut.html");
  ASSERT_FALSE(cut);
  EXPECT_THAT(cut.error().place, HasSubstr("cut.json"));
  EXPECT_FALSE(std::filesystem::exists(folder / "cut.html"));
  EXPECT_FALSE(write_report({folder / "absent.json"}, folder / "absent.html"));
  EXPECT_FALSE(write_report({folder / "good.json"}, folder / "no such folder" / "page.html"));
}

TEST(Summary, ShowsLayersTotalsAndTheUniformNetwork) {
  const auto text = summarize(search());
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "tiny on toy, batch 2, method exact, analytic tier\n"
            "\n"
            "layer  kind   W   A    latency us    energy nJ  utilized   waits  bound by\n"
            "conv   conv   4   5        10.000        3.000     50.0%   25.0%  compute\n"  // 250 / 1000 cycles
            "add    add    -   -         2.000        1.000      0.0%   90.0%  activation fetch\n"
            "\n"
            "limit         latency at most 0.6 of 8 bits everywhere (12.5 us)\n"
            "top-1         91.50 %  float 92.00 %, on 100 images\n"
            "latency       12 us  0.580 of 8 bits everywhere\n"
            "energy        4 nJ  0.600 of 8 bits everywhere\n"
            "  of it       4 nJ dynamic, leakage not counted, idle memory not counted\n"
            "  DRAM        15 pJ/bit: a paper\n"
            "size          0.5 MiB  0.500 of 8 bits everywhere\n"
            "operations    0.1 GBOP  0.300 of 8 bits everywhere\n"
            "best uniform  W4A4  top-1 91.00 %  latency 11 us  0.530 of 8 bits everywhere\n"
            "allocation    proved optimal\n"
            "cycle tier    confirms the cost, 0.25 % apart\n");
}

TEST(Summary, ShowsASimulation) {
  const auto text = summarize(simulation());
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("tiny on toy, batch 2, W8A8, cycle tier\n"));
  EXPECT_THAT(*text, HasSubstr("layer  kind   W   A    latency us    energy nJ   leaks   idles  utilized   waits  bound by\n"
                               "conv   conv   8   8        20.000        6.000   16.7%   12.5%     50.0%   25.0%  weight fetch\n"));
  EXPECT_THAT(*text, HasSubstr("latency       20 us\nenergy        6 nJ\n  of it       4.25 nJ dynamic, 1 nJ leakage, 750 pJ idle memory\n"
                               "  DRAM        15 pJ/bit: a paper\nutilized      50.0 %\nwaits         25.0 % of the cycles\n"));
}

}  // namespace
}  // namespace dyad::workflow
