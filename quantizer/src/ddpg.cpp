#include "dyad/quantizer/ddpg.hpp"

#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <deque>
#include <numeric>
#include <utility>

#include "dyad/base/random.hpp"

namespace dyad::quantizer {
namespace {

using Eigen::MatrixXf;
using Eigen::RowVectorXf;
using Eigen::VectorXf;

constexpr std::uint64_t kWeights = 0x64647067'0000;  // streams of the seed
constexpr std::uint64_t kActions = 0x64647067'0001;
constexpr std::uint64_t kBatches = 0x64647067'0002;

/// y = W x + b with Adam's moments; columns are examples.
struct Dense {
  MatrixXf weight, weight_mean, weight_square;
  VectorXf bias, bias_mean, bias_square;

  Dense(std::int64_t outputs, std::int64_t inputs, Random& random) : weight(outputs, inputs), bias(outputs) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(inputs));
    for (float& value : weight.reshaped()) value = static_cast<float>((2 * random.uniform() - 1) * bound);
    for (float& value : bias) value = static_cast<float>((2 * random.uniform() - 1) * bound);
    weight_mean = weight_square = MatrixXf::Zero(outputs, inputs);
    bias_mean = bias_square = VectorXf::Zero(outputs);
  }

  MatrixXf forward(const MatrixXf& x) const { return (weight * x).colwise() + bias; }
  MatrixXf backward(const MatrixXf& gradient) const { return weight.transpose() * gradient; }

  /// One step of Adam along the gradient of the outputs at inputs `x`.
  void step(const MatrixXf& x, const MatrixXf& gradient, double rate, std::int64_t count) {
    const MatrixXf weight_gradient = gradient * x.transpose();
    const VectorXf bias_gradient = gradient.rowwise().sum();
    adam(weight, weight_mean, weight_square, weight_gradient, rate, count);
    adam(bias, bias_mean, bias_square, bias_gradient, rate, count);
  }

  void follow(const Dense& source, float share) {
    weight = weight * (1 - share) + source.weight * share;
    bias = bias * (1 - share) + source.bias * share;
  }

  template <typename Visit>
  void visit(Visit&& visit) {
    for (MatrixXf* matrix : {&weight, &weight_mean, &weight_square}) visit(matrix->data(), static_cast<std::size_t>(matrix->size()));
    for (VectorXf* vector : {&bias, &bias_mean, &bias_square}) visit(vector->data(), static_cast<std::size_t>(vector->size()));
  }

 private:
  template <typename Array>
  static void adam(Array& value, Array& mean, Array& square, const Array& gradient, double rate, std::int64_t count) {
    constexpr double kMean = 0.9, kSquare = 0.999, kEpsilon = 1e-8;
    mean = mean * static_cast<float>(kMean) + gradient * static_cast<float>(1 - kMean);
    square = square * static_cast<float>(kSquare) + gradient.cwiseAbs2() * static_cast<float>(1 - kSquare);
    const auto step = static_cast<float>(rate / (1 - std::pow(kMean, static_cast<double>(count))));
    const auto root = static_cast<float>(std::sqrt(1 - std::pow(kSquare, static_cast<double>(count))));
    value.array() -= step * mean.array() / (square.array().sqrt() / root + static_cast<float>(kEpsilon));
  }
};

MatrixXf relu(const MatrixXf& x) { return x.cwiseMax(0.0f); }
/// The gradient where the unit was positive.
MatrixXf through_relu(const MatrixXf& gradient, const MatrixXf& output) {
  return (output.array() > 0).select(gradient, MatrixXf::Zero(gradient.rows(), gradient.cols()));
}

struct Actor {
  Dense first, second, third;
  struct Pass {
    MatrixXf one, two, action;
  };
  Actor(const DdpgOptions& o, Random& random)
      : first(o.hidden, o.states, random), second(o.hidden, o.hidden, random), third(1, o.hidden, random) {}

  Pass forward(const MatrixXf& states) const {
    Pass pass;
    pass.one = relu(first.forward(states));
    pass.two = relu(second.forward(pass.one));
    pass.action = third.forward(pass.two).unaryExpr([](float x) { return 1.0f / (1.0f + std::exp(-x)); });
    return pass;
  }
  void step(const MatrixXf& states, const Pass& pass, const MatrixXf& gradient, double rate, std::int64_t count) {
    const MatrixXf at_third = gradient.array() * pass.action.array() * (1 - pass.action.array());
    const MatrixXf at_second = through_relu(third.backward(at_third), pass.two);
    const MatrixXf at_first = through_relu(second.backward(at_second), pass.one);
    third.step(pass.two, at_third, rate, count);
    second.step(pass.one, at_second, rate, count);
    first.step(states, at_first, rate, count);
  }
  void follow(const Actor& source, float share) {
    first.follow(source.first, share);
    second.follow(source.second, share);
    third.follow(source.third, share);
  }
  template <typename Visit>
  void visit(Visit&& visit) {
    for (Dense* layer : {&first, &second, &third}) layer->visit(visit);
  }
};

