/// \file What evaluations of float and integer networks share: scores, and whether images fit a network.
#pragma once

#include <algorithm>
#include <bit>

#include "dyad/workflow/evaluate.hpp"

namespace dyad::workflow {

/// Scores logits (N, classes) against labels[begin ...] and keeps them.
class Scorer {
 public:
  explicit Scorer(const std::vector<std::int32_t>& labels) : labels_(labels) {}

  template <typename T>
  void add(const Tensor<T>& logits, std::int64_t begin) {
    static_assert(sizeof(T) == 4 && std::endian::native == std::endian::little);
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(logits.data());
    outputs_.insert(outputs_.end(), bytes, bytes + logits.size() * 4);
    const std::int64_t classes = logits.extent(1);
    for (std::int64_t n = 0; n < logits.extent(0); ++n) {
      const T* row = logits.data() + n * classes;
      const std::int64_t label = labels_[static_cast<std::size_t>(begin + n)];
      std::int64_t before = 0;
      for (std::int64_t c = 0; c < classes; ++c) before += row[c] > row[label] || (row[c] == row[label] && c < label);
      predictions_.push_back(static_cast<std::int32_t>(std::max_element(row, row + classes) - row));
      top1_ += before < 1;
      top5_ += before < 5;
      ++images_;
    }
  }

  Evaluation finish(double seconds) && {
    Evaluation evaluation;
    evaluation.predictions = std::move(predictions_);
    evaluation.outputs = std::move(outputs_);
    evaluation.images = images_;
    if (images_ == 0) return evaluation;
    evaluation.top1 = 100.0 * static_cast<double>(top1_) / static_cast<double>(images_);
    evaluation.top5 = 100.0 * static_cast<double>(top5_) / static_cast<double>(images_);
    evaluation.images_per_s = seconds > 0 ? static_cast<double>(images_) / seconds : 0;
    return evaluation;
  }

 private:
  const std::vector<std::int32_t>& labels_;
  std::int64_t top1_ = 0, top5_ = 0, images_ = 0;
  std::vector<std::int32_t> predictions_;
  std::vector<std::uint8_t> outputs_;
};

Result<void> check_labels(const network::Dataset& data, std::int64_t classes);
Result<void> check_image_shape(const network::Dataset& data, std::int64_t height, std::int64_t width, std::int64_t channels);

}  // namespace dyad::workflow
