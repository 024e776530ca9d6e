#include "dyad/kernels/executor.hpp"

#include <algorithm>
#include <mutex>

#include "dyad/base/parallel.hpp"
#include "dyad/kernels/backends.hpp"
#include "layer_checks.hpp"

namespace dyad::kernels {
namespace {

/// Images that pass through the layers together: enough that a linear layer has rows to multiply, few enough to stay in the cache.
constexpr std::int64_t kMostImages = 16;
constexpr std::int64_t kChunkBytes = 512 * 1024;

/// Activations of one chunk of images, one buffer a slot.
using Workspace = std::vector<IntegerTensor>;

Error fault(const IntegerLayer& layer, std::string message) {
  return Error{"layer '" + layer.name + "'", std::move(message), "layer i writes tensor i + 1; tensor 0 is the input"};
}

std::int64_t tensor_bytes(const LayerShape& shape, BitWidth format) {
  return shape.output_count() * static_cast<std::int64_t>(element_bytes(storage_for(format)));
}

}  // namespace

void register_cpu_backends() {
  static std::once_flag once;
  std::call_once(once, [] {
    register_integer_backend("scalar", []() -> Result<std::unique_ptr<IntegerBackend>> { return make_scalar_backend(); });
    register_integer_backend("cpu", [] { return make_cpu_backend(); });
  });
}

struct Executor::State {
  const quantizer::IntegerNetwork* network = nullptr;
  std::vector<std::unique_ptr<PreparedLayer>> layers;
  std::vector<std::size_t> slots;  ///< slot of each tensor
  std::size_t slot_count = 0;
  std::int64_t images_at_once = 1;

  std::mutex mutex;
  std::vector<std::unique_ptr<Workspace>> idle;  ///< kept between calls: no allocation once warm

  std::unique_ptr<Workspace> acquire() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Workspace>(slot_count);
    auto workspace = std::move(idle.back());
    idle.pop_back();
    return workspace;
  }
  void release(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(workspace));
  }

  /// A tensor's slot is free again after the last layer that reads it.
  void assign_slots() {
    const std::size_t tensors = layers.size() + 1;
    std::vector<std::size_t> last_use(tensors, 0);
    for (std::size_t layer = 0; layer < layers.size(); ++layer)
      for (const int input : network->inputs[layer]) last_use[static_cast<std::size_t>(input)] = layer;
    slots.assign(tensors, 0);
    std::vector<std::size_t> free;
    slot_count = 1;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      std::size_t& slot = slots[layer + 1];
      if (free.empty()) {
        slot = slot_count++;
      } else {
        slot = free.back();
        free.pop_back();
      }
      std::vector<int> read = network->inputs[layer];
      std::sort(read.begin(), read.end());
      read.erase(std::unique(read.begin(), read.end()), read.end());
      for (const int tensor : read)
        if (last_use[static_cast<std::size_t>(tensor)] == layer) free.push_back(slots[static_cast<std::size_t>(tensor)]);
    }
  }

  void quantize_input(const std::uint8_t* images, std::int64_t count, IntegerTensor& tensor) const {
    const quantizer::InputQuantization& input = network->input;
    tensor.reset({count, input.height, input.width, input.channels}, input.format);
    tensor.visit([&](auto values) {
      using T = typename decltype(values)::value_type;
      auto* to = values.data();
      for (std::int64_t pixel = 0; pixel < count * input.height * input.width; ++pixel)
        for (std::int64_t c = 0; c < input.channels; ++c) *to++ = static_cast<T>(input.table[c * 256 + *images++]);
    });
  }

  void run_layer(std::size_t layer, std::span<const IntegerTensor* const> inputs, std::int64_t count, IntegerTensor& output) const {
    const IntegerLayer& each = network->layers[layer];
    output.reset(output_shape(each, count), each.output);
    layers[layer]->run(inputs, output);
  }

  void check_images(const Tensor<std::uint8_t>& images) const {
    const quantizer::InputQuantization& input = network->input;
    DYAD_EXPECT(images.shape().size() == 4 && images.extent(1) == input.height && images.extent(2) == input.width &&
                    images.extent(3) == input.channels,
                "the network takes other images than " + dyad::to_string(images.shape()));
  }
};

Executor::Executor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Executor::Executor(Executor&&) noexcept = default;
Executor::~Executor() = default;

