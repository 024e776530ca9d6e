#include "dyad/base/json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"

namespace dyad {

std::string pointer_token(std::string_view key) {
  std::string token;
  for (const char c : key) token += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return token;
}

Result<Json> parse_json(std::string_view text, const std::string& place) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& failure) {
    std::size_t line = 1, column = 1;
    const std::size_t end = std::min(failure.byte > 0 ? failure.byte - 1 : 0, text.size());
    for (std::size_t i = 0; i < end; ++i) {
      column = text[i] == '\n' ? 1 : column + 1;
      if (text[i] == '\n') ++line;
    }
    return Error{place, "not valid JSON at line " + std::to_string(line) + ", column " + std::to_string(column),
                 text.empty() ? "the file is empty" : "look for a missing comma, quote or bracket there, or a file that was cut off"};
  } catch (const Json::exception& failure) {
    return Error{place, std::string("not valid JSON: ") + failure.what(), "numbers must be finite"};
  }
}

Result<Json> read_json(const std::filesystem::path& file) {
  DYAD_TRY(const std::string text, read_text(file));
  return parse_json(text, file.string());
}

std::string to_text(const OrderedJson& document) { return document.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n"; }

JsonReader::JsonReader(const Json& document, std::string file) : JsonReader(&document, std::move(file), "") {}

JsonReader::JsonReader(const Json* node, std::string file, std::string pointer)
    : node_(node), file_(std::move(file)), pointer_(std::move(pointer)), asked_(std::make_shared<std::set<std::string, std::less<>>>()) {}

std::string JsonReader::place() const { return pointer_.empty() ? file_ : file_ + ":" + pointer_; }

Error JsonReader::error(std::string message, std::string hint) const { return Error{place(), std::move(message), std::move(hint)}; }

bool JsonReader::has(std::string_view key) const {
  asked_->emplace(key);
  return node_->is_object() && node_->contains(key);
}

Result<JsonReader> JsonReader::member(std::string_view key) const {
  if (!node_->is_object()) return error("expected an object", "{ … }");
  if (!has(key)) return error("'" + std::string(key) + "' is missing", "add it");
  return JsonReader(&*node_->find(key), file_, pointer_ + "/" + pointer_token(key));
}

Result<std::vector<JsonReader>> JsonReader::elements() const {
  if (!node_->is_array()) return error("expected an array", "[ … ]");
  std::vector<JsonReader> readers;
  for (std::size_t i = 0; i < node_->size(); ++i) readers.push_back(JsonReader(&(*node_)[i], file_, pointer_ + "/" + std::to_string(i)));
  return readers;
}

Result<std::vector<std::pair<std::string, JsonReader>>> JsonReader::members() const {
  if (!node_->is_object()) return error("expected an object", "{ … }");
  std::vector<std::pair<std::string, JsonReader>> readers;
  for (const auto& [key, value] : node_->items()) {
    asked_->emplace(key);
    readers.emplace_back(key, JsonReader(&value, file_, pointer_ + "/" + pointer_token(key)));
  }
  return readers;
}

Result<std::string> JsonReader::string() const {
  if (!node_->is_string()) return error("expected a string", "for example \"name\"");
  return node_->get<std::string>();
}

Result<bool> JsonReader::boolean() const {
  if (!node_->is_boolean()) return error("expected true or false", "without quotes");
  return node_->get<bool>();
}

Result<double> JsonReader::number() const {
  if (!node_->is_number()) return error("expected a number", "without quotes");
  const double value = node_->get<double>();
  if (!std::isfinite(value)) return error("expected a finite number", "for example 0.5");
  return value;
}

Result<double> JsonReader::number_above(double exclusive_bound) const {
  DYAD_TRY(const double value, number());
  if (!(value > exclusive_bound)) {
    if (exclusive_bound == 0) return error("expected a positive number", "for example 1");
    return error("expected a number above " + Json(exclusive_bound).dump(), "raise it");
  }
  return value;
}

Result<std::int64_t> JsonReader::integer(std::int64_t lowest, std::int64_t highest) const {
  const Error failure =
      error("expected an integer from " + std::to_string(lowest) + " to " + std::to_string(highest), "without quotes or fraction");
  if (!node_->is_number_integer()) return failure;
  if (node_->is_number_unsigned() && node_->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) return failure;
  const auto value = node_->get<std::int64_t>();
  if (value < lowest || value > highest) return failure;
  return value;
}

Result<std::string> JsonReader::string(std::string_view key) const {
  DYAD_TRY(const JsonReader reader, member(key));
  return reader.string();
}

Result<bool> JsonReader::boolean(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  DYAD_TRY(const JsonReader reader, member(key));
  return reader.boolean();
}

Result<double> JsonReader::number(std::string_view key) const {
  DYAD_TRY(const JsonReader reader, member(key));
  return reader.number();
}

Result<double> JsonReader::number_above(std::string_view key, double exclusive_bound) const {
  DYAD_TRY(const JsonReader reader, member(key));
  return reader.number_above(exclusive_bound);
}

Result<std::int64_t> JsonReader::integer(std::string_view key, std::int64_t lowest, std::int64_t highest) const {
  DYAD_TRY(const JsonReader reader, member(key));
  return reader.integer(lowest, highest);
}

Result<double> JsonReader::sourced_number(std::string_view key) const {
  DYAD_TRY(const JsonReader reader, member(key));
  DYAD_TRY(const double value, reader.number("value"));
  DYAD_TRY(const std::string source, reader.string("source"));
  if (source.empty()) return reader.error("'source' is empty", "say where the number comes from");
  DYAD_CHECK(reader.finish());
  return value;
}

Result<int> JsonReader::schema(std::string_view name, int newest_major) const {
  DYAD_TRY(const JsonReader reader, member("schema"));
  DYAD_TRY(const std::string text, reader.string());
  const std::string wanted = std::string(name) + "/" + std::to_string(newest_major);
  const std::string prefix = std::string(name) + "/";
  if (text.rfind(prefix, 0) == 0) {
    for (int major = 1; major <= newest_major; ++major)
      if (text.substr(prefix.size()) == std::to_string(major)) return major;
  }
  return reader.error("expected the schema \"" + wanted + "\", found \"" + text + "\"", "is this the right kind of file?");
}

Result<void> JsonReader::finish() const {
  if (!node_->is_object()) return {};
  for (const auto& [key, value] : node_->items()) {
    if (key.rfind("x-", 0) == 0 || asked_->contains(key)) continue;
    return Error{file_ + ":" + pointer_ + "/" + pointer_token(key), "unknown key '" + key + "'",
                 "correct the spelling, or write it as 'x-" + key + "' to have it ignored"};
  }
  return {};
}

}  // namespace dyad
