/// \file Errors of user input as values (Result), and our own bugs as exceptions (DYAD_EXPECT).
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace dyad {

/// A fault in what the user gave us. `place` is `file:/json/pointer`, `file`, or the flag's name.
struct Error {
  std::string place;
  std::string message;
  std::string hint;
};

/// A broken precondition of ours: the program exits with status 3.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// A value or an Error; the member names are those of std::expected (C++23).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  T& value() & { return std::get<0>(require()); }
  const T& value() const& { return std::get<0>(require()); }
  T&& value() && { return std::get<0>(std::move(require())); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  using State = std::variant<T, Error>;
  State& require() {
    if (!has_value()) throw InternalError("Result without a value: " + error().message);
    return state_;
  }
  const State& require() const {
    if (!has_value()) throw InternalError("Result without a value: " + error().message);
    return state_;
  }
  State state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  const Error& error() const { return error_.value(); }

 private:
  std::optional<Error> error_;
};

namespace detail {
[[noreturn]] void expect_failed(const char* condition, const char* file, int line, const std::string& message);
}

}  // namespace dyad

/// Throws InternalError when our own assumption does not hold.
#define DYAD_EXPECT(condition, message)                                                         \
  do {                                                                                          \
    if (!(condition)) ::dyad::detail::expect_failed(#condition, __FILE__, __LINE__, (message)); \
  } while (false)

#define DYAD_CONCAT_INNER(a, b) a##b
#define DYAD_CONCAT(a, b) DYAD_CONCAT_INNER(a, b)
/// `DYAD_TRY(auto x, f());` declares x from f()'s value, or returns f()'s Error from this function.
#define DYAD_TRY(declaration, expression) DYAD_TRY_IMPL(DYAD_CONCAT(dyad_result_, __LINE__), declaration, expression)
#define DYAD_TRY_IMPL(result, declaration, expression) \
  auto result = (expression);                          \
  if (!result) return result.error();                  \
  declaration = *std::move(result)
/// Returns the Error of a Result<void> from this function, or goes on.
#define DYAD_CHECK(expression)                                                        \
  do {                                                                                \
    if (auto dyad_checked = (expression); !dyad_checked) return dyad_checked.error(); \
  } while (false)
