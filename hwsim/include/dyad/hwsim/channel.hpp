/// \file A bounded channel with registered valid and ready: the FIFO or token queue between two stages.
#pragma once

#include <cstdint>
#include <deque>

#include "dyad/hwsim/clock.hpp"

namespace dyad::hwsim {

/// A FIFO of `depth` entries with registers at both ends: what is pushed in cycle t can be popped from t + 1 on, and the place
/// that a pop in cycle t frees can be filled from t + 1 on. Token queues are channels of an empty type.
template <typename Item>
class Channel {
 public:
  /// depth >= 1. `reader` is woken when an item becomes visible, `writer` when a place becomes
  /// free. Without a writer nobody waits for places (tokens bound elsewhere), and a pop frees at once.
  explicit Channel(std::int64_t depth, Stage* reader = nullptr, Stage* writer = nullptr) : free_(depth), reader_(reader), writer_(writer) {
    DYAD_EXPECT(depth >= 1, "a channel needs a place");
  }
  void set_reader(Stage* reader) { reader_ = reader; }
  void set_writer(Stage* writer) { writer_ = writer; }

  /// True when push() is legal in this cycle (ready).
  bool can_push() const { return free_ > 0 || (!returning_.empty() && returning_.front() <= now()); }
  /// Makes the item visible in cycle `visible_at` (default: the next one). Items become visible in the order of their pushes.
  void push(Item item, std::int64_t visible_at = -1) {
    DYAD_EXPECT(can_push(), "push into a full channel");
    while (!returning_.empty() && returning_.front() <= now()) {
      returning_.pop_front();
      ++free_;
    }
    --free_;
    if (visible_at < 0) visible_at = now() + 1;
    DYAD_EXPECT(visible_at > now() && (items_.empty() || items_.back().visible_at <= visible_at), "items must keep their order");
    items_.push_back({std::move(item), visible_at});
    if (reader_ && items_.size() == 1) reader_->wake_at(visible_at);
  }

  /// Puts an item in before the simulation starts; visible in cycle 0.
  void preload(Item item) {
    DYAD_EXPECT(free_ > 0, "preload into a full channel");
    --free_;
    items_.push_back({std::move(item), 0});
  }

  /// True when pop() is legal in this cycle (valid). When an item is on its way, the reader will be woken for it.
  bool can_pop() {
    if (items_.empty()) return false;
    if (items_.front().visible_at <= now()) return true;
    if (reader_) reader_->wake_at(items_.front().visible_at);
    return false;
  }
  Item pop() {
    DYAD_EXPECT(can_pop(), "pop from an empty channel");
    Item item = std::move(items_.front().item);
    items_.pop_front();
    if (writer_) {
      returning_.push_back(now() + 1);
      writer_->wake_at(now() + 1);
    } else {
      ++free_;
    }
    return item;
  }
  std::size_t size() const { return items_.size(); }

 private:
  struct Entry {
    Item item;
    std::int64_t visible_at;
  };
  std::deque<Entry> items_;
  std::deque<std::int64_t> returning_;  // cycles in which places freed by pops can be used again
  std::int64_t free_;
  Stage* reader_;
  Stage* writer_;
};

}  // namespace dyad::hwsim