struct Critic {
  Dense of_state, of_action, second, third;
  struct Pass {
    MatrixXf one, two, value;
  };
  Critic(const DdpgOptions& o, Random& random)
      : of_state(o.hidden, o.states, random),
        of_action(o.hidden, 1, random),
        second(o.hidden, o.hidden, random),
        third(1, o.hidden, random) {}

  Pass forward(const MatrixXf& states, const MatrixXf& actions) const {
    Pass pass;
    pass.one = relu(of_state.forward(states) + of_action.forward(actions));
    pass.two = relu(second.forward(pass.one));
    pass.value = third.forward(pass.two);
    return pass;
  }
  void step(const MatrixXf& states, const MatrixXf& actions, const Pass& pass, const MatrixXf& gradient, double rate, std::int64_t count) {
    const MatrixXf at_second = through_relu(third.backward(gradient), pass.two);
    const MatrixXf at_first = through_relu(second.backward(at_second), pass.one);
    third.step(pass.two, gradient, rate, count);
    second.step(pass.one, at_second, rate, count);
    of_state.step(states, at_first, rate, count);
    of_action.step(actions, at_first, rate, count);
  }
  MatrixXf action_gradient(const Pass& pass, const MatrixXf& gradient) const {
    const MatrixXf at_second = through_relu(third.backward(gradient), pass.two);
    return of_action.backward(through_relu(second.backward(at_second), pass.one));
  }
  void follow(const Critic& source, float share) {
    of_state.follow(source.of_state, share);
    of_action.follow(source.of_action, share);
    second.follow(source.second, share);
    third.follow(source.third, share);
  }
  template <typename Visit>
  void visit(Visit&& visit) {
    for (Dense* layer : {&of_state, &of_action, &second, &third}) layer->visit(visit);
  }
};

struct Entry {
  std::vector<float> state;
  float action = 0;
  double reward = 0;
  bool done = false;
};

/// `count` different indices below `bound`, or repeated ones when there are not so many.
std::vector<std::size_t> draw_indices(std::size_t bound, std::size_t count, Random& random) {
  std::vector<std::size_t> drawn(count);
  if (bound < count) {
    for (std::size_t& index : drawn) index = random.below(bound);
    return drawn;
  }
  std::vector<std::size_t> all(bound);
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(all[i], all[i + random.below(bound - i)]);
    drawn[i] = all[i];
  }
  return drawn;
}

}  // namespace

struct DdpgAgent::State {
  DdpgOptions options;
  std::uint64_t seed;
  Random initial;
  Actor actor, actor_target;
  Critic critic, critic_target;
  std::deque<Entry> memory;
  double baseline = 0;
  std::int64_t updates = 0;

  State(const DdpgOptions& o, std::uint64_t s)
      : options(o), seed(s), initial(s, kWeights), actor(o, initial), actor_target(actor), critic(o, initial), critic_target(critic) {}

  void remember(Entry entry) {
    if (static_cast<std::int64_t>(memory.size()) == options.capacity) memory.pop_front();
    memory.push_back(std::move(entry));
  }

  /// Index of each example's state; its successor is the next entry. Entries behind the end of an episode begin none.
  std::vector<std::size_t> sample() const {
    Random random(seed, kBatches + (static_cast<std::uint64_t>(updates) << 8));
    std::vector<std::size_t> indices = draw_indices(memory.size() - 1, static_cast<std::size_t>(options.batch), random);
    for (std::size_t& index : indices)
      while (index > 0 && memory[index - 1].done) index = random.below(memory.size() - 1);
    return indices;
  }

  void update() {
    const std::vector<std::size_t> indices = sample();
    const auto count = static_cast<std::int64_t>(indices.size());
    MatrixXf states(options.states, count), next(options.states, count), actions(1, count), rewards(1, count), more(1, count);
    double mean = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const Entry& entry = memory[indices[static_cast<std::size_t>(i)]];
      const Entry& successor = memory[indices[static_cast<std::size_t>(i)] + 1];
      states.col(i) = VectorXf::Map(entry.state.data(), options.states);
      next.col(i) = VectorXf::Map(successor.state.data(), options.states);
      actions(0, i) = entry.action;
      more(0, i) = entry.done ? 0.0f : 1.0f;
      mean += entry.reward / static_cast<double>(count);
    }
    baseline = updates == 0 ? mean : baseline + options.baseline_share * (mean - baseline);
    for (std::int64_t i = 0; i < count; ++i)
      rewards(0, i) = static_cast<float>(memory[indices[static_cast<std::size_t>(i)]].reward - baseline);
    ++updates;

    const MatrixXf future = critic_target.forward(next, actor_target.forward(next).action).value;
    const MatrixXf target = rewards.array() + static_cast<float>(options.discount) * more.array() * future.array();
    const Critic::Pass judged = critic.forward(states, actions);
    const MatrixXf error = (judged.value - target) * (2.0f / static_cast<float>(count));
    critic.step(states, actions, judged, error, options.critic_rate, updates);

