#include "dyad/workflow/compare.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "compare_sides.hpp"
#include "dyad/base/parallel.hpp"

namespace dyad::workflow {
namespace {

constexpr std::int64_t kChunk = 8;         ///< images that pass through both networks together
constexpr std::int64_t kChunksAtOnce = 8;  ///< between two reports of progress

/// One layer of both networks, by their own indices.
struct Pair {
  std::size_t a, b;
};

/// What one chunk says about one layer. Sums by channel for raw accumulators, else one.
struct Sums {
  double max_abs = 0;
  std::int64_t differing = 0;
  std::vector<double> aa, ab, bb;
  void add(const Sums& other) {
    max_abs = std::max(max_abs, other.max_abs);
    differing += other.differing;
    aa.resize(std::max(aa.size(), other.aa.size()));
    ab.resize(aa.size());
    bb.resize(aa.size());
    for (std::size_t i = 0; i < other.aa.size(); ++i) {
      aa[i] += other.aa[i];
      ab[i] += other.ab[i];
      bb[i] += other.bb[i];
    }
  }
};

/// Steps of B's integers that fit A's real values best, one or one a channel.
using Steps = std::vector<double>;

class LayerByLayer {
 public:
  LayerByLayer(const ComparedSide& a, const ComparedSide& b, std::vector<Pair> pairs, Progress& progress)
      : a_(a), b_(b), pairs_(std::move(pairs)), progress_(progress), mixed_(a.is_float() && !b.is_float()) {}

  Result<Comparison> run(std::int64_t images) {
    std::vector<Steps> steps(pairs_.size(), Steps{1.0});
    std::vector<Sums> fitted(pairs_.size());
    if (mixed_) {
      progress_.stage("fit steps");
      std::int64_t unused = 0;
      over_images(
          images, [&](std::size_t pair, const Values& a, const Values& b, Sums& sums) { correlate(pair, a, b, sums); }, fitted, unused);
      for (std::size_t i = 0; i < pairs_.size(); ++i) {
        steps[i].assign(fitted[i].aa.size(), 0);
        for (std::size_t c = 0; c < steps[i].size(); ++c) steps[i][c] = fitted[i].bb[c] > 0 ? fitted[i].ab[c] / fitted[i].bb[c] : 0;
      }
    }
    progress_.stage("compare");
    std::vector<Sums> found(pairs_.size());
    Comparison comparison;
    comparison.images = over_images(
        images, [&](std::size_t pair, const Values& a, const Values& b, Sums& sums) { differ(steps[pair], a, b, sums); }, found,
        comparison.predictions_differing);
    comparison.both_integers = !a_.is_float() && !b_.is_float();
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const ComparedLayer &a = a_.layers()[pairs_[i].a], &b = b_.layers()[pairs_[i].b];
      LayerDifference layer{
          b.name, element_count(b.shape) * comparison.images, found[i].max_abs, found[i].differing, a.format, b.format, {}, {}};
      bool diverges = layer.differing > 0;
      if (mixed_) {
        double signal = 0, explained = 0, mean = 0;
        for (std::size_t c = 0; c < steps[i].size(); ++c) {
          signal += fitted[i].aa[c];
          explained += steps[i][c] * fitted[i].ab[c];
          mean += steps[i][c] / static_cast<double>(steps[i].size());
        }
        const double noise = signal - explained;
        layer.scale = mean;
        // Equal values: the noise is only what summing left over.
        layer.sqnr_db = signal <= 0 ? 0 : 10 * std::log10(signal / std::max(noise, signal * 1e-15));
        diverges = *layer.sqnr_db < kDivergingSqnrDb;
      }
      if (diverges && comparison.first_diverging.empty()) comparison.first_diverging = layer.name;
      comparison.layers.push_back(std::move(layer));
    }
    return comparison;
  }

 private:
  /// Calls `look` for every chunk and layer, chunks in parallel, and adds up in image order. Returns the images seen.
  template <typename Look>
  std::int64_t over_images(std::int64_t images, const Look& look, std::vector<Sums>& totals, std::int64_t& other_predictions) {
    std::int64_t done = 0;
    const std::int64_t classes = element_count(b_.layers().back().shape);
    while (done < images && !progress_.cancelled()) {
      progress_.update(done, images);
      const std::int64_t count = std::min(images - done, kChunk * kChunksAtOnce), chunks = (count + kChunk - 1) / kChunk;
      std::vector<std::vector<Sums>> sums(static_cast<std::size_t>(chunks), std::vector<Sums>(pairs_.size()));
      std::vector<std::int64_t> others(static_cast<std::size_t>(chunks), 0);
      parallel_for(chunks, [&](std::int64_t chunk) {
        const std::int64_t begin = done + chunk * kChunk, size = std::min(kChunk, done + count - begin);
        const std::vector<Values> a = a_.run(begin, size), b = b_.run(begin, size);
        const auto index = static_cast<std::size_t>(chunk);
        for (std::size_t i = 0; i < pairs_.size(); ++i) look(i, a[pairs_[i].a], b[pairs_[i].b], sums[index][i]);
        for (std::int64_t n = 0; n < size; ++n) others[index] += prediction(a.back(), n, classes) != prediction(b.back(), n, classes);
      });
      for (std::size_t chunk = 0; chunk < sums.size(); ++chunk) {
        for (std::size_t i = 0; i < pairs_.size(); ++i) totals[i].add(sums[chunk][i]);
        other_predictions += others[chunk];
      }
      done += count;
    }
    progress_.update(done, done);
    return done;
  }

