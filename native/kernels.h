// The table of kernels: single-threaded loops over a part of a product, and losses, compiled once per
// instruction set.
//
// Matrices are row-major with a row stride that is a multiple of 16 floats; columns are processed in whole
// vectors, so padding columns up to a multiple of 16 are read and written. They must be zero in weights,
// delta and targets.
#pragma once

#include <cstdint>

#include "ceil_div.h"

namespace hardzero {

constexpr Index kLineFloats = 16;  // floats in a 64-byte cache line; also the widest vector
constexpr Index kBlockUnits = 64;  // input units between two block pointers of RowLists

static inline Index blocks_of(Index n_units) { return ceil_div(n_units, kBlockUnits); }

// Rows of non-zeros: those of row r lie at [start[r], end[r]) of index and value, indices ascending.
struct RowLists {
  const Index* start;
  const Index* end;
  const std::int32_t* index;
  const float* value;
  const std::int32_t* block_start;  // [row][n_blocks + 1]: entries of the row before each block; or null
  Index n_blocks;
};

// Row lists to fill: that of row r begins at stride * r of index and value, which must have kLineFloats
// places more than entries, as whole vectors are written.
struct WritableRowLists {
  std::int32_t* index;
  float* value;
  Index stride;
  Index* start;
  Index* end;
  std::int32_t* block_start;
};

// Row lists over which tiles of units, `tile_blocks` blocks each, pass one after the other.
struct TiledLists {
  RowLists rows;
  Index n_units;
  Index tile_blocks;
};

// Rows that are not listed; their padding is zero.
struct DenseRows {
  const float* values;
  Index stride;
  Index n_units;
};

// Z = rows · weights + bias for the rows and columns of one task.
struct AffineTask {
  const float* weights;
  Index weights_stride;
  const float* bias;  // padded to whole vectors
  float* output;
  Index output_stride;
  Index first_row, last_row;
  Index first_column, last_column;  // multiples of 16
};

enum class Rule { gradient, descent, momentum, adam };

// An update rule (hardzero.ops.updates) and its hyperparameters.
struct Update {
  Rule rule;
  float learning_rate;
  float momentum;
  bool nesterov;
  float share_1, share_2;  // 1 - beta: as a float, a beta close to 1 has few digits of it
  float epsilon;
  float decay;
};

// Whether the rule writes where there is no gradient: for decay, or for what it keeps of earlier gradients.
inline bool moves_idle_weights(const Update& update) {
  return update.rule != Rule::descent || update.decay != 0.0f;
}

// What a run of steps does to weights without gradient, w, and their states (missed_steps.cpp).
struct MissedSteps {
  // Velocity v: w += shift * w + gain * v, v = pull * w + keep[0] * v. Moments m and s: w -= gain * m /
  // (sqrt(s) + epsilon), m *= keep[0], s *= keep[1].
  float shift, gain, pull, epsilon;
  float keep[2];
};

// What one layer's backward pass works on.
struct BackwardArrays {
  const float* delta;
  Index delta_stride;
  Index n_rows;
  Index n_outputs;
  Index n_columns;  // n_outputs, rounded up to a multiple of 16
  float* weights;
  float* state[2];
  Index weights_stride;  // of the states as well
  float* bias;           // with its states padded to whole vectors
  float* bias_state[2];
};

// The samples in which one input unit is active, and its activation in each.
struct UnitEntries {
  Index unit;
  Index count;
  const std::int32_t* rows;
  const float* values;
  float* passed;  // out: delta[row] · weights[unit] for each entry; null if not wanted
};

// Dense activations of a layer's input, with the slope of the function that made them.
struct InputView {
  const float* values;
  Index stride;
  const float* slope;  // null: `scale` times the sign of the value
  Index slope_stride;
  float scale;
};

// How backward_sparse goes about its work on one tile of rows.
struct BackwardTile {
  Index units_at_once;  // units that a block of columns passes over before the next block
  Index most_vectors;   // widest block of columns
  float* sums;          // scratch, 16 * (rows of the tile + 16) floats for each of units_at_once
  // The gradient so far, a row of weights_stride floats per entry, for tiles after the first and before the
  // last; the last one applies the update.
  float* carried;
  bool first, last;
  bool touch_idle;  // whether units without entries are updated or carried, too
};

// The rows that a dense backward task works on at a time.
struct DenseTile {
  Index first_row, last_row;
  // The gradient so far, a row of weights_stride floats per unit of the task, for tiles after the first and
  // before the last; the last one applies the update.
  float* carried;
  bool first, last;
};

// What a loss is computed from, and where its derivative by the scores goes. The padding of targets must be
// zero; that of scores is not looked at.
struct LossArrays {
  const float* scores;
  Index scores_stride;
  const float* targets;
  Index targets_stride;
  const float* share;  // of each row in the mean
  float* delta;
  Index delta_stride;
  Index n_rows;
  Index n_outputs;
  Index n_columns;  // n_outputs, rounded up to a multiple of 16
};

struct PredictKernels;

struct Kernels {
  const char* name;
  Index lanes;

