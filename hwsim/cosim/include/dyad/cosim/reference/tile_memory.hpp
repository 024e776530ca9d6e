/// \file Reference model of rtl/tile_memory.sv.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dyad/cosim/packed_bits.hpp"

namespace dyad::cosim::reference {

/// Entries of words. A word that was never written has no bits.
class TileMemory {
 public:
  TileMemory(std::int64_t rows, std::int64_t word_bits, std::int64_t entries)
      : rows_(rows), word_bits_(word_bits), words_(static_cast<std::size_t>(rows * entries)), read_(static_cast<std::size_t>(rows)) {}

  std::int64_t rows() const { return rows_; }
  std::int64_t word_bits() const { return word_bits_; }
  std::int64_t entries() const { return static_cast<std::int64_t>(words_.size()) / rows_; }
  const PackedBits& word(std::int64_t entry, std::int64_t row) const { return words_[static_cast<std::size_t>(entry * rows_ + row)]; }

  /// The words of the entry that was read last.
  const std::vector<PackedBits>& read_data() const { return read_; }
  /// The read of a cycle. A word that is written in the same cycle is read as it was before.
  void read(std::int64_t entry) {
    for (std::int64_t row = 0; row < rows_; ++row) read_[static_cast<std::size_t>(row)] = word(entry, row);
  }
  void write(std::int64_t entry, std::int64_t row, PackedBits word) {
    words_[static_cast<std::size_t>(entry * rows_ + row)] = std::move(word);
  }

 private:
  std::int64_t rows_, word_bits_;
  std::vector<PackedBits> words_, read_;
};

}  // namespace dyad::cosim::reference
