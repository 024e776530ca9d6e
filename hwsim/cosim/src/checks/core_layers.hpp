/// \file Random layers for the ports of a core, and what must come out: what the checks of all cores drive them with.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "checks/result_parameters.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/reference/tile_core.hpp"

namespace dyad::cosim {

/// Vectors of integers: the rows of an activation matrix, or the columns of a weight matrix.
using IntegerVectors = std::vector<std::vector<std::int32_t>>;

/// What a family adds to the check: formats of its operands, and how a tile is laid out in words.
class CoreFamily {
 public:
  virtual ~CoreFamily() = default;
  /// Chooses bits and signs for the next layer.
  virtual void choose(Random& random) = 0;
  /// Words of K of a tile, where there is room for `most`.
  virtual std::int64_t random_words(Random& random, std::int64_t most) const {
    std::int64_t words = 1;
    while (words < std::min<std::int64_t>(most, 3) && random.coin()) ++words;
    return words;
  }
  /// Bits by which the sums of a layer are wider than those of 8-bit operands: results are shifted by up to so many more, so that not all
  /// of them saturate.
  virtual std::int64_t extra_shift() const { return 0; }
  virtual std::int64_t random_activation(Random& random) const = 0;
  virtual std::int64_t random_weight(Random& random) const = 0;
  /// Products of a row and a column that a tile of `words` words of K holds; entries that it takes in either memory.
  virtual std::int64_t depth(std::int64_t words) const = 0;
  virtual std::int64_t activation_entries(std::int64_t words) const = 0;
  virtual std::int64_t weight_entries(std::int64_t words) const = 0;
  /// Register `index` of the family (8 and 9) and its bits of register 1, for tiles of `words` words.
  virtual std::uint32_t register_8(std::int64_t words) const = 0;
  virtual std::uint32_t register_9() const = 0;
  virtual std::uint32_t flags() const = 0;
  /// The words of a tile, in the order of the stream; vectors are padded with zeros to depth(words).
  virtual std::vector<PackedBits> activation_tile(const IntegerVectors& rows, std::int64_t words) const = 0;
  virtual std::vector<PackedBits> weight_tile(const IntegerVectors& columns, std::int64_t words) const = 0;
};

/// A layer for the ports of a core, and what must come out.
struct PortLayer {
  std::vector<std::pair<int, std::uint32_t>> registers;
  struct Feed {
    std::int64_t tiles = 0, slot_tiles = 1, group_slots = 1, last_slot_tiles = 1;
    std::function<std::vector<PackedBits>(std::int64_t tile)> words;
  };
  Feed activations, weights;
  bool residual = false;
  std::vector<std::vector<reference::ResultStage::Column>> parameters;  ///< of each result
  std::vector<std::vector<std::int32_t>> residuals;                     ///< rows x columns operands of each result
  std::vector<std::vector<std::int32_t>> results;                       ///< rows x columns, or the elements that an elementwise tile has
};

/// Makes layers. Tiles are those of matrix products M x K times K x N, tails padded with zeros, in the three orders of the bit-serial
/// schedule: activations stay, weights stay, or both stream by in chunks of K; or elementwise layers.
class LayerMaker {
 public:
  LayerMaker(const reference::TileCoreShape& shape, CoreFamily& family, std::uint64_t seed)
      : shape_(shape), family_(family), random_(seed) {}

  PortLayer next() {
    layer_ = {};
    random_result_layer(result_, random_);
    result_.rounding = shape_.rounding;
    result_.average_rounding = shape_.average_rounding;
    result_.other_is_here = random_.below(5) == 0;
    if (result_.other_is_here)
      elementwise();
    else
      weighted();
    set(17, result_.zero_point);
    set(18, result_.lowest);
    set(19, result_.highest);
    const AverageReciprocal reciprocal = average_reciprocal(result_.count, result_.average_rounding).value();
    set(20, reciprocal.multiplier);
    set(21, reciprocal.shift);
    set(22, reciprocal.offset | reciprocal.negative_offset << 16);
    set(24, result_.count);
    set(27, result_.average_multiplier);
    set(28, result_.average_shift);
    const std::int64_t least = shape_.beats() * (layer_.residual ? 2 : 1);
    set(10, random_.coin() ? least : random_.between(least, least + 24));
    // The order of the registers does not matter.
    for (std::size_t i = layer_.registers.size(); i > 1; --i) std::swap(layer_.registers[i - 1], layer_.registers[random_.below(i)]);
    return std::move(layer_);
  }

 private:
  using Operation = reference::ResultStage::Operation;

  void set(int index, std::int64_t value) { layer_.registers.emplace_back(index, static_cast<std::uint32_t>(value)); }
  std::int64_t count(std::int64_t most) { return random_.between(1, std::max<std::int64_t>(1, most)); }
  static std::size_t at(std::int64_t value) { return static_cast<std::size_t>(value); }
  std::uint32_t flags() const {
    return static_cast<std::uint32_t>(result_.operation) << 6 | static_cast<std::uint32_t>(result_.requantize_average) << 5;
  }

