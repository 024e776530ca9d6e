/// \file Reading of JSON documents with errors that name file and pointer; unknown keys are errors except under "x-...".
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

/// Parses a whole file; a syntax error names line and column.
Result<Json> read_json(const std::filesystem::path& file);
Result<Json> parse_json(std::string_view text, const std::string& place);
/// Two-space indentation, final newline, doubles in their shortest exact form.
std::string to_text(const OrderedJson& document);

/// A key as a reference token of a JSON pointer: '~' and '/' escaped (RFC 6901).
std::string pointer_token(std::string_view key);

/// A cursor into a document that knows where it is. Every getter reports `file:/pointer`.
/// Keys that were asked for are known; `finish()` is an error when an object holds others.
class JsonReader {
 public:
  /// `document` must outlive the reader.
  JsonReader(const Json& document, std::string file);

  std::string place() const;  ///< "file:/a/0/b"
  const Json& json() const { return *node_; }
  bool has(std::string_view key) const;
  /// The member of that name; an Error when it is missing or this is not an object.
  Result<JsonReader> member(std::string_view key) const;
  /// The elements of an array; an Error when it is none.
  Result<std::vector<JsonReader>> elements() const;
  /// The members of an object as (key, reader), in key order.
  Result<std::vector<std::pair<std::string, JsonReader>>> members() const;

  Result<std::string> string() const;
  Result<bool> boolean() const;
  Result<double> number() const;
  Result<double> number_above(double exclusive_bound) const;
  Result<std::int64_t> integer(std::int64_t lowest, std::int64_t highest) const;

  Result<std::string> string(std::string_view key) const;
  Result<bool> boolean(std::string_view key, bool fallback) const;
  Result<double> number(std::string_view key) const;
  Result<double> number_above(std::string_view key, double exclusive_bound) const;
  Result<std::int64_t> integer(std::string_view key, std::int64_t lowest, std::int64_t highest) const;
  /// {"value": number, "source": "non-empty text"}: a physical number.
  Result<double> sourced_number(std::string_view key) const;
  /// Checks "schema": "<name>/<major>", accepting every major version up to `newest_major`; returns the major version.
  Result<int> schema(std::string_view name, int newest_major) const;
  /// An Error naming the first key that nobody asked for ("x-..." excepted).
  Result<void> finish() const;
  Error error(std::string message, std::string hint) const;

 private:
  JsonReader(const Json* node, std::string file, std::string pointer);
  const Json* node_;
  std::string file_;
  std::string pointer_;
  std::shared_ptr<std::set<std::string, std::less<>>> asked_;
};

}  // namespace dyad
