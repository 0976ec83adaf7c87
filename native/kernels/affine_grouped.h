// The forward product of rows that are neither sparse nor dense: neighboring rows, a group, share the loads
// of the weights that several of them need.
#pragma once

#include "../kernels.h"
#include "../simd.h"
#include "affine.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

// Sums of three rows by eight vectors leave registers for the weights and activations; of sixteen registers
// too few would be left.
constexpr int kGroupRows = kRegisters == 32 ? 3 : 1;

static_assert(kBlockUnits == 64, "a bit for each unit of a block");

// One bit for each of the next `count` values that is not zero.
HARDZERO_INLINE std::uint64_t nonzero_bits(const float* values, Index count) {
  std::uint64_t bits = 0;
  for (Index unit = 0; unit < count; unit += kLanes)
    bits |= static_cast<std::uint64_t>(lane_mask(load(values + unit) != Vector{})) << unit;
  return count < kBlockUnits ? bits & ((std::uint64_t{1} << count) - 1) : bits;
}

// The rows of a group, at one block of units and one block of columns.
template <int kRows>
struct RowGroup {
  const float* activations[kRows];
  std::uint64_t active[kRows];  // nonzero_bits
  float* output[kRows];
};

// sums[r] += what `units` add to the rows of `kPattern`, in all of which they are active.
template <unsigned kPattern, int kRows, int kVectors>
HARDZERO_INLINE void add_shared_units(Vector (&sums)[kRows][kVectors], const RowGroup<kRows>& group,
                                      std::uint64_t units, const float* weights, Index weights_stride) {
  for (; units != 0; units &= units - 1) {
    const Index unit = __builtin_ctzll(units);
    const float* const weight_row = weights + unit * weights_stride;
    Vector x[kRows];
    HARDZERO_UNROLL
    for (int r = 0; r < kRows; ++r)
      if (kPattern >> r & 1) x[r] = broadcast_from(group.activations[r] + unit);
    HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const Vector weight = load_once(weight_row + v * kLanes);
      HARDZERO_UNROLL
      for (int r = 0; r < kRows; ++r)
        if (kPattern >> r & 1) sums[r][v] += x[r] * weight;
    }
  }
}

// Each pattern of rows that can share a unit, the units it has.
template <unsigned kPattern, int kRows, int kVectors>
HARDZERO_INLINE void add_patterns(Vector (&sums)[kRows][kVectors], const RowGroup<kRows>& group,
                                  const float* weights, Index weights_stride) {
  if constexpr (kPattern > 0) {
    std::uint64_t units = ~std::uint64_t{0};
    HARDZERO_UNROLL
    for (int r = 0; r < kRows; ++r) units &= kPattern >> r & 1 ? group.active[r] : ~group.active[r];
    add_shared_units<kPattern>(sums, group, units, weights, weights_stride);
    add_patterns<kPattern - 1>(sums, group, weights, weights_stride);
  }
}

template <int kRows, int kVectors>
HARDZERO_INLINE void affine_group(const float* values, Index stride, Index first_unit, Index n_units,
                                  const AffineTask& task, Index row, Index column) {
  RowGroup<kRows> group;
  Vector sums[kRows][kVectors];
  HARDZERO_UNROLL
  for (int r = 0; r < kRows; ++r) {
    group.activations[r] = values + (row + r) * stride + first_unit;
    group.active[r] = nonzero_bits(group.activations[r], n_units);
    group.output[r] = task.output + (row + r) * task.output_stride + column;
    const float* const so_far = first_unit == 0 ? task.bias + column : group.output[r];
    HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[r][v] = load(so_far + v * kLanes);
  }
  add_patterns<(1u << kRows) - 1>(sums, group, task.weights + first_unit * task.weights_stride + column,
                                  task.weights_stride);
  HARDZERO_UNROLL
  for (int r = 0; r < kRows; ++r) HARDZERO_UNROLL
  for (int v = 0; v < kVectors; ++v) store(group.output[r] + v * kLanes, sums[r][v]);
}

// One block of columns: blocks of units, their weights in the L1 cache, pass over all rows.
template <int kVectors>
static void affine_grouped_columns(const DenseRows& rows, const AffineTask& task, Index column) {
  for (Index unit = 0; unit == 0 || unit < rows.n_units; unit += kBlockUnits) {
    const Index left = rows.n_units - unit;
    const Index n_units = left < kBlockUnits ? left : kBlockUnits;
    WeightsAhead<kVectors> ahead{task.weights + (unit + n_units) * task.weights_stride + column,
                                 task.weights_stride,
                                 left - n_units < kBlockUnits ? left - n_units : kBlockUnits,
                                 (task.last_row - task.first_row) / kGroupRows + 1};
    Index row = task.first_row;
    for (; row + kGroupRows <= task.last_row; row += kGroupRows) {
      ahead.row_passes();
      affine_group<kGroupRows, kVectors>(rows.values, rows.stride, unit, n_units, task, row, column);
    }
    for (; row < task.last_row; ++row)
      affine_group<1, kVectors>(rows.values, rows.stride, unit, n_units, task, row, column);
  }
}

static void affine_grouped(const DenseRows& rows, const AffineTask& task, Index most_vectors) {
  using Function = void (*)(const DenseRows&, const AffineTask&, Index);
  static constexpr Function by_vectors[kMostColumnVectors + 1] = {
      nullptr,
      affine_grouped_columns<1>,
      affine_grouped_columns<2>,
      affine_grouped_columns<3>,
      affine_grouped_columns<4>,
      affine_grouped_columns<5>,
      affine_grouped_columns<6>,
      affine_grouped_columns<7>,
      affine_grouped_columns<8>,
  };
  for_column_blocks(by_vectors, rows, task, most_vectors);
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