  static std::int64_t prediction(const Values& logits, std::int64_t image, std::int64_t classes) {
    const auto begin = logits.begin() + image * classes;
    return std::max_element(begin, begin + classes) - begin;
  }

  void correlate(std::size_t pair, const Values& a, const Values& b, Sums& sums) const {
    const ComparedLayer& layer = b_.layers()[pairs_[pair].b];
    const std::size_t channels = layer.is_accumulator ? static_cast<std::size_t>(layer.shape.back()) : 1;
    sums.aa.assign(channels, 0);
    sums.ab.assign(channels, 0);
    sums.bb.assign(channels, 0);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const std::size_t c = i % channels;
      sums.aa[c] += a[i] * a[i];
      sums.ab[c] += a[i] * b[i];
      sums.bb[c] += b[i] * b[i];
    }
  }

  void differ(const Steps& steps, const Values& a, const Values& b, Sums& sums) const {
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double step = steps[i % steps.size()], difference = std::fabs(a[i] - b[i] * step);
      sums.max_abs = std::max(sums.max_abs, difference);
      sums.differing += difference > (mixed_ ? step : 0.0);
    }
  }

  const ComparedSide& a_;
  const ComparedSide& b_;
  std::vector<Pair> pairs_;
  Progress& progress_;
  bool mixed_;
};

Result<Comparison> compare_sides(const ComparedSide& a, const ComparedSide& b, std::int64_t images, Progress& progress) {
  std::map<std::string, std::size_t> named;
  for (std::size_t i = 0; i < a.layers().size(); ++i) named.emplace(a.layers()[i].name, i);
  if (element_count(a.layers().back().shape) != element_count(b.layers().back().shape))
    return Error{"compare",
                 "the networks have " + std::to_string(element_count(a.layers().back().shape)) + " and " +
                     std::to_string(element_count(b.layers().back().shape)) + " classes",
                 "compare networks of one topology"};
  std::vector<Pair> pairs;
  std::vector<std::string> only_in_b;
  std::map<std::string, std::size_t> unmatched = named;
  for (std::size_t i = 0; i < b.layers().size(); ++i) {
    const ComparedLayer& layer = b.layers()[i];
    const auto found = named.find(layer.name);
    if (found == named.end()) {
      only_in_b.push_back(layer.name);
      continue;
    }
    unmatched.erase(layer.name);
    // A float network has an activation as a layer of its own, an integer one computes it with the layer before it.
    const std::size_t source = a.is_float() && layer.has_activation ? a.layers()[found->second].activated : found->second;
    if (a.layers()[source].shape != layer.shape)
      return Error{"layer '" + layer.name + "'",
                   "is " + to_string(a.layers()[source].shape) + " in one network and " + to_string(layer.shape) + " in the other",
                   "compare networks of one topology"};
    pairs.push_back({source, i});
  }
  if (pairs.empty()) return Error{"compare", "the networks have no layer of the same name", "compare networks of one topology"};
  DYAD_TRY(Comparison comparison, LayerByLayer(a, b, std::move(pairs), progress).run(images));
  comparison.only_in_b = std::move(only_in_b);
  for (const auto& [name, index] : unmatched)
    if (!a.layers()[index].is_free) comparison.only_in_a.push_back(name);
  return comparison;
}

}  // namespace

Result<Comparison> compare_integers(const quantizer::IntegerNetwork& a, const IntegerBackend& backend_a, const quantizer::IntegerNetwork& b,
                                    const IntegerBackend& backend_b, const network::Dataset& images, Progress& progress) {
  DYAD_TRY(const auto side_a, integer_side(a, backend_a, images));
  DYAD_TRY(const auto side_b, integer_side(b, backend_b, images));
  return compare_sides(*side_a, *side_b, images.size(), progress);
}

Result<Comparison> compare_float_with_integers(const network::Network& a, const network::Normalization& normalization,
                                               const quantizer::IntegerNetwork& b, const IntegerBackend& backend,
                                               const network::Dataset& images, Progress& progress) {
  DYAD_TRY(const auto side_a, float_side(a, normalization, images));
  DYAD_TRY(const auto side_b, integer_side(b, backend, images));
  return compare_sides(*side_a, *side_b, images.size(), progress);
}

Result<Comparison> compare_floats(const network::Network& a, const network::Network& b, const network::Normalization& normalization_a,
                                  const network::Normalization& normalization_b, const network::Dataset& images, Progress& progress) {
  DYAD_TRY(const auto side_a, float_side(a, normalization_a, images));
  DYAD_TRY(const auto side_b, float_side(b, normalization_b, images));
  return compare_sides(*side_a, *side_b, images.size(), progress);
}

Result<quantizer::IntegerNetwork> with_rounding(quantizer::IntegerNetwork network, Rounding rounding) {
  bool any = false;
  for (IntegerLayer& layer : network.layers)
    for (Requantization& r : layer.requantizations) {
      if (r.rounding == Rounding::kFloat32Scale) continue;
      r.rounding = rounding;
      any = true;
    }
  if (!any) return Error{network.name, "has no dyadic requantization to round in another way", "leave the rounding out"};
  return network;
}

}  // namespace dyad::workflow
