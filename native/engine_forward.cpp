// The forward product: dense, or skipping zeros in one of three ways.
#include <algorithm>

#include "engine.h"

namespace hardzero {

namespace {

// Density above which the dense kernel is faster in the forward product (benchmarks/kernels.py), and where
// rows can be grouped.
constexpr double kForwardBreakEven = 0.55;
constexpr double kGroupedForwardBreakEven = 0.62;
constexpr double kNarrowForwardBreakEven = 0.17;  // layers of few outputs
constexpr Index kDenseColumns = 192;

// Tiles of weights in the L1 cache pay from these densities on, two blocks of units wide or one.
constexpr double kTilingDensity = 0.06;
constexpr double kNarrowTileDensity = 0.10;
// Rows share the loads of weights from this density on.
constexpr double kGroupingDensity = 0.33;

constexpr Index kFewestTiledRows = 16;
constexpr Index kNarrowestTiled = 64;  // columns

constexpr Index kStripColumns = 128;       // with kBlockUnits weight rows, 32 KB
constexpr Index kNarrowStripColumns = 64;  // where there would be more threads than tasks
constexpr Index kMostChunkRows = 256;      // keeps the output strip of a chunk in the L2 cache
constexpr Index kFewestChunkRows = 16;
constexpr Index kFewestChunkGroups = 5;

enum class Product { dense, grouped, tiled, listed };

// How a forward product is divided: tasks of some columns by some rows.
struct AffinePlan {
  Product product;
  Index task_columns;
  Index row_unit;  // chunks have a multiple of so many rows
  Index chunk_rows;
  Index tile_blocks;
  Index column_tasks;
  Index row_tasks;
};

// Two tasks a thread where there are rows enough: the threads end at about the same time.
void divide(AffinePlan& plan, Index n_rows, Index n_columns, int n_threads) {
  plan.column_tasks = ceil_div(n_columns, plan.task_columns);
  const Index chunks_wanted = ceil_div(2 * n_threads, plan.column_tasks);
  const Index share = round_up(ceil_div(std::max<Index>(n_rows, 1), chunks_wanted), plan.row_unit);
  plan.chunk_rows = std::min(kMostChunkRows / plan.row_unit * plan.row_unit, share);
  plan.row_tasks = ceil_div(n_rows, plan.chunk_rows);
}

Product choose_product(const Rows& rows, Index n_columns, Index group_rows) {
  const bool tall = rows.n_rows >= kFewestTiledRows && rows.n_blocks > 1 && n_columns >= kNarrowestTiled;
  const bool grouped = tall && group_rows > 1 && rows.dense.exists() && rows.density() >= kGroupingDensity;
  const double break_even = n_columns <= kLineFloats ? kNarrowForwardBreakEven
                            : grouped                ? kGroupedForwardBreakEven
                                                     : kForwardBreakEven;
  if (rows.dense.exists() && rows.n_rows >= kFewestDenseRows && rows.density() > break_even)
    return Product::dense;
  if (grouped) return Product::grouped;
  return tall && rows.density() >= kTilingDensity ? Product::tiled : Product::listed;
}

AffinePlan plan_affine(const Rows& rows, Index n_columns, Index group_rows, int n_threads) {
  AffinePlan plan;
  plan.product = choose_product(rows, n_columns, group_rows);
  plan.task_columns = plan.product == Product::dense ? kDenseColumns : kStripColumns;
  plan.row_unit = plan.product == Product::grouped ? kFewestChunkGroups * group_rows : kFewestChunkRows;
  plan.tile_blocks = rows.density() < kNarrowTileDensity ? 2 : 1;
  divide(plan, rows.n_rows, n_columns, n_threads);
  if (plan.column_tasks * plan.row_tasks < n_threads) {
    plan.task_columns = kNarrowStripColumns;
    divide(plan, rows.n_rows, n_columns, n_threads);
  }
  return plan;
}

}  // namespace

void Engine::affine_into(const Rows& rows, const Weights& weights, const float* bias,
                         const Matrix& output) const {
  const Index n_columns = round_up(weights.n_outputs, kLineFloats);
  const AffinePlan plan = plan_affine(rows, n_columns, groups_rows_ ? kernels_.group_rows : 1, n_threads_);
  const RowLists lists = rows.lists();
  const DenseRows dense{rows.dense.values.data(), rows.dense.stride, rows.n_columns};
  const Index most_vectors = std::min<Index>(8, plan.task_columns / kernels_.lanes);
  const auto task = [&](Index i, int) {
    const Index column = i / plan.row_tasks * plan.task_columns;
    const Index row = i % plan.row_tasks * plan.chunk_rows;
    const AffineTask part{weights.data,
                          padded_width(weights.n_outputs),
                          bias,
                          output.values.data(),
                          output.stride,
                          row,
                          std::min(rows.n_rows, row + plan.chunk_rows),
                          column,
                          std::min(n_columns, column + plan.task_columns)};
    switch (plan.product) {
      case Product::dense:
        return kernels_.affine_dense(dense, part);
      case Product::grouped:
        return kernels_.affine_grouped(dense, part, most_vectors);
      case Product::tiled:
        return kernels_.affine_tiled({lists, rows.n_columns, plan.tile_blocks}, part, most_vectors);
      case Product::listed:
        return kernels_.affine_sparse(lists, part, most_vectors);
    }
  };
  run(plan.column_tasks * plan.row_tasks, (rows.n_nonzero + rows.n_rows) * n_columns, task);
}

Matrix Engine::affine(const Rows& rows, const Weights& weights, const float* bias) {
  Matrix output(*pool_, rows.n_rows, weights.n_outputs);
  affine_into(rows, weights, bias, output);
  return output;
}

Rows Engine::rectified(const Rows& rows, const Weights& weights, const float* bias, const float* signs) {
  Rows hidden = empty_rows(rows.n_rows, weights.n_outputs, true);
  affine_into(rows, weights, bias, hidden.dense);
  run_over_rows(hidden.n_rows, hidden.n_columns, [&](Index first, Index last) {
    kernels_.rectify(hidden.dense.values.data(), hidden.dense.stride, hidden.n_columns, signs, first, last,
                     hidden.writable_lists());
  });
  count_nonzeros(hidden);
  return hidden;
}

}  // namespace hardzero
