// The backward pass of a layer with dense input: blocks of units by blocks of columns in registers.
#pragma once

#include "../kernels.h"
#include "../simd.h"
#include "affine.h"
#include "backward_sparse.h"
#include "update_rules.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

// `carried` is where the gradient of this block waits between tiles.
template <int kUnits, int kVectors, class UpdateRule>
static void gradient_dense_block(const BackwardArrays& arrays, const InputView& input, const UpdateRule& rule,
                                 const DenseTile& tile, Index unit, Index column, float* carried) {
  const Index stride = arrays.weights_stride;
  Vector sums[kUnits][kVectors] = {};
  if (tile.last) {
    HARDZERO_UNROLL
    for (int i = 0; i < kUnits; ++i) prefetch_states<kVectors>(arrays, (unit + i) * stride + column);
  }
  if (!tile.first) {
    HARDZERO_UNROLL
    for (int i = 0; i < kUnits; ++i) HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[i][v] = load(carried + i * stride + v * kLanes);
  }
  accumulate_outer_products<kUnits, kVectors>(sums, input.values + tile.first_row * input.stride + unit, 1,
                                              input.stride,
                                              arrays.delta + tile.first_row * arrays.delta_stride + column,
                                              arrays.delta_stride, tile.last_row - tile.first_row);
  if (!tile.last) {
    HARDZERO_UNROLL
    for (int i = 0; i < kUnits; ++i) HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) store(carried + i * stride + v * kLanes, sums[i][v]);
    return;
  }
  HARDZERO_UNROLL
  for (int i = 0; i < kUnits; ++i) {
    const Index place = (unit + i) * stride + column;
    float* const weight_row = arrays.weights + place;
    float* const state_0 = arrays.state[0] == nullptr ? weight_row : arrays.state[0] + place;
    float* const state_1 = arrays.state[1] == nullptr ? weight_row : arrays.state[1] + place;
    HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v)
      rule.apply(sums[i][v], weight_row + v * kLanes, load(weight_row + v * kLanes), state_0 + v * kLanes,
                 state_1 + v * kLanes);
  }
}

template <int kVectors, class UpdateRule>
static void gradient_dense_columns(const BackwardArrays& arrays, const InputView& input,
                                   const UpdateRule& rule, const DenseTile& tile, Index first_unit,
                                   Index last_unit, Index column) {
  const auto carried = [&](Index unit) {
    return tile.carried == nullptr ? nullptr
                                   : tile.carried + (unit - first_unit) * arrays.weights_stride + column;
  };
  Index unit = first_unit;
  for (; unit + kDenseRows <= last_unit; unit += kDenseRows)
    gradient_dense_block<kDenseRows, kVectors>(arrays, input, rule, tile, unit, column, carried(unit));
  for (; unit + 2 <= last_unit; unit += 2)
    gradient_dense_block<2, kVectors>(arrays, input, rule, tile, unit, column, carried(unit));
  if (unit < last_unit)
    gradient_dense_block<1, kVectors>(arrays, input, rule, tile, unit, column, carried(unit));
}

static void gradient_dense(const BackwardArrays& arrays, const InputView& input, const Update& update,
                           const DenseTile& tile, Index first_unit, Index last_unit) {
  with_rule(update, [&](const auto& rule) {
    Index column = 0;
    for (; column + kDenseVectors * kLanes <= arrays.n_columns; column += kDenseVectors * kLanes)
      gradient_dense_columns<kDenseVectors>(arrays, input, rule, tile, first_unit, last_unit, column);
    for (; column < arrays.n_columns; column += kLanes)
      gradient_dense_columns<1>(arrays, input, rule, tile, first_unit, last_unit, column);
  });
}

// Rows by units whose dot products fill the lanes of whole vectors.
constexpr int kDotRows = 4;
constexpr int kDotUnits = 4;

// dots[r * kDotUnits + u] = delta[row + r] · weights[unit + u]; rows and units beyond the last repeat the
// last.
HARDZERO_INLINE void dense_dots(const BackwardArrays& arrays, const Index (&rows)[kDotRows],
                                const Index (&units)[kDotUnits], float* dots) {
  Vector sums[kDotRows * kDotUnits] = {};
  const float* delta_rows[kDotRows];
  const float* weight_rows[kDotUnits];
  HARDZERO_UNROLL
  for (int r = 0; r < kDotRows; ++r) delta_rows[r] = arrays.delta + rows[r] * arrays.delta_stride;
  HARDZERO_UNROLL
  for (int u = 0; u < kDotUnits; ++u) weight_rows[u] = arrays.weights + units[u] * arrays.weights_stride;
  for (Index column = 0; column < arrays.n_columns; column += kLanes) {
    Vector weights[kDotUnits];
    HARDZERO_UNROLL
    for (int u = 0; u < kDotUnits; ++u) weights[u] = load(weight_rows[u] + column);
    HARDZERO_UNROLL
    for (int r = 0; r < kDotRows; ++r) {
      const Vector d = load(delta_rows[r] + column);
      HARDZERO_UNROLL
      for (int u = 0; u < kDotUnits; ++u) sums[r * kDotUnits + u] += d * weights[u];
    }
  }
  for (int part = 0; part < kDotRows * kDotUnits; part += kLanes) {
    Vector group[kLanes];
    HARDZERO_UNROLL
    for (int i = 0; i < kLanes; ++i) group[i] = sums[part + i];
    store(dots + part, lane_sums(group));
  }
}

static void input_delta_dense(const BackwardArrays& arrays, const InputView& input, const DenseTile& tile,
                              Index first_unit, Index last_unit, const float* activation_l1, float* output,
                              Index output_stride) {
  const Index last_column = round_up(last_unit, kLineFloats);
  for (Index row = tile.first_row; row < tile.last_row; row += kDotRows) {
    Index rows[kDotRows];
    HARDZERO_UNROLL
    for (int r = 0; r < kDotRows; ++r) rows[r] = row + r < tile.last_row ? row + r : tile.last_row - 1;
    for (Index unit = first_unit; unit < last_unit; unit += kDotUnits) {
      Index units[kDotUnits];
      HARDZERO_UNROLL
      for (int u = 0; u < kDotUnits; ++u) units[u] = unit + u < last_unit ? unit + u : last_unit - 1;
      float dots[kDotRows * kDotUnits];
      dense_dots(arrays, rows, units, dots);
      HARDZERO_UNROLL
      for (int r = 0; r < kDotRows; ++r) HARDZERO_UNROLL
      for (int u = 0; u < kDotUnits; ++u)
        output[rows[r] * output_stride + units[u]] =
            finish_delta(dots[r * kDotUnits + u], input.values[rows[r] * input.stride + units[u]], input,
                         rows[r], units[u], activation_l1[rows[r]]);
    }
    HARDZERO_UNROLL
    for (int r = 0; r < kDotRows; ++r)
      for (Index unit = last_unit; unit < last_column; ++unit) output[rows[r] * output_stride + unit] = 0.0f;
  }
}

static void update_bias(const BackwardArrays& arrays, const Update& update, Index first_column,
                        Index last_column) {
  Update undecayed = update;
  undecayed.decay = 0.0f;
  with_rule(undecayed, [&](const auto& rule) {
    for (Index column = first_column; column < last_column; column += kLanes) {
      Vector sum{};
      for (Index row = 0; row < arrays.n_rows; ++row)
        sum += load(arrays.delta + row * arrays.delta_stride + column);
      float* const bias = arrays.bias + column;
      rule.apply(sum, bias, load(bias), arrays.bias_state[0] + column, arrays.bias_state[1] + column);
    }
  });
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
