#include "dyad/base/files.hpp"

#include <gtest/gtest.h>

#include "support/test_data.hpp"

namespace dyad {
namespace {

using testing_support::TemporaryFolder;

TEST(Files, ReadBackWhatWasWritten) {
  const TemporaryFolder folder;
  const std::vector<std::uint8_t> bytes{0, 255, 10, 13, 0};
  ASSERT_TRUE(write_bytes(folder / "a", bytes));
  EXPECT_EQ(*read_bytes(folder / "a"), bytes);
  ASSERT_TRUE(write_text(folder / "a", ""));
  EXPECT_EQ(*read_text(folder / "a"), "");
}

TEST(Files, WritingLeavesNothingElseBehind) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_text(folder / "a", "x"));
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++entries;
  EXPECT_EQ(entries, 1);
}

TEST(Files, ErrorsNameTheFile) {
  const TemporaryFolder folder;
  const auto missing = read_text(folder / "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().place, (folder / "missing").string());
  EXPECT_EQ(missing.error().message, "no such file");
  EXPECT_EQ(read_bytes(folder.path()).error().message, "is a folder, a file was expected");
}

TEST(Files, AFailedWriteKeepsTheOldFileAndLeavesNoTemporary) {
  const TemporaryFolder folder;
  // A folder that is not empty can't be replaced by a file: the rename fails after the temporary was written.
  std::filesystem::create_directories(folder.path() / "a" / "b");
  const auto written = write_text(folder / "a", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().place, (folder / "a").string());
  EXPECT_TRUE(std::filesystem::is_directory(folder.path() / "a" / "b"));
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++entries;
  EXPECT_EQ(entries, 1);
  EXPECT_FALSE(write_text(folder.path() / "no" / "such" / "folder", "x"));
}

}  // namespace
}  // namespace dyad
