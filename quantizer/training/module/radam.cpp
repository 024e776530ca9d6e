#include "radam.hpp"

#include <cmath>

namespace dyad::training {
namespace {
// Runs of some hundred steps: a second moment over 100 of them, PyTorch's 1000 would hardly leave the warm-up.
constexpr double kBeta1 = .9, kBeta2 = .99, kTiny = 1e-8;
}  // namespace

double radam_rectification(std::int64_t step, double beta2) {
  constexpr double kShortest = 5;
  const double longest = 2 / (1 - beta2) - 1, power = std::pow(beta2, static_cast<double>(step));
  const double length = longest - 2 * static_cast<double>(step) * power / (1 - power);
  if (length <= kShortest) return 0;
  return std::sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
}

void radam_update(std::span<RAdamTensor> tensors, const std::vector<at::Tensor>& gradients, std::int64_t step, double rate) {
  const at::NoGradGuard no_gradient;
  const double rectification = radam_rectification(step, kBeta2);
  const double mean_bias = 1 - std::pow(kBeta1, static_cast<double>(step)), square_bias = 1 - std::pow(kBeta2, static_cast<double>(step));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    RAdamTensor& tensor = tensors[i];
    const at::Tensor gradient = gradients[i].defined() ? gradients[i] : at::zeros_like(tensor.value);
    const double own_rate = rate * tensor.rate;
    tensor.mean.mul_(kBeta1).add_(gradient, 1 - kBeta1);
    tensor.square.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
    if (tensor.decay > 0) tensor.value.mul_(1 - own_rate * tensor.decay);
    if (rectification > 0)
      tensor.value.addcdiv_(tensor.mean, tensor.square.div(square_bias).sqrt_().add_(kTiny), -own_rate * rectification / mean_bias);
    else
      tensor.value.sub_(tensor.mean, own_rate / mean_bias);
  }
}

}  // namespace dyad::training
