// The forward product of a layer: rows · weights + bias.
#pragma once

#include "../kernels.h"
#include "../simd.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

constexpr int kMostColumnVectors = 8;

// One block of columns, its accumulators in registers. While a tile of units passes over all rows its weights
// stay in the L1 cache; the sums wait in the output between tiles.
template <int kVectors>
static void affine_sparse_columns(const RowLists& rows, const AffineTask& task, Index column,
                                  Index tile_blocks) {
  const float* const weights = task.weights + column;
  const float* const bias = task.bias + column;
  const Index n_tiles = tile_blocks > 0 ? (rows.n_blocks + tile_blocks - 1) / tile_blocks : 1;
  for (Index tile = 0; tile < n_tiles; ++tile) {
    for (Index row = task.first_row; row < task.last_row; ++row) {
      Index entry = rows.start[row];
      Index end = rows.end[row];
      if (n_tiles > 1) {
        const std::int32_t* const blocks = rows.block_start + row * (rows.n_blocks + 1);
        const Index next = (tile + 1) * tile_blocks;
        end = entry + blocks[next < rows.n_blocks ? next : rows.n_blocks];
        entry += blocks[tile * tile_blocks];
      }
      float* const output = task.output + row * task.output_stride + column;
      const float* const sums_so_far = tile == 0 ? bias : output;
      Vector sums[kVectors];
      for (int v = 0; v < kVectors; ++v) sums[v] = load(sums_so_far + v * kLanes);
      for (; entry < end; ++entry) {
        const float* const weight_row = weights + rows.index[entry] * task.weights_stride;
        const Vector x = broadcast(rows.value[entry]);
        for (int v = 0; v < kVectors; ++v) sums[v] += x * load(weight_row + v * kLanes);
      }
      for (int v = 0; v < kVectors; ++v) store(output + v * kLanes, sums[v]);
    }
  }
}

static void affine_sparse(const RowLists& rows, const AffineTask& task, Index tile_blocks,
                          Index most_vectors) {
  using Function = void (*)(const RowLists&, const AffineTask&, Index, Index);
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
  for (Index column = task.first_column; column < task.last_column;) {
    const Index vectors_left = (task.last_column - column) / kLanes;
    const Index vectors = vectors_left < most_vectors ? vectors_left : most_vectors;
    by_vectors[vectors](rows, task, column, tile_blocks);
    column += vectors * kLanes;
  }
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
    for (int v = 0; v < kVectors; ++v) b_row[v] = load(b + k * b_stride + v * kLanes);
    for (int i = 0; i < kRows; ++i) {
      const Vector x = broadcast(a[i * row_step + k * inner_step]);
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
static void affine_dense_block(const float* values, Index stride, UnitRange units, const AffineTask& task,
                               Index row, Index column) {
  Vector sums[kRows][kVectors];
  float* const output = task.output + row * task.output_stride + column;
  for (int i = 0; i < kRows; ++i)
    for (int v = 0; v < kVectors; ++v)
      sums[i][v] =
          load((units.first == 0 ? task.bias + column : output + i * task.output_stride) + v * kLanes);
  accumulate_outer_products<kRows, kVectors>(sums, values + row * stride + units.first, stride, 1,
                                             task.weights + units.first * task.weights_stride + column,
                                             task.weights_stride, units.last - units.first);
  for (int i = 0; i < kRows; ++i)
    for (int v = 0; v < kVectors; ++v) store(output + i * task.output_stride + v * kLanes, sums[i][v]);
}

template <int kVectors>
static void affine_dense_columns(const float* values, Index stride, Index n_units, const AffineTask& task,
                                 Index column) {
  for (Index unit = 0; unit == 0 || unit < n_units; unit += kDenseUnits) {
    const UnitRange units{unit, unit + kDenseUnits < n_units ? unit + kDenseUnits : n_units};
    Index row = task.first_row;
    for (; row + kDenseRows <= task.last_row; row += kDenseRows)
      affine_dense_block<kDenseRows, kVectors>(values, stride, units, task, row, column);
    for (; row + 2 <= task.last_row; row += 2)
      affine_dense_block<2, kVectors>(values, stride, units, task, row, column);
    if (row < task.last_row) affine_dense_block<1, kVectors>(values, stride, units, task, row, column);
  }
}

static void affine_dense(const float* values, Index stride, Index n_units, const AffineTask& task) {
  Index column = task.first_column;
  for (; column + kDenseVectors * kLanes <= task.last_column; column += kDenseVectors * kLanes)
    affine_dense_columns<kDenseVectors>(values, stride, n_units, task, column);
  for (; column < task.last_column; column += kLanes)
    affine_dense_columns<1>(values, stride, n_units, task, column);
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
