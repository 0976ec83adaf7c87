// The forward product of a layer: rows · weights + bias.
#pragma once

#include "../kernels.h"
#include "../simd.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

constexpr int kMostColumnVectors = 8;

// sums += the entries [first, last) times one block of columns of the weights.
template <int kVectors>
HARDZERO_INLINE void add_weight_rows(Vector (&sums)[kVectors], const std::int32_t* index, const float* value,
                                     Index first, Index last, const float* weights, Index weights_stride) {
  for (Index entry = first; entry < last; ++entry) {
    const float* const weight_row = weights + index[entry] * weights_stride;
    const Vector x = broadcast_from(value + entry);
    HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[v] += x * load(weight_row + v * kLanes);
  }
}

// One block of columns, its accumulators in registers.
template <int kVectors>
static void affine_sparse_columns(const RowLists& rows, const AffineTask& task, Index column) {
  for (Index row = task.first_row; row < task.last_row; ++row) {
    Vector sums[kVectors];
    HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[v] = load(task.bias + column + v * kLanes);
    add_weight_rows(sums, rows.index, rows.value, rows.start[row], rows.end[row], task.weights + column,
                    task.weights_stride);
    float* const output = task.output + row * task.output_stride + column;
    HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) store(output + v * kLanes, sums[v]);
  }
}

// Prefetches the next tile's weights into the L2 cache, evenly while rows pass over the present tile: on its
// own the processor would fetch them only when they are wanted.
template <int kVectors>
struct WeightsAhead {
  const float* weights;  // of the next unit
  Index stride;
  Index n_units;
  Index n_rows;
  Index due = 0;

  HARDZERO_METHOD void row_passes() {
    for (due += n_units; due >= n_rows; due -= n_rows, weights += stride) {
      HARDZERO_UNROLL
      for (int v = 0; v < kVectors; v += kLineFloats / kLanes) __builtin_prefetch(weights + v * kLanes, 0, 2);
    }
  }
};

// Rows between a prefetch of a list and its use.
constexpr Index kListsAhead = 3;

HARDZERO_INLINE void prefetch_lists(const RowLists& rows, Index row, Index block) {
  const Index entry = rows.start[row] + rows.block_start[row * (rows.n_blocks + 1) + block];
  for (Index line = 0; line < 2; ++line) {
    __builtin_prefetch(rows.index + entry + line * kLineFloats);
    __builtin_prefetch(rows.value + entry + line * kLineFloats);
  }
}

// The same while a tile of units passes over all rows, its weights in the L1 cache; the sums wait in the
// output between tiles.
template <int kVectors>
static void affine_tiled_columns(const TiledLists& tiled, const AffineTask& task, Index column) {
  const RowLists rows = tiled.rows;
  const float* const weights = task.weights + column;
  const float* const bias = task.bias + column;
  float* const outputs = task.output + column;
  const Index weights_stride = task.weights_stride;
  const Index output_stride = task.output_stride;
  const Index tile_units = tiled.tile_blocks * kBlockUnits;
  for (Index block = 0; block < rows.n_blocks; block += tiled.tile_blocks) {
    const Index next = block + tiled.tile_blocks < rows.n_blocks ? block + tiled.tile_blocks : rows.n_blocks;
    const Index next_unit = next * kBlockUnits;
    const Index units_left = next_unit < tiled.n_units ? tiled.n_units - next_unit : 0;
    WeightsAhead<kVectors> ahead{weights + next_unit * weights_stride, weights_stride,
                                 units_left < tile_units ? units_left : tile_units,
                                 task.last_row - task.first_row};
    for (Index row = task.first_row; row < task.last_row; ++row) {
      ahead.row_passes();
      if (row + kListsAhead < task.last_row) prefetch_lists(rows, row + kListsAhead, block);
      const std::int32_t* const block_start = rows.block_start + row * (rows.n_blocks + 1);
      if (block_start[block] == block_start[next] && block > 0) continue;
      const Index start = rows.start[row];
      float* const output = outputs + row * output_stride;
      const float* const sums_so_far = block == 0 ? bias : output;
      Vector sums[kVectors];
      HARDZERO_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[v] = load(sums_so_far + v * kLanes);
      add_weight_rows(sums, rows.index + start, rows.value + start, block_start[block], block_start[next],
                      weights, weights_stride);
      HARDZERO_UNROLL
      for (int v = 0; v < kVectors; ++v) store(output + v * kLanes, sums[v]);
    }
  }
}

// Go over the columns of a task in blocks of up to `most_vectors` vectors, all about as wide.
template <class Rows>
HARDZERO_INLINE void for_column_blocks(void (*const (&by_vectors)[kMostColumnVectors + 1])(const Rows&,
                                                                                           const AffineTask&,
                                                                                           Index),
                                       const Rows& rows, const AffineTask& task, Index most_vectors) {
  const Index n_vectors = (task.last_column - task.first_column) / kLanes;
  const Index n_blocks = ceil_div(n_vectors, most_vectors);
  const Index width = n_blocks > 0 ? ceil_div(n_vectors, n_blocks) : 0;
  for (Index vector = 0; vector < n_vectors; vector += width) {
    const Index left = n_vectors - vector;
    by_vectors[left < width ? left : width](rows, task, task.first_column + vector * kLanes);
  }
}

