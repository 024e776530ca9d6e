/// \file Movers between external memory and stages: a reader of whole tiles and a write-combining writer.
#pragma once

#include <deque>
#include <functional>

#include "dyad/hwsim/dram.hpp"

namespace dyad::hwsim {

/// Reads tiles in order: each is split into requests of at most request_bits.
class DmaReader : public DramClient {
 public:
  /// `arrived(tile, cycle)` is called once a tile, in order, when the arrival of its last bit is known; the cycle may lie in the future.
  DmaReader(Dram& dram, std::function<void(std::int64_t, std::int64_t)> arrived);
  /// Requests tile number `tile` now. bits >= 0; nothing to read arrives after the memory's latency.
  void read(std::int64_t tile, std::int64_t bits);

 private:
  struct Outstanding {
    std::int64_t tile, requests, arrival;
  };
  void dram_served(std::int64_t tag, std::int64_t bus_end, std::int64_t done) override;
  void report();

  Dram& dram_;
  int port_;
  std::function<void(std::int64_t, std::int64_t)> arrived_;
  std::deque<Outstanding> tiles_;
  std::int64_t last_arrival_ = 0;
};

/// Collects results and writes them in whole requests. A piece for which its buffer has no room waits, unless nothing is on its way out.
class DmaWriter : public DramClient {
 public:
  /// `room` is woken when the buffer has drained.
  /// capacity_bits >= 2 requests.
  DmaWriter(Dram& dram, Stage* room, std::int64_t capacity_bits);
  bool has_room(std::int64_t bits);
  /// Takes the piece; it reaches the buffer in cycle `at` >= now.
  void write(std::int64_t bits, std::int64_t at);
  /// Sends what is left, rounded up to whole bursts; the data are in the buffer in cycle `at`.
  void flush(std::int64_t at);
  /// Cycle of the last acknowledgement known so far.
  std::int64_t last_done() const { return last_done_; }

 private:
  void dram_served(std::int64_t tag, std::int64_t bus_end, std::int64_t done) override;

  Dram& dram_;
  int port_;
  Stage* room_;
  std::int64_t capacity_;
  struct Leaving {
    std::int64_t cycle, bits;
  };
  std::deque<Leaving> leaving_;   // pieces accepted by the bus, with the cycle in which the last bit has gone
  std::int64_t buffered_ = 0;     // bits taken that have not gone
  std::int64_t unrequested_ = 0;  // part of them for which no request was made
  std::int64_t last_done_ = 0;
};

}  // namespace dyad::hwsim