  // Rectify pre-activations in place: s*max(0, z) with s the unit's sign (null: +1), and list what is not
  // zero; NaN counts as not zero.
  void (*rectify)(float* values, Index stride, Index n_columns, const float* signs, Index first_row,
                  Index last_row, const WritableRowLists& lists);

  // List what is not zero (in values or, where given, in slope).
  void (*list_nonzeros)(const float* values, Index stride, const float* slope, Index slope_stride,
                        Index n_columns, Index first_row, Index last_row, const WritableRowLists& lists);

  // Row lists times weights, `most_vectors` vectors of columns at a time.
  void (*affine_sparse)(const RowLists& rows, const AffineTask& task, Index most_vectors);

  // The same, one tile of units after the other.
  void (*affine_tiled)(const TiledLists& rows, const AffineTask& task, Index most_vectors);

  // Rows in groups of `group_rows` that share what they load, skipping zeros; one: nothing to share. The
  // order of a row's sums depends on its group, so tasks begin with whole groups.
  Index group_rows;
  void (*affine_grouped)(const DenseRows& rows, const AffineTask& task, Index most_vectors);

  // Dense rows times weights, zeros included.
  void (*affine_dense)(const DenseRows& rows, const AffineTask& task);

  // Transpose a block of kBlockUnits units of rows [first_row, last_row): fill `entries` for its first
  // `n_units`. Rows and values go to scratch arrays, `capacity` places for each unit: at least 16 more than
  // there are rows.
  void (*collect_units)(const RowLists& rows, Index first_row, Index last_row, Index block, Index n_units,
                        std::int32_t* row_scratch, float* value_scratch, Index capacity,
                        UnitEntries* entries);

  // Gradient of the weights of some units; and, for the weights before the update, delta · weights of each
  // entry.
  void (*backward_sparse)(const BackwardArrays& arrays, const Update& update, const UnitEntries* entries,
                          Index n_entries, const BackwardTile& tile);

  // Turn what backward_sparse passed for a block of units into rows of the input's delta, as far as the
  // `n_units` and whole cache lines go. `activation_l1` has one penalty for each row of the minibatch.
  void (*write_input_delta)(const RowLists& rows, const InputView& input, Index first_row, Index last_row,
                            Index block, Index n_units, const UnitEntries* entries,
                            const float* activation_l1, float* output, Index output_stride);

  // The same for dense input and the rows of a tile: delta · weights of units [first_unit, last_unit), times
  // slope.
  void (*input_delta_dense)(const BackwardArrays& arrays, const InputView& input, const DenseTile& tile,
                            Index first_unit, Index last_unit, const float* activation_l1, float* output,
                            Index output_stride);

  // The same for at most 16 outputs and at most kBlockUnits units.
  void (*input_delta_narrow)(const BackwardArrays& arrays, const InputView& input, const DenseTile& tile,
                             Index first_unit, Index last_unit, const float* activation_l1, float* output,
                             Index output_stride);

  // Gradient of the weights of units [first_unit, last_unit) of dense input, applied in the last tile.
  void (*gradient_dense)(const BackwardArrays& arrays, const InputView& input, const Update& update,
                         const DenseTile& tile, Index first_unit, Index last_unit);

  // Sums of columns [first_column, last_column) of delta as the gradient of the bias, applied at once.
  void (*update_bias)(const BackwardArrays& arrays, const Update& update, Index first_column,
                      Index last_column);

  // The steps that a row has missed; the row's weights and states begin at `place`.
  void (*take_missed_steps)(const Update& rule, const MissedSteps& missed, float* weights,
                            float* const* state, Index place, Index n_columns);

  // Mean cross-entropy of a softmax over the outputs of a row, and of independent logistic outputs.
  double (*softmax_loss)(const LossArrays& arrays);
  double (*logistic_loss)(const LossArrays& arrays);

  const PredictKernels* predict;  // of the same instruction set
};

}  // namespace hardzero
