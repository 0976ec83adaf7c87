// The losses of classifiers: cross-entropy of a softmax or of independent logistic outputs, with its
// derivative by the scores, from one exponential.
#pragma once

#include "../kernels.h"
#include "../simd.h"
#include "exponential.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

// The lanes of a vector that are outputs, not padding.
HARDZERO_INLINE IntVector lanes_before(Index n_left) {
  return lane_numbers() < (static_cast<std::int32_t>(n_left < kLanes ? n_left : kLanes) - IntVector{});
}

HARDZERO_INLINE float largest_lane(Vector v) {
  float largest = v[0];
  for (int lane = 1; lane < kLanes; ++lane) largest = v[lane] > largest ? v[lane] : largest;
  return largest;
}

static float largest_score(const float* scores, Index n_outputs) {
  const Vector lowest = broadcast(-__builtin_inff());
  Vector largest = lowest;
  for (Index column = 0; column < n_outputs; column += kLanes) {
    const Vector score = lanes_before(n_outputs - column) ? load(scores + column) : lowest;
    largest = score > largest ? score : largest;
  }
  return largest_lane(largest);
}

static double softmax_loss(const LossArrays& arrays) {
  double loss = 0.0;
  for (Index row = 0; row < arrays.n_rows; ++row) {
    const float* const scores = arrays.scores + row * arrays.scores_stride;
    const float* const targets = arrays.targets + row * arrays.targets_stride;
    float* const delta = arrays.delta + row * arrays.delta_stride;
    const Vector largest = broadcast(largest_score(scores, arrays.n_outputs));
    Vector totals{}, wanted{}, wanted_scores{};
    for (Index column = 0; column < arrays.n_columns; column += kLanes) {
      const IntVector valid = lanes_before(arrays.n_outputs - column);
      const Vector score = valid ? load(scores + column) - largest : Vector{};
      const Vector target = load(targets + column);
      const Vector power = valid ? exponential(score) : Vector{};
      store(delta + column, power);
      totals += power;
      wanted += target;
      wanted_scores += score * target;
    }
    const float total = lane_sum(totals);
    const double log_total = __builtin_log(static_cast<double>(total));
    loss += static_cast<double>(arrays.share[row]) * (log_total * static_cast<double>(lane_sum(wanted)) -
                                                      static_cast<double>(lane_sum(wanted_scores)));
    const Vector share = broadcast(arrays.share[row]);
    const Vector part = broadcast(1.0f / total);
    for (Index column = 0; column < arrays.n_columns; column += kLanes)
      store(delta + column, (load(delta + column) * part - load(targets + column)) * share);
  }
  return loss;
}

// The sum of log(1 + x): the logarithm of a product, as long as that cannot overflow.
static double sum_of_log1p(const float* values, Index count) {
  constexpr Index kFactors = 512;
  double sum = 0.0;
  for (Index first = 0; first < count; first += kFactors) {
    const Index last = count - first < kFactors ? count : first + kFactors;
    double product = 1.0;
    for (Index i = first; i < last; ++i) product *= 1.0 + static_cast<double>(values[i]);
    sum += __builtin_log(product);
  }
  return sum;
}

static double logistic_loss(const LossArrays& arrays) {
  const Vector one = broadcast(1.0f);
  double loss = 0.0;
  for (Index row = 0; row < arrays.n_rows; ++row) {
    const float* const scores = arrays.scores + row * arrays.scores_stride;
    const float* const targets = arrays.targets + row * arrays.targets_stride;
    float* const delta = arrays.delta + row * arrays.delta_stride;
    Vector linear{};
    for (Index column = 0; column < arrays.n_columns; column += kLanes) {
      const IntVector valid = lanes_before(arrays.n_outputs - column);
      const Vector score = valid ? load(scores + column) : Vector{};
      const Vector positive = score > Vector{} ? score : Vector{};
      linear += positive - score * load(targets + column);
      store(delta + column, exponential(score - positive - positive));
    }
    loss += static_cast<double>(arrays.share[row]) *
            (static_cast<double>(lane_sum(linear)) + sum_of_log1p(delta, arrays.n_outputs));
    const Vector share = broadcast(arrays.share[row]);
    for (Index column = 0; column < arrays.n_columns; column += kLanes) {
      const IntVector valid = lanes_before(arrays.n_outputs - column);
      const Vector decay = load(delta + column);
      const Vector prediction = (load(scores + column) < Vector{} ? decay : one) / (one + decay);
      store(delta + column, valid ? (prediction - load(targets + column)) * share : Vector{});
    }
  }
  return loss;
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
