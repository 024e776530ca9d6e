#include "dyad/workflow/evaluate.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <functional>
#include <numeric>

#include "dyad/base/random.hpp"
#include "dyad/kernels/executor.hpp"
#include "dyad/network/float_executor.hpp"
#include "evaluation_parts.hpp"
#include "sha256.hpp"

namespace dyad::workflow {
namespace {

constexpr std::int64_t kChunk = 1024;  ///< images between two reports of progress

/// Runs `step(begin, count)` chunk by chunk; stops when cancelled.
Result<void> in_chunks(std::int64_t total, Progress& progress, const std::function<Result<void>(std::int64_t, std::int64_t)>& step) {
  for (std::int64_t begin = 0; begin < total && !progress.cancelled(); begin += kChunk) {
    progress.update(begin, total);
    DYAD_CHECK(step(begin, std::min(kChunk, total - begin)));
  }
  progress.update(total, total);
  return {};
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Tensor<std::uint8_t> images_of(const network::Dataset& data, std::int64_t begin, std::int64_t count) {
  Shape shape = data.images.shape();
  const std::int64_t each = data.images.size() / shape[0];
  shape[0] = count;
  const auto values = data.images.values().subspan(static_cast<std::size_t>(begin * each), static_cast<std::size_t>(count * each));
  return Tensor<std::uint8_t>(std::move(shape), std::vector<std::uint8_t>(values.begin(), values.end()));
}

}  // namespace

Result<void> check_labels(const network::Dataset& data, std::int64_t classes) {
  for (std::size_t i = 0; i < data.labels.size(); ++i)
    if (data.labels[i] < 0 || data.labels[i] >= classes)
      return Error{data.name,
                   "image " + std::to_string(i) + " has label " + std::to_string(data.labels[i]) + ", but the network has " +
                       std::to_string(classes) + " classes",
                   "do the network and the data belong together?"};
  return {};
}

Result<void> check_image_shape(const network::Dataset& data, std::int64_t height, std::int64_t width, std::int64_t channels) {
  if (data.size() == 0) return Error{data.name, "there are no images", "give at least one"};
  const Shape& shape = data.images.shape();
  if (shape[1] == height && shape[2] == width && shape[3] == channels) return {};
  return Error{data.name,
               "images are " + to_string(Shape{shape[1], shape[2], shape[3]}) + ", but the network reads " +
                   to_string(Shape{height, width, channels}),
               "do the network and the data belong together?"};
}

Result<Evaluation> evaluate_float(const network::Network& network, const network::Dataset& data,
                                  const network::Normalization& normalization, std::int64_t limit, Progress& progress) {
  const Shape& in = network.node(network.input()).output_shape;
  DYAD_CHECK(check_image_shape(data, in.at(0), in.at(1), in.at(2)));
  const std::int64_t classes = element_count(network.node(network.output()).output_shape);
  DYAD_CHECK(check_labels(data, classes));
  const std::int64_t total = limit > 0 ? std::min(limit, data.size()) : data.size();
  Scorer scorer(data.labels);
  const auto started = std::chrono::steady_clock::now();
  DYAD_CHECK(in_chunks(total, progress, [&](std::int64_t begin, std::int64_t count) -> Result<void> {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
    std::iota(indices.begin(), indices.end(), begin);
    DYAD_TRY(const Tensor<float> logits, network::evaluate_dataset(network, data.subset(indices), normalization));
    scorer.add(logits, begin);
    return {};
  }));
  return std::move(scorer).finish(seconds_since(started));
}

Result<Evaluation> evaluate_integer(const quantizer::IntegerNetwork& network, const IntegerBackend& backend, const network::Dataset& data,
                                    std::int64_t limit, Progress& progress) {
  DYAD_CHECK(check_image_shape(data, network.input.height, network.input.width, network.input.channels));
  DYAD_CHECK(check_labels(data, network.classes()));
  DYAD_TRY(const kernels::Executor executor, kernels::Executor::create(network, backend));
  const std::int64_t total = limit > 0 ? std::min(limit, data.size()) : data.size();
  Scorer scorer(data.labels);
  Sha256 digest;
  const auto started = std::chrono::steady_clock::now();
  DYAD_CHECK(in_chunks(total, progress, [&](std::int64_t begin, std::int64_t count) -> Result<void> {
    Tensor<std::int32_t> logits = executor.run(images_of(data, begin, count));
    digest.add_little_endian(logits.values());
    scorer.add(logits, begin);
    return {};
  }));
  Evaluation evaluation = std::move(scorer).finish(seconds_since(started));
  evaluation.digest = digest.hex();
  return evaluation;
}

Result<Tensor<float>> integer_logits(const quantizer::IntegerNetwork& network, const IntegerBackend& backend,
                                     const Tensor<std::uint8_t>& images) {
  DYAD_TRY(const kernels::Executor executor, kernels::Executor::create(network, backend));
  const Tensor<std::int32_t> integers = executor.run(images);
  const std::int64_t classes = integers.extent(1);
  Tensor<float> logits(integers.shape());
  for (std::int64_t i = 0; i < logits.size(); ++i) {
    const std::size_t c = network.output_scales.size() == 1 ? 0 : static_cast<std::size_t>(i % classes);
    logits[i] = static_cast<float>(integers[i] * network.output_scales[c]);
  }
  return logits;
}

network::Dataset first_images(const network::Dataset& data, std::int64_t count) {
  if (count >= data.size()) return data;
  std::vector<std::int64_t> first(static_cast<std::size_t>(count));
  std::iota(first.begin(), first.end(), 0);
  return data.subset(first);
}

network::Dataset sample_images(const network::Dataset& data, std::int64_t count, std::uint64_t seed) {
  Random random(seed, 0x53414d50);  // a stream of its own
  std::vector<std::int64_t> indices = random_permutation(data.size(), random);
  if (count > 0 && count < data.size()) indices.resize(static_cast<std::size_t>(count));
  return data.subset(indices);
}

}  // namespace dyad::workflow