  void weighted() {
    // A format whose tile of one word fits.
    do family_.choose(random_);
    while (family_.activation_entries(1) > shape_.activation_entries || family_.weight_entries(1) > shape_.weight_entries);
    const bool weights_stay = random_.coin();
    const auto resident_entries = [&](std::int64_t words) {
      return weights_stay ? family_.weight_entries(words) : family_.activation_entries(words);
    };
    const auto stream_entries = [&](std::int64_t words) {
      return weights_stay ? family_.activation_entries(words) : family_.weight_entries(words);
    };
    const std::int64_t resident_room = weights_stay ? shape_.weight_entries : shape_.activation_entries;
    const std::int64_t stream_room = weights_stay ? shape_.activation_entries : shape_.weight_entries;
    const std::int64_t words =
        family_.random_words(random_, std::min(resident_room / resident_entries(1), stream_room / stream_entries(1)));

    const bool chunked = random_.below(4) == 0;
    const std::int64_t m = count(3 * shape_.rows), n = count(3 * shape_.columns), chunks = chunked ? count(4) : 1;
    const std::int64_t m_tiles = (m + shape_.rows - 1) / shape_.rows, n_tiles = (n + shape_.columns - 1) / shape_.columns;
    const std::int64_t depth = family_.depth(words);
    const std::int64_t k = random_.coin() ? chunks * depth : random_.between((chunks - 1) * depth + 1, chunks * depth);
    const std::int64_t groups = random_.below(4) == 0 ? 2 : 1;

    // Streams of tiles in the order of the jobs: numbers of resident and streaming tiles (group, tile of M or N, chunk).
    const std::int64_t resident_slots = resident_room / resident_entries(words), stream_slots_most = stream_room / stream_entries(words);
    const std::int64_t resident_tiles = weights_stay ? n_tiles : m_tiles, stream_tiles = weights_stay ? m_tiles : n_tiles;
    const std::int64_t regions = count(std::min<std::int64_t>(2, resident_slots)),
                       stream_slots = count(std::min<std::int64_t>(4, stream_slots_most));
    std::int64_t block_tiles = 1, blocks = 1, last_block_tiles = 1, rows = 1;
    std::vector<Place> residents, streams;
    std::vector<std::pair<Place, Place>> jobs;
    if (chunked) {
      blocks = resident_tiles * stream_tiles * chunks;
      for (std::int64_t g = 0; g < groups; ++g)
        for (std::int64_t r = 0; r < resident_tiles; ++r)
          for (std::int64_t s = 0; s < stream_tiles; ++s)
            for (std::int64_t c = 0; c < chunks; ++c) {
              residents.push_back({g, r, c});
              streams.push_back({g, s, c});
              jobs.emplace_back(residents.back(), streams.back());
            }
    } else {
      block_tiles = count(std::min(resident_tiles, resident_slots / regions));
      blocks = (resident_tiles + block_tiles - 1) / block_tiles;
      last_block_tiles = resident_tiles - (blocks - 1) * block_tiles;
      rows = stream_tiles;
      for (std::int64_t g = 0; g < groups; ++g)
        for (std::int64_t b = 0; b < blocks; ++b) {
          const std::int64_t tiles = b == blocks - 1 ? last_block_tiles : block_tiles;
          for (std::int64_t t = 0; t < tiles; ++t) residents.push_back({g, b * block_tiles + t, 0});
          for (std::int64_t s = 0; s < rows; ++s) {
            streams.push_back({g, s, 0});
            for (std::int64_t t = 0; t < tiles; ++t) jobs.emplace_back(Place{g, b * block_tiles + t, 0}, streams.back());
          }
        }
    }

    // The matrices, cut into tiles of vectors.
    const auto matrices = std::make_shared<Matrices>();
    for (std::int64_t g = 0; g < groups; ++g) {
      matrices->activations.push_back(vectors(m, k, [&] { return family_.random_activation(random_); }));
      matrices->weights.push_back(vectors(n, k, [&] { return family_.random_weight(random_); }));
    }
    const auto tile_of = [this, matrices, depth](bool weights, const Place& place) {
      const IntegerVectors& all = (weights ? matrices->weights : matrices->activations)[at(place.group)];
      const std::int64_t size = weights ? shape_.columns : shape_.rows;
      IntegerVectors tile(at(size), std::vector<std::int32_t>(at(depth), 0));
      for (std::int64_t i = 0; i < size && place.tile * size + i < static_cast<std::int64_t>(all.size()); ++i) {
        const auto& from = all[at(place.tile * size + i)];
        for (std::int64_t e = 0; e < depth && place.chunk * depth + e < static_cast<std::int64_t>(from.size()); ++e)
          tile[at(i)][at(e)] = from[at(place.chunk * depth + e)];
      }
      return tile;
    };
    PortLayer::Feed resident, stream;
    resident.tiles = static_cast<std::int64_t>(residents.size());
    resident.slot_tiles = block_tiles;
    resident.group_slots = blocks;
    resident.last_slot_tiles = last_block_tiles;
    stream.tiles = static_cast<std::int64_t>(streams.size());
    const auto words_of = [this, tile_of, words](bool weights, const Place& place) {
      const IntegerVectors tile = tile_of(weights, place);
      return weights ? family_.weight_tile(tile, words) : family_.activation_tile(tile, words);
    };
    resident.words = [residents, weights_stay, words_of](std::int64_t tile) { return words_of(weights_stay, residents[at(tile)]); };
    stream.words = [streams, weights_stay, words_of](std::int64_t tile) { return words_of(!weights_stay, streams[at(tile)]); };
    (weights_stay ? layer_.weights : layer_.activations) = resident;
    (weights_stay ? layer_.activations : layer_.weights) = stream;

    layer_.residual = result_.operation == Operation::kAdd;
    result_.half_rate = layer_.residual;
    set(1, static_cast<std::int64_t>(flags() | family_.flags() | static_cast<std::uint32_t>(weights_stay) | 2u |
                                     static_cast<std::uint32_t>(layer_.residual) << 4));
    set(2, groups * blocks);
    set(3, blocks);
    set(4, block_tiles);
    set(5, last_block_tiles);
    set(6, rows);
    set(7, chunks);
    set(8, family_.register_8(words));
    set(9, family_.register_9());
    const auto tile_words = [&](bool weights) {
      const Place first{0, 0, 0};
      return static_cast<std::int64_t>(words_of(weights, first).size());
    };
    set(11, tile_words(weights_stay));
    set(12, tile_words(!weights_stay));
    set(13, stream_slots | regions << 16);
    set(14, resident_entries(words));
    set(15, stream_entries(words));
    set(16, block_tiles * resident_entries(words));

    // Results by plain arithmetic on the tiles' numbers.
    for (std::size_t first = 0; first < jobs.size(); first += at(chunks)) {
      std::vector<std::uint32_t> acc(at(shape_.rows * shape_.columns), 0), sum(at(shape_.rows), 0);
      for (std::size_t j = first; j < first + at(chunks); ++j) {
        const Place& resident_place = jobs[j].first;
        const Place& stream_place = jobs[j].second;
        const IntegerVectors a = tile_of(false, weights_stay ? stream_place : resident_place);
        const IntegerVectors w = tile_of(true, weights_stay ? resident_place : stream_place);
        for (std::size_t r = 0; r < a.size(); ++r) {
          for (std::size_t c = 0; c < w.size(); ++c)
            acc[r * w.size() + c] +=
                static_cast<std::uint32_t>(std::inner_product(a[r].begin(), a[r].end(), w[c].begin(), std::int64_t{0}));
          sum[r] += static_cast<std::uint32_t>(std::accumulate(a[r].begin(), a[r].end(), std::int64_t{0}));
        }
      }
      const auto columns = add_parameters(family_.extra_shift());
      std::vector<std::int32_t> others;
      for (std::size_t i = 0; i < acc.size(); ++i) others.push_back(static_cast<std::int32_t>(random_.between(-300, 300)));
      std::vector<std::int32_t> results;
      for (std::size_t i = 0; i < acc.size(); ++i) {
        const auto& column = columns[i % at(shape_.columns)];
        const std::uint32_t correction = static_cast<std::uint32_t>(column.weight_zero_point) * sum[i / at(shape_.columns)];
        results.push_back(reference::ResultStage::finish(
            result_, column, static_cast<std::int32_t>(acc[i] + static_cast<std::uint32_t>(column.bias) - correction), others[i]));
      }
      if (layer_.residual) layer_.residuals.push_back(std::move(others));
      layer_.results.push_back(std::move(results));
    }
  }

