#include "dyad/hardware/measurements.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "dyad/base/files.hpp"
#include "dyad/base/json.hpp"
#include "support/test_data.hpp"

namespace dyad::hardware {
namespace {

const std::string kHeader = "name,batch,kernel,output,stride,in,out,groups,w,a,latency_us\n";
const std::string kSource = "# source: a card, 2021\n";

TEST(Measurements, AreReadInAnyOrderOfColumns) {
  const auto read = parse_measurements(
      "# source: a card, 2021\n# a comment\nlatency_us,a,w,groups,out,in,stride,output,kernel,batch,name,x-note\r\n"
      "361.9, 8, 4, 1, 128, 64, 2, 28, 3, 16, conv2, anything\r\n\n",
      "times.csv");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->source, "a card, 2021");
  ASSERT_EQ(read->rows.size(), 1u);
  const Measurement& row = read->rows[0];
  EXPECT_EQ(row.layer.name, "conv2");
  EXPECT_EQ(row.batch, 16);
  EXPECT_EQ(row.bits.weight, 4);
  EXPECT_EQ(row.bits.activation, 8);
  EXPECT_EQ(row.latency_us, 361.9);
  EXPECT_EQ(row.layer.in_h, 56);  // 28 * 2
  EXPECT_EQ(row.layer.macs(), std::int64_t{28} * 28 * 128 * 64 * 9);
  EXPECT_EQ(row.layer.window.output_h(row.layer.in_h), 28);
}

TEST(Measurements, ShapesDifferInWhatIsNotTheName) {
  const auto read =
      parse_measurements(kSource + kHeader + "a,8,3,28,1,64,64,1,8,8,10\nb,8,3,28,1,64,64,1,4,4,5\nc,8,3,28,2,64,64,1,8,8,7\n", "f");
  ASSERT_TRUE(read);
  EXPECT_EQ(shape_key(read->rows[0]), shape_key(read->rows[1]));
  EXPECT_NE(shape_key(read->rows[0]), shape_key(read->rows[2]));
}

TEST(Measurements, FaultsNameTheLineAndTheColumn) {
  const auto fault = [](const std::string& text) {
    const auto read = parse_measurements(text, "times.csv");
    return read ? "read" : read.error().place + " " + read.error().message;
  };
  EXPECT_EQ(fault(kHeader + "a,8,3,28,1,64,64,1,8,8,10\n"), "times.csv a line '# source: …' is missing");
  EXPECT_EQ(fault(kSource + kHeader), "times.csv no measurement");
  EXPECT_EQ(fault(kSource + "name,batch\n"), "times.csv:2 column 'kernel' is missing");
  EXPECT_EQ(fault(kSource + "name,name\n"), "times.csv:2 column 'name' stands twice");
  EXPECT_EQ(fault(kSource + "name,color\n"), "times.csv:2 no column is called 'color'");
  EXPECT_EQ(fault(kSource + kHeader + "a,8,3\n"), "times.csv:3 3 cells; the header has 11");
  EXPECT_EQ(fault(kSource + kHeader + "a,8,3,28,1,64,64,1,8,8,\n"), "times.csv:3 latency_us is '': expected a positive number");
  EXPECT_EQ(fault(kSource + kHeader + "a,8,3,28,1,64,64,1,8,8,nan\n"), "times.csv:3 latency_us is 'nan': expected a positive number");
  EXPECT_EQ(fault(kSource + kHeader + "a,8,3,28,1,64,64,1,8,8,-1\n"), "times.csv:3 latency_us is '-1': expected a positive number");
  EXPECT_EQ(fault(kSource + kHeader + "a,0,3,28,1,64,64,1,8,8,10\n"), "times.csv:3 batch is '0': expected an integer from 1 to 65536");
  EXPECT_EQ(fault(kSource + kHeader + "a,8,3,28,1,64,64,3,8,8,10\n"), "times.csv:3 groups is '3': does not divide in and out");
}

TEST(HawqTable, HasTheShapesOfTheTopologies) {
  DYAD_NEEDS_DATA("hawq/ilp_inputs.json");
  const auto read = read_hawq_table(*testing_support::data_folder() / "hawq" / "ilp_inputs.json", 8);
  ASSERT_TRUE(read) << read.error().place << ": " << read.error().message;
  // 19 layers of ResNet-18, 26 measured ones of ResNet-50, two bit-widths each; the 22 shapes.
  EXPECT_EQ(read->rows.size(), 90u);
  std::set<std::string> shapes;
  for (const Measurement& row : read->rows) shapes.insert(shape_key(row));
  EXPECT_EQ(shapes.size(), 22u);
  EXPECT_EQ(read->rows[0].layer.name, "resnet18:features.stage1.unit1.body.conv1.conv");
  EXPECT_NEAR(read->rows[0].latency_us, 210.94404, 1e-9);
}

TEST(HawqTable, OfAnotherNetworkIsRefused) {
  DYAD_NEEDS_DATA("hawq/ilp_inputs.json");
  auto document = read_json(*testing_support::data_folder() / "hawq" / "ilp_inputs.json");
  ASSERT_TRUE(document);
  (*document)["geometry"]["resnet50"][3]["macs"] = 1;
  const auto file = std::filesystem::temp_directory_path() / "dyad_hawq_table_test.json";
  ASSERT_TRUE(write_text(file, document->dump()));
  const auto read = read_hawq_table(file, 8);
  std::filesystem::remove(file);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().place, file.string() + ":/geometry/resnet50/3");
}

}  // namespace
}  // namespace dyad::hardware
