/// \file Reference model of rtl/tile_fetch.sv.
#pragma once

#include <cstdint>

namespace dyad::cosim::reference {

/// Where each word of a stream of tiles goes, and how many slots are free: counters of words and tokens, addresses by arithmetic.
class TileFetch {
 public:
  struct Layer {
    std::int64_t words = 1, tile_stride = 0, slot_stride = 0;
    std::int64_t slots = 0;  ///< 0: the layer does not use this memory
    std::int64_t slot_tiles = 1, last_slot_tiles = 1, group_slots = 1;
  };
  /// `rows`: words of an entry.
  explicit TileFetch(std::int64_t rows) : rows_(rows) {}

  bool in_ready() const { return open_ > 0; }
  /// Entry of the word that is taken next, before it is cut to the address bits, and its row in the entry.
  std::int64_t entry() const { return slot_ % layer_.slots * layer_.slot_stride + tile_ * layer_.tile_stride + word_ / rows_; }
  std::int64_t row() const { return word_ % rows_; }
  bool tile_done() const { return tile_done_; }
  bool slots_valid() const { return unsaid_ > 0; }
  std::int64_t slots() const { return unsaid_; }
  /// Slots that were filled since the start.
  std::int64_t filled() const { return slot_; }
  /// Slots that are full and were not released.
  std::int64_t full() const { return layer_.slots - open_; }

  void clock(bool in_valid, bool release, bool slots_ready) {
    const bool taken = in_valid && in_ready();
    if (slots_valid() && slots_ready) unsaid_ = 0;
    tile_done_ = taken && word_ == layer_.words - 1;
    if (taken) ++word_;
    if (tile_done_) {
      word_ = 0;
      ++tile_;
      if (tile_ == ((slot_ + 1) % layer_.group_slots == 0 ? layer_.last_slot_tiles : layer_.slot_tiles)) {
        tile_ = 0;
        ++slot_;
        --open_;
      }
    }
    open_ += release;
    unsaid_ += release;
  }
  /// A clock edge with start_i.
  void start(const Layer& layer) {
    layer_ = layer;
    open_ = unsaid_ = layer.slots;
    slot_ = tile_ = word_ = 0;
    tile_done_ = false;
  }
  void reset() {
    layer_ = {};
    open_ = unsaid_ = 0;
    slot_ = 0;
    tile_done_ = false;
  }

 private:
  std::int64_t rows_;
  Layer layer_;
  std::int64_t open_ = 0, unsaid_ = 0;           // slots
  std::int64_t slot_ = 0, tile_ = 0, word_ = 0;  // filled since the start; in the slot; in the tile
  bool tile_done_ = false;
};

}  // namespace dyad::cosim::reference
