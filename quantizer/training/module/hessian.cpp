#include "hessian.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "batches.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/base/random.hpp"
#include "torch_network.hpp"

namespace dyad::training {
namespace {

/// One thread for each LibTorch operation on the calling thread, as long as it lives: groups run in parallel instead, each
/// in a fixed order of additions, so the result does not depend on the number of threads.
class SerialOperations {
 public:
  SerialOperations() : before_(at::get_num_threads()) {
    if (before_ != 1) at::set_num_threads(1);
  }
  ~SerialOperations() {
    if (before_ != 1) at::set_num_threads(before_);
  }
  SerialOperations(const SerialOperations&) = delete;
  SerialOperations& operator=(const SerialOperations&) = delete;

 private:
  int before_;
};

/// -1 or 1 for each element, drawn from (seed, stream).
at::Tensor random_signs(at::IntArrayRef shape, std::uint64_t seed, std::uint64_t stream) {
  at::Tensor signs = at::empty(shape, at::kFloat);
  Random random(seed, stream);
  float* const values = signs.data_ptr<float>();
  std::uint64_t bits = 0;
  for (std::int64_t i = 0; i < signs.numel(); ++i) {
    if (i % 64 == 0) bits = random.next();
    values[i] = (bits & 1) ? 1.0f : -1.0f;
    bits >>= 1;
  }
  return signs;
}

double squared_norm(const at::Tensor& tensor) { return at::sum(tensor * tensor, at::kDouble).item<double>(); }

/// Images that are differentiated together, and what they add to each layer's trace.
struct Group {
  std::int64_t first = 0, count = 0;  ///< positions in the order of images
  std::vector<double> sums;           ///< by layer: estimate of the sum of the images' traces, mean over draws
};

class Estimator {
 public:
  Estimator(const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
            const HessianOptions& options)
      : network_(folded), images_(images), batches_(images, normalization), options_(options) {
    Random random(options.seed, kImageOrderStream);
    order_ = random_permutation(images.size(), random);
  }

  const TorchNetwork& network() const { return network_; }

  void run(Group& group) const {
    const SerialOperations serial;
    std::vector<float> values;
    batches_.fill(order_.data() + group.first, group.count, values);
    const at::Tensor batch = as_images(values.data(), batches_.batch_shape(group.count));
    group.sums.assign(network_.layer_weights().size(), 0.0);
    if (options_.method == HessianMethod::kGaussNewton)
      gauss_newton(batch, group);
    else
      hutchinson(batch, group);
    for (double& sum : group.sums) sum /= options_.draws;
  }

 private:
  static constexpr std::uint64_t kImageOrderStream = ~std::uint64_t{0};

  std::uint64_t stream(const Group& group, int draw, std::size_t layer) const {
    // 2^20 draws and 2^12 layers of 2^32 images.
    return (static_cast<std::uint64_t>(group.first) << 32) | (static_cast<std::uint64_t>(draw) << 12) | layer;
  }

  /// The Hessian of softmax and cross-entropy in the logits is A A' with A = (I - p 1') diag(sqrt p); s = A e.
  /// E |d <s, logits> / d w|^2 over the signs e is the trace of J' A A' J; images of a group meet with mean zero.
  void gauss_newton(const at::Tensor& batch, Group& group) const {
    const at::Tensor logits = network_.forward(batch, false);
    const at::Tensor p = at::softmax(logits.detach(), 1), root = at::sqrt(p);
    for (int draw = 0; draw < options_.draws; ++draw) {
      const at::Tensor signed_root = root * random_signs(logits.sizes(), options_.seed, stream(group, draw, 0));
      const at::Tensor s = signed_root - p * signed_root.sum(1, true);
      const auto gradients =
          torch::autograd::grad({(s * logits).sum()}, network_.layer_weights(), {}, draw + 1 < options_.draws, false, true);
      for (std::size_t layer = 0; layer < gradients.size(); ++layer)
        if (gradients[layer].defined()) group.sums[layer] += squared_norm(gradients[layer]);  // undefined: the logits do not read it
    }
  }