  void elementwise() {
    const int bits = 8 << random_.below(3);
    const bool first_signed = random_.coin(), other_signed = random_.coin();
    const std::uint32_t element_operation = result_.operation == Operation::kAdd       ? 2
                                            : result_.operation == Operation::kAverage ? 0
                                                                                       : static_cast<std::uint32_t>(random_.below(2));
    const std::int64_t steps = element_operation == 2 ? 2 : count(6), groups = count(shape_.beats()), lanes = shape_.lanes;
    const std::int64_t entry_slices = shape_.entry_bits() / (lanes * bits), slices = groups * steps;
    const std::int64_t entries = (slices + entry_slices - 1) / entry_slices;
    if (entries > shape_.activation_entries) {
      elementwise();
      return;
    }
    const std::int64_t slots = count(std::min<std::int64_t>(4, shape_.activation_entries / entries)), tiles = count(4);
    // Words that hold the slices; the last entry may end early.
    const std::int64_t words = (slices * lanes * bits + shape_.activation_word_bits - 1) / shape_.activation_word_bits;
    result_.half_rate = false;
    result_.count = steps;

    const auto values = std::make_shared<std::vector<std::vector<std::int32_t>>>();  // of each tile: slice by slice
    for (std::int64_t t = 0; t < tiles; ++t) {
      std::vector<std::int32_t> tile;
      for (std::int64_t i = 0; i < slices * lanes; ++i) {
        std::int64_t value = static_cast<std::int64_t>(random_.next() >> (64 - bits));
        const bool is_signed = i / lanes % steps == 0 ? first_signed : other_signed;
        if (is_signed || bits == 32) value = value << (64 - bits) >> (64 - bits);
        tile.push_back(static_cast<std::int32_t>(value));
      }
      values->push_back(std::move(tile));
    }
    layer_.activations.tiles = tiles;
    layer_.activations.words = [this, values, words, bits](std::int64_t tile) {
      std::vector<PackedBits> out(at(words), PackedBits(shape_.activation_word_bits));
      std::int64_t position = 0;
      for (const std::int32_t value : (*values)[at(tile)]) {
        // A word may hold a part of an element only if it is narrower than an element.
        for (int done = 0; done < bits;) {
          const std::int64_t within = position % shape_.activation_word_bits;
          const int part = static_cast<int>(std::min<std::int64_t>(bits - done, shape_.activation_word_bits - within));
          out[at(position / shape_.activation_word_bits)].set(within, part,
                                                              static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) >> done);
          position += part;
          done += part;
        }
      }
      return out;
    };
    const std::uint32_t width = bits == 8 ? 0 : bits == 16 ? 1 : 2;
    set(1, static_cast<std::int64_t>(flags() | element_operation << 8 | width << 10 | static_cast<std::uint32_t>(first_signed) << 12 |
                                     static_cast<std::uint32_t>(other_signed) << 13));
    set(2, 1);
    set(3, 1);
    set(4, 1);
    set(5, 1);
    set(6, tiles);
    set(7, 1);
    set(12, words);
    set(13, slots | 1 << 16);
    set(14, 0);
    set(15, entries);
    set(16, 0);
    set(24, steps);
    set(25, entry_slices);
    set(26, groups);
    for (const auto& tile : *values) {
      const auto columns = add_parameters(0);
      std::vector<std::int32_t> results;
      for (std::int64_t i = 0; i < groups * lanes; ++i) {
        const auto element = [&](std::int64_t step) { return tile[at(((i / lanes) * steps + step) * lanes + i % lanes)]; };
        std::uint32_t acc = static_cast<std::uint32_t>(element(0));
        for (std::int64_t step = 1; step < steps && element_operation != 2; ++step)
          acc = element_operation == 0 ? acc + static_cast<std::uint32_t>(element(step))
                                       : static_cast<std::uint32_t>(std::max(static_cast<std::int32_t>(acc), element(step)));
        const auto& column = columns[at(i % shape_.columns)];
        results.push_back(reference::ResultStage::finish(result_, column,
                                                         static_cast<std::int32_t>(acc + static_cast<std::uint32_t>(column.bias)),
                                                         element_operation == 2 ? element(1) : 0));
      }
      layer_.results.push_back(std::move(results));
    }
  }

