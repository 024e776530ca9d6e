/// \file Whole files in and out: reading with clear errors, writing so that nothing is ever half-written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad {

Result<std::vector<std::uint8_t>> read_bytes(const std::filesystem::path& file);
Result<std::string> read_text(const std::filesystem::path& file);
/// Writes to a temporary name in the same folder, then renames: the file is old or new, never partial.
Result<void> write_bytes(const std::filesystem::path& file, std::span<const std::uint8_t> bytes);
Result<void> write_text(const std::filesystem::path& file, std::string_view text);

}  // namespace dyad