  /// v' H v with random signs v on one layer: H v = d <g, v> / d w, g = d loss / d w, loss summed over the group.
  void hutchinson(const at::Tensor& batch, Group& group) const {
    at::Tensor labels = at::empty({group.count}, at::kLong);
    for (std::int64_t i = 0; i < group.count; ++i)
      labels.data_ptr<std::int64_t>()[i] = images_.labels[static_cast<std::size_t>(order_[static_cast<std::size_t>(group.first + i)])];
    const auto& weights = network_.layer_weights();
    const at::Tensor chosen = at::log_softmax(network_.forward(batch, false), 1).gather(1, labels.unsqueeze(1));
    const auto gradients = torch::autograd::grad({chosen.sum().neg()}, weights, {}, true, true, true);
    for (int draw = 0; draw < options_.draws; ++draw)
      for (std::size_t layer = 0; layer < weights.size(); ++layer) {
        if (!gradients[layer].defined() || !gradients[layer].requires_grad()) continue;  // not read, or constant: its block is 0
        const at::Tensor v = random_signs(weights[layer].sizes(), options_.seed, stream(group, draw, layer));
        const at::Tensor product = torch::autograd::grad({(gradients[layer] * v).sum()}, {weights[layer]}, {}, true, false, true).front();
        if (product.defined()) group.sums[layer] += at::sum(product * v, at::kDouble).item<double>();  // undefined: linear, zero
      }
  }

  TorchNetwork network_;
  const network::Dataset& images_;
  Batches batches_;
  HessianOptions options_;
  std::vector<std::int64_t> order_;
};

/// Mean over images of what the groups sum, and its standard error from the spread of the groups (ratio estimator: the last
/// group may be smaller).
void summarize(const std::vector<Group>& groups, std::vector<LayerTrace>& layers) {
  double images = 0;
  for (const Group& group : groups) images += static_cast<double>(group.count);
  const auto m = static_cast<double>(groups.size());
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    double sum = 0, squares = 0;
    for (const Group& group : groups) sum += group.sums[layer];
    const double mean = sum / images;
    for (const Group& group : groups) {
      const double residual = group.sums[layer] - mean * static_cast<double>(group.count);
      squares += residual * residual;
    }
    layers[layer].trace = mean;
    layers[layer].trace_stderr = std::sqrt(m / (m - 1) * squares) / images;
  }
}

double worst_relative_stderr(const std::vector<LayerTrace>& layers) {
  double worst = 0;
  for (const LayerTrace& layer : layers)
    if (layer.trace_stderr > 0) worst = std::max(worst, layer.trace > 0 ? layer.trace_stderr / layer.trace : HUGE_VAL);
  return worst;
}

}  // namespace

Result<HessianTraces> estimate_traces(const network::Network& network, const network::Dataset& images,
                                      const network::Normalization& normalization, const HessianOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t available = options.max_images > 0 ? std::min(options.max_images, images.size()) : images.size();
  if (available < 2) return Error{images.name, "a standard error needs at least 2 images", "give more images"};
  // At least eight groups where the images allow it: a spread needs several.
  constexpr std::int64_t kFewestGroups = 8;
  const std::int64_t group_size = std::max<std::int64_t>(1, std::min<std::int64_t>(options.group, available / kFewestGroups));
  DYAD_TRY(const network::Network folded, network::fold_batch_norms(network));
  const Estimator estimator(folded, images, normalization, options);

  HessianTraces result;
  result.method = options.method;
  result.draws = options.draws;
  for (std::size_t i = 0; i < estimator.network().layer_weights().size(); ++i)
    result.layers.push_back({estimator.network().layer_names()[i], 0, 0, estimator.network().layer_weights()[i].numel()});

  // Rounds of a fixed size, so that the stopping test sees the same groups with any number of threads.
  constexpr std::size_t kGroupsPerRound = 16;
  const int threads_before = thread_count();
  set_thread_count(options.threads);
  std::vector<Group> groups;
  while (result.images < available) {
    if (options.cancelled && options.cancelled()) {
      result.was_cancelled = true;
      break;
    }
    const std::size_t first = groups.size();
    while (groups.size() < first + kGroupsPerRound && result.images < available) {
      const std::int64_t count = std::min(group_size, available - result.images);
      groups.push_back({result.images, count, {}});
      result.images += count;
    }
    parallel_for(static_cast<std::int64_t>(groups.size() - first),
                 [&](std::int64_t i) { estimator.run(groups[first + static_cast<std::size_t>(i)]); });
    summarize(groups, result.layers);
    const double worst = worst_relative_stderr(result.layers);
    if (options.progress) options.progress({result.images, available, worst});
    result.reached_target = options.target_relative_stderr > 0 && worst <= options.target_relative_stderr;
    if (result.reached_target && result.images >= std::min(options.min_images, available)) break;
  }
  set_thread_count(threads_before);
  if (groups.empty()) return Error{images.name, "the estimate was cancelled before its first images", "let it run longer"};
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace dyad::training