  const std::vector<reference::ResultStage::Column>& add_parameters(std::int64_t extra_shift) {
    std::vector<reference::ResultStage::Column> columns;
    for (std::int64_t c = 0; c < shape_.columns; ++c) {
      columns.push_back(random_column(random_));
      if (extra_shift > 0)
        columns.back().shift = static_cast<int>(std::min<std::int64_t>(62, columns.back().shift + random_.between(0, extra_shift)));
    }
    layer_.parameters.push_back(std::move(columns));
    return layer_.parameters.back();
  }

  struct Place {
    std::int64_t group, tile, chunk;
  };
  struct Matrices {
    std::vector<IntegerVectors> activations, weights;  // of each group
  };
  template <class Next>
  static IntegerVectors vectors(std::int64_t count, std::int64_t size, Next&& next) {
    IntegerVectors all;
    for (std::int64_t i = 0; i < count; ++i) {
      std::vector<std::int32_t> one;
      for (std::int64_t e = 0; e < size; ++e) one.push_back(static_cast<std::int32_t>(next()));
      all.push_back(std::move(one));
    }
    return all;
  }

  reference::TileCoreShape shape_;
  CoreFamily& family_;
  Random random_;
  PortLayer layer_;
  reference::ResultStage::Layer result_;
};

}  // namespace dyad::cosim