static void affine_sparse(const RowLists& rows, const AffineTask& task, Index most_vectors) {
  using Function = void (*)(const RowLists&, const AffineTask&, Index);
  static constexpr Function by_vectors[kMostColumnVectors + 1] = {
      nullptr,
      affine_sparse_columns<1>,
      affine_sparse_columns<2>,
      affine_sparse_columns<3>,
      affine_sparse_columns<4>,
      affine_sparse_columns<5>,
      affine_sparse_columns<6>,
      affine_sparse_columns<7>,
      affine_sparse_columns<8>,
  };
  for_column_blocks(by_vectors, rows, task, most_vectors);
}

static void affine_tiled(const TiledLists& rows, const AffineTask& task, Index most_vectors) {
  using Function = void (*)(const TiledLists&, const AffineTask&, Index);
  static constexpr Function by_vectors[kMostColumnVectors + 1] = {
      nullptr,
      affine_tiled_columns<1>,
      affine_tiled_columns<2>,
      affine_tiled_columns<3>,
      affine_tiled_columns<4>,
      affine_tiled_columns<5>,
      affine_tiled_columns<6>,
      affine_tiled_columns<7>,
      affine_tiled_columns<8>,
  };
  for_column_blocks(by_vectors, rows, task, most_vectors);
}

constexpr int kDenseRows = kRegisters == 32 ? 8 : 4;
constexpr int kDenseVectors = kRegisters == 32 ? 3 : 2;

// sums[i][v] += a[i * row_step + k * inner_step] * b[k * b_stride + v * kLanes] over k: the outer-product
// core that dense forward products and dense gradients share.
template <int kRows, int kVectors>
HARDZERO_INLINE void accumulate_outer_products(Vector (&sums)[kRows][kVectors], const float* a,
                                               Index row_step, Index inner_step, const float* b,
                                               Index b_stride, Index n_inner) {
  for (Index k = 0; k < n_inner; ++k) {
    Vector b_row[kVectors];
    HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) b_row[v] = load(b + k * b_stride + v * kLanes);
    HARDZERO_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const Vector x = broadcast(a[i * row_step + k * inner_step]);
      HARDZERO_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[i][v] += x * b_row[v];
    }
  }
}

// The part of the units whose weights, for one block of columns, stay in the L2 cache.
struct UnitRange {
  Index first, last;
};
constexpr Index kDenseUnits = 512;

template <int kRows, int kVectors>
static void affine_dense_block(const DenseRows& rows, UnitRange units, const AffineTask& task, Index row,
                               Index column) {
  Vector sums[kRows][kVectors];
  float* const output = task.output + row * task.output_stride + column;
  HARDZERO_UNROLL
  for (int i = 0; i < kRows; ++i) HARDZERO_UNROLL
  for (int v = 0; v < kVectors; ++v)
    sums[i][v] = load((units.first == 0 ? task.bias + column : output + i * task.output_stride) + v * kLanes);
  accumulate_outer_products<kRows, kVectors>(sums, rows.values + row * rows.stride + units.first, rows.stride,
                                             1, task.weights + units.first * task.weights_stride + column,
                                             task.weights_stride, units.last - units.first);
  HARDZERO_UNROLL
  for (int i = 0; i < kRows; ++i) HARDZERO_UNROLL
  for (int v = 0; v < kVectors; ++v) store(output + i * task.output_stride + v * kLanes, sums[i][v]);
}

template <int kVectors>
static void affine_dense_columns(const DenseRows& rows, const AffineTask& task, Index column) {
  for (Index unit = 0; unit == 0 || unit < rows.n_units; unit += kDenseUnits) {
    const UnitRange units{unit, unit + kDenseUnits < rows.n_units ? unit + kDenseUnits : rows.n_units};
    Index row = task.first_row;
    for (; row + kDenseRows <= task.last_row; row += kDenseRows)
      affine_dense_block<kDenseRows, kVectors>(rows, units, task, row, column);
    for (; row + 2 <= task.last_row; row += 2)
      affine_dense_block<2, kVectors>(rows, units, task, row, column);
    if (row < task.last_row) affine_dense_block<1, kVectors>(rows, units, task, row, column);
  }
}

static void affine_dense(const DenseRows& rows, const AffineTask& task) {
  Index column = task.first_column;
  for (; column + kDenseVectors * kLanes <= task.last_column; column += kDenseVectors * kLanes)
    affine_dense_columns<kDenseVectors>(rows, task, column);
  for (; column < task.last_column; column += kLanes) affine_dense_columns<1>(rows, task, column);
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
