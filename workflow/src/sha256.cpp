#include "sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <bit>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad::workflow {

void Sha256::Delete::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  DYAD_EXPECT(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1, "OpenSSL has no SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::uint8_t> bytes) {
  DYAD_EXPECT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "OpenSSL failed to hash");
}

void Sha256::add(std::string_view text) { add({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }

void Sha256::add_little_endian(std::span<const std::int32_t> values) {
  if constexpr (std::endian::native == std::endian::little) {
    add({reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()});
  } else {
    std::vector<std::uint8_t> bytes;
    for (const std::int32_t value : values)
      for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint32_t>(value) >> shift));
    add(bytes);
  }
}

std::string Sha256::hex() {
  std::array<std::uint8_t, 32> digest{};
  unsigned length = 0;
  DYAD_EXPECT(EVP_DigestFinal_ex(context_.get(), digest.data(), &length) == 1 && length == digest.size(), "OpenSSL failed to hash");
  std::string text;
  for (const std::uint8_t byte : digest)
    for (const int digit : {byte >> 4, byte & 15}) text += "0123456789abcdef"[digit];
  return text;
}

}  // namespace dyad::workflow
