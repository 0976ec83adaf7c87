// The steps that a weight row of an idle input unit has missed, all in one pass.
#pragma once

#include "../kernels.h"
#include "../simd.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

static void take_missed_descent(const MissedSteps& missed, float* weights, Index n_columns) {
  const Vector shift = broadcast(missed.shift);
  for (Index column = 0; column < n_columns; column += kLanes) {
    const Vector weight = load(weights + column);
    store(weights + column, weight + shift * weight);
  }
}

static void take_missed_momentum(const MissedSteps& missed, float* weights, float* velocities,
                                 Index n_columns) {
  const Vector shift = broadcast(missed.shift);
  const Vector gain = broadcast(missed.gain);
  const Vector pull = broadcast(missed.pull);
  const Vector keep = broadcast(missed.keep[0]);
  for (Index column = 0; column < n_columns; column += kLanes) {
    const Vector weight = load(weights + column);
    const Vector velocity = load(velocities + column);
    store(weights + column, weight + (shift * weight + gain * velocity));
    store(velocities + column, pull * weight + keep * velocity);
  }
}

static void take_missed_adam(const MissedSteps& missed, float* weights, float* firsts, float* seconds,
                             Index n_columns) {
  const Vector gain = broadcast(missed.gain);
  const Vector epsilon = broadcast(missed.epsilon);
  const Vector keep_first = broadcast(missed.keep[0]);
  const Vector keep_second = broadcast(missed.keep[1]);
  for (Index column = 0; column < n_columns; column += kLanes) {
    const Vector first = load(firsts + column);
    const Vector second = load(seconds + column);
    store(weights + column, load(weights + column) - gain * first / (square_root(second) + epsilon));
    store(firsts + column, keep_first * first);
    store(seconds + column, keep_second * second);
  }
}

static void take_missed_steps(const Update& rule, const MissedSteps& missed, float* weights,
                              float* const* state, Index place, Index n_columns) {
  switch (rule.rule) {
    case Rule::gradient:
      return;
    case Rule::descent:
      return take_missed_descent(missed, weights + place, n_columns);
    case Rule::momentum:
      return take_missed_momentum(missed, weights + place, state[0] + place, n_columns);
    case Rule::adam:
      return take_missed_adam(missed, weights + place, state[0] + place, state[1] + place, n_columns);
  }
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