    const Actor::Pass acted = actor.forward(states);
    const Critic::Pass valued = critic.forward(states, acted.action);
    const MatrixXf uphill = MatrixXf::Constant(1, count, -1.0f / static_cast<float>(count));
    actor.step(states, acted, critic.action_gradient(valued, uphill), options.actor_rate, updates);
    actor_target.follow(actor, static_cast<float>(options.tau));
    critic_target.follow(critic, static_cast<float>(options.tau));
  }

  template <typename Visit>
  void visit(Visit&& visit) {
    actor.visit(visit);
    actor_target.visit(visit);
    critic.visit(visit);
    critic_target.visit(visit);
  }
};

DdpgAgent::DdpgAgent(const DdpgOptions& options, std::uint64_t seed) : state_(std::make_unique<State>(options, seed)) {
  DYAD_EXPECT(options.states >= 1 && options.hidden >= 1 && options.batch >= 1 && options.capacity >= 2, "an agent without a size");
}
DdpgAgent::~DdpgAgent() = default;
DdpgAgent::DdpgAgent(DdpgAgent&&) noexcept = default;
DdpgAgent& DdpgAgent::operator=(DdpgAgent&&) noexcept = default;

double DdpgAgent::policy(std::span<const double> state) const {
  MatrixXf column(state_->options.states, 1);
  DYAD_EXPECT(static_cast<std::int64_t>(state.size()) == column.rows(), "a state of another length");
  for (std::size_t i = 0; i < state.size(); ++i) column(static_cast<std::int64_t>(i), 0) = static_cast<float>(state[i]);
  return static_cast<double>(state_->actor.forward(column).action(0, 0));
}

double DdpgAgent::act(std::span<const double> state, std::int64_t episode, std::int64_t step) const {
  const DdpgOptions& o = state_->options;
  Random random(state_->seed, kActions + (static_cast<std::uint64_t>(episode) << 32) + (static_cast<std::uint64_t>(step) << 8));
  if (episode <= o.warmup) return random.uniform();
  const double mean = policy(state), deviation = o.noise * std::pow(o.noise_decay, static_cast<double>(episode - o.warmup));
  for (;;) {  // with the mean inside [0, 1], at least one draw of three stays inside
    const double action = mean + deviation * random.normal();
    if (action >= 0 && action <= 1) return action;
  }
}

void DdpgAgent::learn(std::int64_t episode, const std::vector<DdpgStep>& steps, std::span<const double> end, double reward) {
  const auto floats = [](std::span<const double> state) { return std::vector<float>(state.begin(), state.end()); };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    state_->remember({floats(steps[i].state), static_cast<float>(steps[i].action), reward, i + 1 == steps.size()});
    if (episode > state_->options.warmup && state_->memory.size() > 1) state_->update();
  }
  state_->remember({floats(end), static_cast<float>(policy(end)), 0, false});
}

std::vector<std::uint8_t> DdpgAgent::save() const {
  static_assert(std::endian::native == std::endian::little);
  std::vector<std::uint8_t> bytes;
  const auto put = [&](const void* data, std::size_t size) {
    const auto* const begin = static_cast<const std::uint8_t*>(data);
    bytes.insert(bytes.end(), begin, begin + size);
  };
  const std::uint64_t entries = state_->memory.size();
  put(&state_->updates, sizeof(state_->updates));
  put(&state_->baseline, sizeof(state_->baseline));
  put(&entries, sizeof(entries));
  state_->visit([&](const float* data, std::size_t count) { put(data, count * sizeof(float)); });
  for (const Entry& entry : state_->memory) {
    put(entry.state.data(), entry.state.size() * sizeof(float));
    put(&entry.action, sizeof(entry.action));
    put(&entry.reward, sizeof(entry.reward));
    const std::uint8_t done = entry.done ? 1 : 0;
    put(&done, 1);
  }
  return bytes;
}

Result<void> DdpgAgent::load(std::span<const std::uint8_t> bytes, const std::string& place) {
  std::size_t at = 0;
  bool whole = true;
  const auto get = [&](void* data, std::size_t size) {
    if (bytes.size() - at < size) {
      whole = false;
      return;
    }
    std::memcpy(data, bytes.data() + at, size);
    at += size;
  };
  State loaded(state_->options, state_->seed);
  std::uint64_t entries = 0;
  get(&loaded.updates, sizeof(loaded.updates));
  get(&loaded.baseline, sizeof(loaded.baseline));
  get(&entries, sizeof(entries));
  loaded.visit([&](float* data, std::size_t count) { get(data, count * sizeof(float)); });
  if (entries > static_cast<std::uint64_t>(loaded.options.capacity)) whole = false;
  for (std::uint64_t i = 0; whole && i < entries; ++i) {
    Entry entry;
    entry.state.resize(static_cast<std::size_t>(loaded.options.states));
    get(entry.state.data(), entry.state.size() * sizeof(float));
    get(&entry.action, sizeof(entry.action));
    get(&entry.reward, sizeof(entry.reward));
    std::uint8_t done = 0;
    get(&done, 1);
    entry.done = done != 0;
    loaded.memory.push_back(std::move(entry));
  }
  if (!whole || at != bytes.size())
    return Error{place, "holds an agent of another size", "it was written by a search of another network or by another version; remove it"};
  *state_ = std::move(loaded);
  return {};
}

}  // namespace dyad::quantizer
