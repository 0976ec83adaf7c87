// A minibatch of activations: its non-zeros, mostly a dense copy too, and the slope of what made them.
#pragma once

#include "buffer.h"
#include "kernels.h"

namespace hardzero {

inline std::size_t size_of(Index n) { return static_cast<std::size_t>(n); }

// Row stride of the padded layout (hardzero.ops.layout): an odd number of cache lines.
inline Index padded_width(Index n_columns) { return (ceil_div(n_columns, kLineFloats) | 1) * kLineFloats; }

// A dense matrix in the padded layout.
struct Matrix {
  Array<float> values;
  Index stride = 0;

  Matrix() = default;
  Matrix(MemoryPool& pool, Index n_rows, Index n_columns)
      : values(pool, n_places(n_rows, n_columns)), stride(padded_width(n_columns)) {}
  Matrix(Index n_rows, Index n_columns)
      : values(n_places(n_rows, n_columns)), stride(padded_width(n_columns)) {}
  static std::size_t n_places(Index n_rows, Index n_columns) {
    return size_of(n_rows * padded_width(n_columns) + kLineFloats);
  }
  bool exists() const { return values.data() != nullptr; }
  float* row(Index i) const { return values.data() + i * stride; }
};

// Density above which the dense kernels are faster in every product (benchmarks/kernels.py), from a number of
// rows on.
constexpr double kDenseDensity = 0.70;
constexpr Index kFewestDenseRows = 4;

struct Rows {
  Index n_rows = 0;
  Index n_columns = 0;
  Index n_nonzero = 0;

  Matrix dense;  // absent for CSR input of low density

  // Row r is listed at [start[r], end[r]). Absent where only the dense kernels will read the rows.
  Index lists_stride = 0;  // places per row; 0 if the lists are packed
  Array<std::int32_t> index;
  Array<float> value;
  Array<Index> start;
  Array<Index> end;
  Array<std::int32_t> block_start;  // absent from packed lists
  Index n_blocks = 0;

  Matrix slope;  // absent: `scale` times the sign of the activation
  float scale = 1.0f;

  double density() const {
    const double size = static_cast<double>(n_rows) * static_cast<double>(n_columns);
    return size > 0 ? static_cast<double>(n_nonzero) / size : 0.0;
  }
  bool has_lists() const { return start.data() != nullptr; }
  bool is_dense_work() const { return n_rows >= kFewestDenseRows && density() > kDenseDensity; }
  RowLists lists() const {
    return {start.data(), end.data(), index.data(), value.data(), block_start.data(), n_blocks};
  }
  WritableRowLists writable_lists() const {
    return {index.data(), value.data(), lists_stride, start.data(), end.data(), block_start.data()};
  }
  InputView view() const {
    return {dense.values.data(), dense.stride, slope.values.data(), slope.stride, scale};
  }
};

// The sum of all absolute values, those of each row times its weight (null: 1).
double absolute_sum(const Rows& rows, const float* weights);

// Copy the lists, without zeros, into the arrays of a CSR matrix, with places for n_rows + 1 row starts and
// n_nonzero entries; returns the number of entries.
Index copy_nonzeros(const Rows& rows, Index* row_start, std::int32_t* index, float* value);

}  // namespace hardzero
