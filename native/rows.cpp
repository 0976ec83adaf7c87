#include "rows.h"

#include <cmath>
#include <numeric>

namespace hardzero {

double absolute_sum(const Rows& rows, const float* weights) {
  double total = 0.0;
  for (Index row = 0; row < rows.n_rows; ++row) {
    const bool listed = rows.has_lists();
    const float* const values = listed ? rows.value.data() + rows.start[size_of(row)] : rows.dense.row(row);
    const Index count = listed ? rows.end[size_of(row)] - rows.start[size_of(row)] : rows.n_columns;
    // Several sums side by side: one would wait for each addition.
    constexpr Index kSums = 8;
    double partial[kSums] = {};
    Index entry = 0;
    for (; entry + kSums <= count; entry += kSums)
      for (Index k = 0; k < kSums; ++k) partial[k] += std::abs(static_cast<double>(values[entry + k]));
    for (; entry < count; ++entry) partial[0] += std::abs(static_cast<double>(values[entry]));
    const double weight = weights != nullptr ? static_cast<double>(weights[row]) : 1.0;
    total += weight * std::accumulate(partial, partial + kSums, 0.0);
  }
  return total;
}

Index copy_nonzeros(const Rows& rows, Index* row_start, std::int32_t* index, float* value) {
  Index place = 0;
  for (Index row = 0; row < rows.n_rows; ++row) {
    row_start[row] = place;
    for (Index entry = rows.start[size_of(row)]; entry < rows.end[size_of(row)]; ++entry) {
      if (rows.value[size_of(entry)] == 0.0f) continue;
      index[place] = rows.index[size_of(entry)];
      value[place++] = rows.value[size_of(entry)];
    }
  }
  row_start[rows.n_rows] = place;
  return place;
}

}  // namespace hardzero
