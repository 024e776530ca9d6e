/// \file SHA-256 of bytes that arrive in pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace dyad::workflow {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::span<const std::uint8_t> bytes);
  void add(std::string_view text);
  /// The values as int32, little-endian.
  void add_little_endian(std::span<const std::int32_t> values);
  /// 64 lower-case hexadecimal digits; nothing may be added afterwards.
  std::string hex();

 private:
  struct Delete {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Delete> context_;
};

}  // namespace dyad::workflow
