// Rectifying pre-activations and listing the non-zeros of dense rows.
#pragma once

#include "../kernels.h"
#include "../simd.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

// Appends the non-zeros of one row to its list and notes where each block of units begins.
struct RowListWriter {
  std::int32_t* index;
  float* value;
  std::int32_t* block_start;
  std::int32_t count = 0;

  // `visit(column, values)` sets the values at [column, column + kLanes) and returns the mask of those to
  // list.
  template <class Visit>
  HARDZERO_METHOD void write(Index n_columns, Visit visit) {
    for (Index block = 0, column = 0; column < n_columns; ++block) {
      block_start[block] = count;
      const Index block_end = column + kBlockUnits < n_columns ? column + kBlockUnits : n_columns;
      for (; column < block_end; column += kLanes) {
        const Index left = n_columns - column;
        const std::uint32_t valid = left < kLanes ? (1u << left) - 1 : ~0u;
        Vector values;
        const std::uint32_t mask = visit(column, values) & valid;
        const IntVector numbers = lane_numbers() + (static_cast<std::int32_t>(column) - IntVector{});
        count += compress(index + count, value + count, numbers, values, mask);
      }
    }
    block_start[blocks_of(n_columns)] = count;
  }
};

// The writer of one row; end_row notes how far it came.
HARDZERO_INLINE RowListWriter begin_row(const WritableRowLists& lists, Index row, Index n_columns) {
  const Index start = row * lists.stride;
  return {lists.index + start, lists.value + start, lists.block_start + row * (blocks_of(n_columns) + 1)};
}

HARDZERO_INLINE void end_row(const WritableRowLists& lists, Index row, Index count) {
  lists.start[row] = row * lists.stride;
  lists.end[row] = lists.start[row] + count;
}

static void rectify(float* values, Index stride, Index n_columns, const float* signs, Index first_row,
                    Index last_row, const WritableRowLists& lists) {
  for (Index row = first_row; row < last_row; ++row) {
    float* const z = values + row * stride;
    RowListWriter writer = begin_row(lists, row, n_columns);
    writer.write(n_columns, [&](Index column, Vector& activation) {
      const Vector pre_activation = load(z + column);
      const IntVector silent = pre_activation <= Vector{};
      activation = silent ? Vector{} : pre_activation;
      if (signs != nullptr) activation *= load(signs + column);
      store(z + column, activation);
      return lane_mask(~silent);
    });
    end_row(lists, row, writer.count);
  }
}

static void list_nonzeros(const float* values, Index stride, const float* slope, Index slope_stride,
                          Index n_columns, Index first_row, Index last_row, const WritableRowLists& lists) {
  for (Index row = first_row; row < last_row; ++row) {
    RowListWriter writer = begin_row(lists, row, n_columns);
    writer.write(n_columns, [&](Index column, Vector& activation) {
      activation = load(values + row * stride + column);
      IntVector listed = activation != Vector{};
      if (slope != nullptr) listed |= load(slope + row * slope_stride + column) != Vector{};
      return lane_mask(listed);
    });
    end_row(lists, row, writer.count);
  }
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