Result<Executor> Executor::create(const quantizer::IntegerNetwork& network, const IntegerBackend& backend) {
  if (network.layers.empty() || network.inputs.size() != network.layers.size())
    return Error{"network '" + network.name + "'", "it has no layers, or not one list of inputs per layer",
                 "see quantizer::IntegerNetwork"};
  const quantizer::InputQuantization& input = network.input;
  if (input.table.shape() != Shape{input.channels, 256})
    return Error{"network '" + network.name + "'", "the input table is " + dyad::to_string(input.table.shape()), "(channels, 256)"};
  for (const std::int32_t value : input.table.values())
    if (input.format.clamp(value) != value)
      return Error{"network '" + network.name + "'", "the input table holds " + std::to_string(value), "values of the input's format"};

  auto state = std::make_unique<State>();
  state->network = &network;
  std::int64_t widest = input.height * input.width * input.channels;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const IntegerLayer& layer = network.layers[i];
    if (network.inputs[i].size() != layer.inputs.size()) return fault(layer, "another number of inputs than formats");
    std::int64_t channels = 0, bytes = tensor_bytes(layer.shape, layer.output);
    for (std::size_t j = 0; j < layer.inputs.size(); ++j) {
      const int from = network.inputs[i][j];
      if (from < 0 || from > static_cast<int>(i)) return fault(layer, "reads tensor " + std::to_string(from) + ", which is not made yet");
      const IntegerLayer* producer = from == 0 ? nullptr : &network.layers[static_cast<std::size_t>(from) - 1];
      const BitWidth format = producer ? producer->output : input.format;
      const Shape shape = producer ? output_shape(*producer, 1) : Shape{1, input.height, input.width, input.channels};
      channels += shape[3];
      if (format != layer.inputs[j]) return fault(layer, "input " + std::to_string(j) + " has another format than its tensor");
      if (shape[1] != layer.shape.in_h || shape[2] != layer.shape.in_w ||
          (layer.op != IntegerOp::kConcat && shape[3] != layer.shape.in_channels))
        return fault(layer, "input " + std::to_string(j) + " has shape " + dyad::to_string(shape));
      bytes += element_count(shape) * static_cast<std::int64_t>(element_bytes(storage_for(format)));
    }
    if (layer.op == IntegerOp::kConcat && channels != layer.shape.out_channels)
      return fault(layer, "joins " + std::to_string(channels) + " channels");
    widest = std::max(widest, bytes);
    DYAD_TRY(auto prepared, backend.prepare(layer));
    state->layers.push_back(std::move(prepared));
  }
  const IntegerLayer& last = network.layers.back();
  if (last.output != BitWidth{32, true} || last.shape.out_h != 1 || last.shape.out_w != 1)
    return fault(last, "the last layer must give int32 logits (N, 1, 1, classes)");
  state->assign_slots();
  state->images_at_once = std::clamp<std::int64_t>(kChunkBytes / std::max<std::int64_t>(widest, 1), 1, kMostImages);
  return Executor(std::move(state));
}

Tensor<std::int32_t> Executor::run(const Tensor<std::uint8_t>& images) const {
  const State& state = *state_;
  state.check_images(images);
  const quantizer::IntegerNetwork& network = *state.network;
  const std::int64_t count = images.extent(0), classes = network.classes();
  const std::int64_t image_size = images.extent(1) * images.extent(2) * images.extent(3);
  Tensor<std::int32_t> logits({count, classes});
  const std::int64_t chunks = (count + state.images_at_once - 1) / state.images_at_once;
  parallel_for(chunks, [&](std::int64_t chunk) {
    const std::int64_t first = chunk * state.images_at_once, size = std::min(state.images_at_once, count - first);
    auto workspace = state_->acquire();
    Workspace& tensors = *workspace;
    state.quantize_input(images.data() + first * image_size, size, tensors[state.slots[0]]);
    for (std::size_t layer = 0; layer < network.layers.size(); ++layer) {
      const IntegerTensor* inputs[2] = {};
      std::vector<const IntegerTensor*> many;
      std::span<const IntegerTensor* const> span;
      const std::vector<int>& indices = network.inputs[layer];
      if (indices.size() <= 2) {
        for (std::size_t i = 0; i < indices.size(); ++i) inputs[i] = &tensors[state.slots[static_cast<std::size_t>(indices[i])]];
        span = {inputs, indices.size()};
      } else {
        for (const int index : indices) many.push_back(&tensors[state.slots[static_cast<std::size_t>(index)]]);
        span = many;
      }
      state.run_layer(layer, span, size, tensors[state.slots[layer + 1]]);
    }
    const auto out = tensors[state.slots.back()].as<std::int32_t>();
    std::copy(out.begin(), out.end(), logits.data() + first * classes);
    state_->release(std::move(workspace));
  });
  return logits;
}

std::vector<IntegerTensor> Executor::run_all(const Tensor<std::uint8_t>& images) const {
  const State& state = *state_;
  state.check_images(images);
  std::vector<IntegerTensor> tensors(state.layers.size() + 1);
  state.quantize_input(images.data(), images.extent(0), tensors[0]);
  for (std::size_t layer = 0; layer < state.layers.size(); ++layer) {
    std::vector<const IntegerTensor*> inputs;
    for (const int index : state.network->inputs[layer]) inputs.push_back(&tensors[static_cast<std::size_t>(index)]);
    state.run_layer(layer, inputs, images.extent(0), tensors[layer + 1]);
  }
  tensors.erase(tensors.begin());
  return tensors;
}

}  // namespace dyad::kernels
