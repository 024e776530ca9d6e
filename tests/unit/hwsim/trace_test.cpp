#include "dyad/hwsim/trace.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/base/json.hpp"
#include "support/test_data.hpp"

namespace dyad::hwsim {
namespace {

Trace example() {
  Trace trace;
  const int execute = trace.track("execute"), fetch = trace.track("fetch \"weights\"");
  trace.slice(execute, "job", 3, 9);
  trace.set_origin(100);
  trace.slice(fetch, "tile", 0, 4);
  return trace;
}

TEST(Trace, IsJsonWithOneTrackAName) {
  const Trace trace = example();
  const auto document = parse_json(trace.to_json(), "trace");
  ASSERT_TRUE(document) << document.error().message;
  const Json& events = document->at("traceEvents");
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[1]["args"]["name"], "fetch \"weights\"");
  EXPECT_EQ(events[2]["ts"], 3);
  EXPECT_EQ(events[2]["dur"], 6);
  EXPECT_EQ(events[3]["ts"], 100);  // counted from the origin
  EXPECT_EQ(events[3]["tid"], events[1]["tid"]);
}

TEST(Trace, GivesTheSameBytesAgain) { EXPECT_EQ(example().to_json(), example().to_json()); }

TEST(Trace, WritesAFileAndRefusesNonsense) {
  testing_support::TemporaryFolder folder;
  const Trace trace = example();
  ASSERT_TRUE(trace.write(folder / "trace.json"));
  EXPECT_EQ(*read_text(folder / "trace.json"), trace.to_json());
  EXPECT_FALSE(trace.write(folder / "missing" / "trace.json"));
  Trace other;
  EXPECT_THROW(other.slice(0, "job", 0, 1), InternalError);
}

}  // namespace
}  // namespace dyad::hwsim
