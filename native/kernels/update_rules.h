// The update rules of hardzero.ops.updates, applied to one vector of parameters whose gradient is known.
#pragma once

#include "../kernels.h"
#include "../simd.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

// Writes the gradient and keeps the parameters.
struct GradientRule {
  Vector decay;
  explicit GradientRule(const Update& update) : decay(broadcast(update.decay)) {}
  void apply(Vector gradient, float*, Vector weight, float* kept, float*) const {
    store(kept, gradient + decay * weight);
  }
};

// Stochastic gradient descent without momentum.
struct DescentRule {
  Vector rate, decay;
  explicit DescentRule(const Update& update)
      : rate(broadcast(update.learning_rate)), decay(broadcast(update.decay)) {}
  void apply(Vector gradient, float* target, Vector weight, float*, float*) const {
    store(target, weight - rate * (gradient + decay * weight));
  }
};

struct MomentumRule {
  Vector rate, momentum, decay;
  bool nesterov;
  explicit MomentumRule(const Update& update)
      : rate(broadcast(update.learning_rate)),
        momentum(broadcast(update.momentum)),
        decay(broadcast(update.decay)),
        nesterov(update.nesterov) {}
  void apply(Vector gradient, float* target, Vector weight, float* kept_velocity, float*) const {
    const Vector step = rate * (gradient + decay * weight);
    const Vector velocity = momentum * load(kept_velocity) - step;
    store(kept_velocity, velocity);
    store(target, weight + (nesterov ? momentum * velocity - step : velocity));
  }
};

struct AdamRule {
  Vector rate, share_1, share_2, epsilon, decay;
  explicit AdamRule(const Update& update)
      : rate(broadcast(update.learning_rate)),
        share_1(broadcast(update.share_1)),
        share_2(broadcast(update.share_2)),
        epsilon(broadcast(update.epsilon)),
        decay(broadcast(update.decay)) {}
  void apply(Vector gradient, float* target, Vector weight, float* kept_first, float* kept_second) const {
    gradient += decay * weight;
    Vector first = load(kept_first);
    Vector second = load(kept_second);
    first += share_1 * (gradient - first);
    second += share_2 * (gradient * gradient - second);
    store(kept_first, first);
    store(kept_second, second);
    store(target, weight - rate * first / (square_root(second) + epsilon));
  }
};

template <int kVectors>
HARDZERO_INLINE void prefetch_vectors(const float* source) {
  HARDZERO_UNROLL
  for (int v = 0; v < kVectors; v += kLineFloats / kLanes) __builtin_prefetch(source + v * kLanes, 1);
}

// Begin to fetch the weights of a unit and what the rule keeps of them, from `place` on. Weights without
// states are fetched in time as it is.
template <int kVectors>
HARDZERO_INLINE void prefetch_states(const BackwardArrays& arrays, Index place) {
  if (arrays.state[0] == nullptr) return;
  prefetch_vectors<kVectors>(arrays.weights + place);
  prefetch_vectors<kVectors>(arrays.state[0] + place);
  if (arrays.state[1] != nullptr) prefetch_vectors<kVectors>(arrays.state[1] + place);
}

// Call `function` with the rule that `update` names.
template <class Function>
HARDZERO_INLINE void with_rule(const Update& update, Function function) {
  switch (update.rule) {
    case Rule::gradient:
      return function(GradientRule(update));
    case Rule::descent:
      return function(DescentRule(update));
    case Rule::momentum:
      return function(MomentumRule(update));
    case Rule::adam:
      return function(AdamRule(update));
  }
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
