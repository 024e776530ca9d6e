#include "dyad/hwsim/dma.hpp"

#include <algorithm>

namespace dyad::hwsim {

DmaReader::DmaReader(Dram& dram, std::function<void(std::int64_t, std::int64_t)> arrived)
    : dram_(dram), port_(dram.add_port(this, false)), arrived_(std::move(arrived)) {}

void DmaReader::read(std::int64_t tile, std::int64_t bits) {
  tiles_.push_back({tile, 0, now() + dram_.timing().latency});
  const std::int64_t largest = dram_.timing().request_bits;
  for (std::int64_t left = bits; left > 0; left -= largest) {
    dram_.request(port_, std::min(left, largest), 0, now());
    ++tiles_.back().requests;
  }
  report();
}

void DmaReader::dram_served(std::int64_t, std::int64_t, std::int64_t done) {
  for (Outstanding& tile : tiles_) {
    if (tile.requests == 0) continue;
    --tile.requests;
    tile.arrival = std::max(tile.arrival, done);
    break;
  }
  report();
}

void DmaReader::report() {
  while (!tiles_.empty() && tiles_.front().requests == 0) {
    last_arrival_ = std::max(last_arrival_, tiles_.front().arrival);
    const std::int64_t tile = tiles_.front().tile;
    tiles_.pop_front();
    arrived_(tile, last_arrival_);
  }
}

DmaWriter::DmaWriter(Dram& dram, Stage* room, std::int64_t capacity_bits)
    : dram_(dram), port_(dram.add_port(this, true)), room_(room), capacity_(capacity_bits) {
  DYAD_EXPECT(capacity_bits >= 2 * dram.timing().request_bits, "a write buffer holds two requests");
}

bool DmaWriter::has_room(std::int64_t bits) {
  for (; !leaving_.empty() && leaving_.front().cycle <= now(); leaving_.pop_front()) buffered_ -= leaving_.front().bits;
  return buffered_ == unrequested_ || buffered_ + bits <= capacity_;
}

void DmaWriter::write(std::int64_t bits, std::int64_t at) {
  DYAD_EXPECT(has_room(bits), "write into a full buffer");
  buffered_ += bits;
  unrequested_ += bits;
  const std::int64_t whole = dram_.timing().request_bits;
  for (; unrequested_ >= whole; unrequested_ -= whole) dram_.request(port_, whole, whole, at);
}

void DmaWriter::flush(std::int64_t at) {
  if (unrequested_ == 0) return;
  dram_.request(port_, dram_.timing().whole_bursts(unrequested_), unrequested_, at);
  unrequested_ = 0;
}

void DmaWriter::dram_served(std::int64_t tag, std::int64_t bus_end, std::int64_t done) {
  last_done_ = std::max(last_done_, done);
  // Room is given back when the data have left on the bus.
  leaving_.push_back({bus_end, tag});
  if (room_) room_->wake_at(std::max(bus_end, now()));
}

}  // namespace dyad::hwsim
