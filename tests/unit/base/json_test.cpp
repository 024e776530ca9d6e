#include "dyad/base/json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "support/test_data.hpp"

namespace dyad {
namespace {

TEST(Json, SyntaxErrorsNameLineAndColumn) {
  const testing_support::TemporaryFolder folder;
  ASSERT_TRUE(write_text(folder / "a.json", "{\n  \"a\": 1,\n  \"b\": }\n"));
  const auto document = read_json(folder / "a.json");
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().place, (folder / "a.json").string());
  EXPECT_NE(document.error().message.find("line 3"), std::string::npos) << document.error().message;
}

TEST(Json, EveryTruncationOfADocumentIsAnErrorNotACrash) {
  const std::string text = R"({"schema": "dyad.bits/1", "layers": {"a": {"w": 4, "a": 6}}, "x": [1, 2.5e3, "\u00e9", null, true]})";
  for (std::size_t length = 0; length < text.size(); ++length) EXPECT_FALSE(parse_json(text.substr(0, length), "t")) << length;
  EXPECT_TRUE(parse_json(text, "t"));
  EXPECT_FALSE(parse_json("1e999", "t"));
}

TEST(JsonReader, ReportsFileAndPointer) {
  const Json document = Json::parse(R"({"a": [{"b/c": "x"}]})");
  const JsonReader root(document, "f.json");
  const auto element = root.member("a")->elements();
  ASSERT_TRUE(element);
  const auto value = element->front().integer("b/c", 1, 8);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().place, "f.json:/a/0/b~1c");
  EXPECT_EQ(root.member("missing").error().message, "'missing' is missing");
}

TEST(JsonReader, NamesThePointerOfAnUnknownKey) {
  const Json document = Json::parse(R"({"known": 1, "x-note": 2, "colck": 3})");
  const JsonReader root(document, "f.json");
  ASSERT_TRUE(root.integer("known", 0, 9));
  const auto finished = root.finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().place, "f.json:/colck");
  EXPECT_TRUE(root.has("colck"));
  EXPECT_TRUE(root.finish());
}

TEST(JsonReader, ChecksTypesAndRanges) {
  const Json document = Json::parse(R"({"i": 9, "big": 18446744073709551615, "d": 0.0, "s": "x", "b": true, "f": 1.5})");
  const JsonReader root(document, "f");
  EXPECT_EQ(*root.integer("i", 0, 9), 9);
  EXPECT_FALSE(root.integer("i", 0, 8));
  EXPECT_FALSE(root.integer("i", 10, 12));
  EXPECT_FALSE(root.integer("big", 0, INT64_MAX));
  EXPECT_FALSE(root.integer("f", 0, 9));
  EXPECT_FALSE(root.number("s"));
  EXPECT_FALSE(root.number_above("d", 0));
  EXPECT_EQ(*root.number("d"), 0.0);
  EXPECT_FALSE(root.string("i"));
  EXPECT_TRUE(*root.boolean("b", false));
  EXPECT_TRUE(*root.boolean("absent", true));
  EXPECT_FALSE(root.boolean("s", false));
  EXPECT_FALSE(root.elements());
  EXPECT_FALSE(root.member("i")->members());
}

TEST(JsonReader, PhysicalNumbersNeedASource) {
  const Json document =
      Json::parse(R"({"a": {"value": 0.5, "source": "table 1"}, "b": {"value": 0.5}, "c": {"value": 1, "source": ""}, "d": 3,
                                        "e": {"value": 1, "source": "s", "unit": "pJ"}})");
  const JsonReader root(document, "f");
  EXPECT_EQ(*root.sourced_number("a"), 0.5);
  for (const char* key : {"b", "c", "d", "e"}) EXPECT_FALSE(root.sourced_number(key)) << key;
}

TEST(JsonReader, AcceptsEveryOlderMajorVersion) {
  const auto version = [](const std::string& schema) {
    const Json document{{"schema", schema}};
    return JsonReader(document, "f").schema("dyad.bits", 2);
  };
  EXPECT_EQ(*version("dyad.bits/1"), 1);
  EXPECT_EQ(*version("dyad.bits/2"), 2);
  for (const char* wrong : {"dyad.bits/3", "dyad.bits/0", "dyad.bits", "dyad.bit/1", "dyad.bits/1x"}) EXPECT_FALSE(version(wrong)) << wrong;
}

TEST(Json, TextIsStableAndExact) {
  const OrderedJson document{{"z", 0.1}, {"a", {1, 2}}};
  EXPECT_EQ(to_text(document), "{\n  \"z\": 0.1,\n  \"a\": [\n    1,\n    2\n  ]\n}\n");
}

}  // namespace
}  // namespace dyad
