// The delta passed back through a layer of few outputs: dense, because listing the active units would take
// longer than all the products.
#pragma once

#include "../kernels.h"
#include "../simd.h"
#include "backward_sparse.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

constexpr int kNarrowVectors = 4;
constexpr Index kNarrowUnits = kNarrowVectors * kLanes;

// The weights of a block of units, an output after the other.
struct TransposedWeights {
  float values[kLineFloats][kBlockUnits] = {};

  TransposedWeights(const BackwardArrays& arrays, Index first_unit, Index last_unit) {
    for (Index unit = first_unit; unit < last_unit; ++unit)
      for (Index output = 0; output < arrays.n_outputs; ++output)
        values[output][unit - first_unit] = arrays.weights[unit * arrays.weights_stride + output];
  }
};

static void input_delta_narrow(const BackwardArrays& arrays, const InputView& input, const DenseTile& tile,
                               Index first_unit, Index last_unit, const float* activation_l1, float* output,
                               Index output_stride) {
  const TransposedWeights weights(arrays, first_unit, last_unit);
  const Index line_end = round_up(last_unit, kLineFloats);
  for (Index row = tile.first_row; row < tile.last_row; ++row) {
    const float* const delta = arrays.delta + row * arrays.delta_stride;
    const Vector penalty = broadcast(activation_l1[row]);
    for (Index unit = first_unit; unit < last_unit; unit += kNarrowUnits) {
      Vector passed[kNarrowVectors] = {};
      for (Index column = 0; column < arrays.n_outputs; ++column) {
        const Vector d = broadcast(delta[column]);
        HARDZERO_UNROLL
        for (int v = 0; v < kNarrowVectors; ++v)
          passed[v] += d * load(weights.values[column] + (unit - first_unit) + v * kLanes);
      }
      HARDZERO_UNROLL
      for (int v = 0; v < kNarrowVectors; ++v)
        if (unit + v * kLanes < line_end)
          store(output + row * output_stride + unit + v * kLanes,
                finish_delta(passed[v], input, row, unit + v * kLanes, penalty));
    }
    for (Index unit = last_unit; unit < line_end; ++unit) output[row * output_stride + unit] = 0.0f;
  }
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
