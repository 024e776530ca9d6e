/// \file A word of any number of bits, as wide ports of RTL modules hold it: 32-bit pieces, lowest first, unused bits zero.
#pragma once

#include <cstdint>
#include <vector>

namespace dyad::cosim {

class PackedBits {
 public:
  PackedBits() = default;
  explicit PackedBits(std::int64_t bits) : bits_(bits), words_(static_cast<std::size_t>((bits + 31) / 32)) {}

  std::int64_t bits() const { return bits_; }
  const std::vector<std::uint32_t>& words() const { return words_; }

  /// `count` bits from `offset` on; count in 0..64, the range inside the word.
  std::uint64_t get(std::int64_t offset, int count) const {
    std::uint64_t value = 0;
    for (int done = 0; done < count;) {
      const std::int64_t at = offset + done;
      const int from = static_cast<int>(at % 32), taken = 32 - from < count - done ? 32 - from : count - done;
      value |= (static_cast<std::uint64_t>(words_[static_cast<std::size_t>(at / 32)]) >> from & mask(taken)) << done;
      done += taken;
    }
    return value;
  }
  /// The same bits as a two's complement number.
  std::int64_t get_signed(std::int64_t offset, int count) const {
    const std::uint64_t value = get(offset, count), sign = std::uint64_t{1} << (count - 1);
    return static_cast<std::int64_t>((value ^ sign) - sign);
  }
  /// Writes the low `count` bits of `value`.
  void set(std::int64_t offset, int count, std::uint64_t value) {
    for (int done = 0; done < count;) {
      const std::int64_t at = offset + done;
      const int from = static_cast<int>(at % 32), taken = 32 - from < count - done ? 32 - from : count - done;
      std::uint32_t& word = words_[static_cast<std::size_t>(at / 32)];
      word = static_cast<std::uint32_t>((word & ~(mask(taken) << from)) | (value >> done & mask(taken)) << from);
      done += taken;
    }
  }

 private:
  static std::uint64_t mask(int count) { return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1; }
  std::int64_t bits_ = 0;
  std::vector<std::uint32_t> words_;
};

}  // namespace dyad::cosim
