#include "engine.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>

#include "thread_pool.h"

namespace hardzero {

namespace {

// Densities above which the dense kernels are faster (benchmarks/kernels.py).
constexpr double kForwardBreakEven = 0.55;
constexpr double kBackwardBreakEven = 0.70;
constexpr Index kFewestDenseRows = 4;

// Tiles of weights in the L1 cache pay from these densities on, two blocks of units wide or one.
constexpr double kTilingDensity = 0.06;
constexpr double kNarrowTileDensity = 0.10;
constexpr Index kFewestTiledRows = 16;
constexpr Index kTileColumns = 64;                  // with kBlockUnits rows, 32 KB
constexpr Index kTileFloats = 6 * 1024;             // 24 KB: what may stay in the L1 cache
constexpr Index kBackwardCacheFloats = 128 * 1024;  // 512 KB: what may stay in the L2 cache
constexpr Index kFusedColumns = 144;
constexpr Index kStripColumns = 128;  // without tiles
constexpr Index kDenseColumns = 192;
constexpr Index kMostChunkRows = 256;  // keeps the output strip of a tile in L2
constexpr Index kFewestChunkRows = 16;

// CSR input at least this dense is worth a dense copy: its transposed lists are quicker to make.
constexpr double kDenseCopyDensity = 0.10;

// Loops with less work than this (in entries) stay on the calling thread.
constexpr Index kWorkForThreads = 8192;

Index blocks_of(Index n_columns) { return (n_columns + kBlockUnits - 1) / kBlockUnits; }

std::size_t size_of(Index n) { return static_cast<std::size_t>(n); }

}  // namespace

Engine::Engine(int n_threads, const Kernels& kernels)
    : n_threads_(n_threads), kernels_(kernels), pool_(std::make_shared<MemoryPool>()) {}

void Engine::run(Index n_tasks, const Task& task) const {
  ThreadPool::instance().run(n_tasks, n_threads_, task);
}

void Engine::run_over_rows(Index n_rows, Index work_per_row,
                           const std::function<void(Index, Index)>& task) const {
  const Index wanted = n_rows * work_per_row < kWorkForThreads ? 1 : 4 * static_cast<Index>(n_threads_);
  const Index chunk = std::max<Index>(1, (n_rows + wanted - 1) / wanted);
  run((n_rows + chunk - 1) / chunk,
      [&](Index i, int) { task(i * chunk, std::min(n_rows, (i + 1) * chunk)); });
}

Matrix Engine::zeros(Index n_rows, Index n_columns) {
  Matrix matrix(*pool_, n_rows, n_columns);
  std::memset(matrix.values.data(), 0, matrix.values.size() * sizeof(float));
  return matrix;
}

Rows Engine::empty_rows(Index n_rows, Index n_columns, bool dense) const {
  Rows rows;
  rows.n_rows = n_rows;
  rows.n_columns = n_columns;
  rows.start = Array<Index>(*pool_, size_of(n_rows));
  rows.end = Array<Index>(*pool_, size_of(n_rows));
  if (dense) {
    rows.dense = Matrix(*pool_, n_rows, n_columns);
    rows.lists_stride = round_up(n_columns, kLineFloats) + kLineFloats;
    rows.index = Array<std::int32_t>(*pool_, size_of(n_rows * rows.lists_stride));
    rows.value = Array<float>(*pool_, size_of(n_rows * rows.lists_stride));
    rows.n_blocks = blocks_of(n_columns);
    rows.block_start = Array<std::int32_t>(*pool_, size_of(n_rows * (rows.n_blocks + 1)));
  }
  return rows;
}

// Lists may hold zeros whose slope is not zero; those do not count.
void Engine::count_nonzeros(Rows& rows) const {
  Index count = 0;
  for (Index row = 0; row < rows.n_rows; ++row) {
    count += rows.end[size_of(row)] - rows.start[size_of(row)];
    if (!rows.slope.exists()) continue;
    for (Index entry = rows.start[size_of(row)]; entry < rows.end[size_of(row)]; ++entry)
      count -= rows.value[size_of(entry)] == 0.0f;
  }
  rows.n_nonzero = count;
}

void Engine::list_nonzeros(Rows& rows) {
  run_over_rows(rows.n_rows, rows.n_columns, [&](Index first, Index last) {
    kernels_.list_nonzeros(rows.dense.values.data(), rows.dense.stride, rows.slope.values.data(),
                           rows.slope.stride, rows.n_columns, first, last, rows.index.data(),
                           rows.value.data(), rows.lists_stride, rows.start.data(), rows.end.data(),
                           rows.block_start.data());
  });
  count_nonzeros(rows);
}

namespace {

void copy_padded(const float* source, Index n_columns, const Matrix& target, Index row) {
  float* const place = target.row(row);
  std::memcpy(place, source, size_of(n_columns) * sizeof(float));
  std::memset(place + n_columns, 0, size_of(target.stride - n_columns) * sizeof(float));
}

}  // namespace

Rows Engine::take_dense(const float* values, Index row_stride, Index n_columns, const Index* samples,
                        Index first, Index n_samples) {
  Rows rows = empty_rows(n_samples, n_columns, true);
  run_over_rows(n_samples, n_columns, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row)
      copy_padded(values + (samples != nullptr ? samples[row] : first + row) * row_stride, n_columns,
                  rows.dense, row);
    kernels_.list_nonzeros(rows.dense.values.data(), rows.dense.stride, nullptr, 0, n_columns, begin, end,
                           rows.index.data(), rows.value.data(), rows.lists_stride, rows.start.data(),
                           rows.end.data(), rows.block_start.data());
  });
  count_nonzeros(rows);
  return rows;
}

template <class Integer>
Rows Engine::take_csr(const CsrView<Integer>& matrix, const Index* samples, Index first, Index n_samples) {
  const auto sample = [&](Index row) { return samples != nullptr ? samples[row] : first + row; };
  Index capacity = 0;
  for (Index row = 0; row < n_samples; ++row)
    capacity += static_cast<Index>(matrix.row_start[sample(row) + 1] - matrix.row_start[sample(row)]);
  const double size = static_cast<double>(n_samples) * static_cast<double>(matrix.n_columns);
  const bool dense = static_cast<double>(capacity) >= kDenseCopyDensity * size;
  Rows rows = empty_rows(n_samples, matrix.n_columns, dense);
  if (dense) {
    run_over_rows(n_samples, matrix.n_columns, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        float* const target = rows.dense.row(row);
        std::memset(target, 0, size_of(rows.dense.stride) * sizeof(float));
        for (Integer k = matrix.row_start[sample(row)]; k < matrix.row_start[sample(row) + 1]; ++k)
          target[matrix.index[k]] = matrix.value[k];
      }
    });
    list_nonzeros(rows);
    return rows;
  }
  rows.index = Array<std::int32_t>(*pool_, size_of(capacity));
  rows.value = Array<float>(*pool_, size_of(capacity));
  Index entry = 0;
  for (Index row = 0; row < n_samples; ++row) {
    rows.start[size_of(row)] = entry;
    for (Integer k = matrix.row_start[sample(row)]; k < matrix.row_start[sample(row) + 1]; ++k) {
      if (matrix.value[k] == 0.0f) continue;
      rows.index[size_of(entry)] = static_cast<std::int32_t>(matrix.index[k]);
      rows.value[size_of(entry)] = matrix.value[k];
      ++entry;
    }
    rows.end[size_of(row)] = entry;
  }
  rows.n_nonzero = entry;
  return rows;
}

template Rows Engine::take_csr(const CsrView<std::int32_t>&, const Index*, Index, Index);
template Rows Engine::take_csr(const CsrView<std::int64_t>&, const Index*, Index, Index);

Rows Engine::take_activations(const float* values, const float* slope, Index n_rows, Index n_columns) {
  Rows rows = empty_rows(n_rows, n_columns, true);
  rows.slope = Matrix(*pool_, n_rows, n_columns);
  run_over_rows(n_rows, n_columns, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      copy_padded(values + row * n_columns, n_columns, rows.dense, row);
      copy_padded(slope + row * n_columns, n_columns, rows.slope, row);
    }
  });
  list_nonzeros(rows);
  return rows;
}

void Engine::make_dense(Rows& rows) {
  if (rows.dense.exists()) return;
  Rows dense = empty_rows(rows.n_rows, rows.n_columns, true);
  run_over_rows(rows.n_rows, rows.n_columns, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      float* const target = dense.dense.row(row);
      std::memset(target, 0, size_of(dense.dense.stride) * sizeof(float));
      for (Index entry = rows.start[size_of(row)]; entry < rows.end[size_of(row)]; ++entry)
        target[rows.index[size_of(entry)]] = rows.value[size_of(entry)];
    }
  });
  dense.scale = rows.scale;
  list_nonzeros(dense);
  rows = std::move(dense);
}

namespace {

enum class Product { dense, tiled, listed };

// How a forward product is divided: tasks of some columns by some rows.
struct AffinePlan {
  Product product;
  Index task_columns;
  Index chunk_rows;
  Index tile_blocks;
  Index column_tasks;
  Index row_tasks;
};

AffinePlan plan_affine(const Rows& rows, Index n_columns, int n_threads) {
  AffinePlan plan;
  const bool tall = rows.n_rows >= kFewestTiledRows && rows.n_blocks > 1 && n_columns >= kTileColumns;
  if (rows.dense.exists() && rows.n_rows >= kFewestDenseRows && rows.density() > kForwardBreakEven)
    plan.product = Product::dense;
  else
    plan.product = tall && rows.density() >= kTilingDensity ? Product::tiled : Product::listed;
  plan.task_columns = plan.product == Product::dense ? kDenseColumns : kStripColumns;
  plan.tile_blocks = rows.density() < kNarrowTileDensity ? 2 : 1;
  plan.column_tasks = (n_columns + plan.task_columns - 1) / plan.task_columns;
  const Index chunks_wanted = (2 * n_threads + plan.column_tasks - 1) / plan.column_tasks;
  const Index share = round_up(rows.n_rows / chunks_wanted + 1, kFewestChunkRows);
  plan.chunk_rows = std::min(kMostChunkRows, share);
  plan.row_tasks = (rows.n_rows + plan.chunk_rows - 1) / plan.chunk_rows;
  return plan;
}

// Row lists copied into the order of TiledLists.
struct Tiling {
  Array<Index> start;
  Array<std::int32_t> index;
  Array<float> value;
  Index n_tiles;

  Tiling(MemoryPool& pool, const Rows& rows, Index tile_blocks)
      : n_tiles((rows.n_blocks + tile_blocks - 1) / tile_blocks) {
    start = Array<Index>(pool, size_of(rows.n_rows * n_tiles + 1));
    Index entries = 0;
    for (Index row = 0; row < rows.n_rows; ++row)
      entries += rows.end[size_of(row)] - rows.start[size_of(row)];
    index = Array<std::int32_t>(pool, size_of(entries + kLineFloats));
    value = Array<float>(pool, size_of(entries + kLineFloats));
  }
  TiledLists lists() const { return {start.data(), index.data(), value.data(), n_tiles}; }
};

// Where the entries of a tile begin in a row's list.
Index tile_begin(const Rows& rows, Index row, Index tile, Index tile_blocks) {
  const Index block = std::min(rows.n_blocks, tile * tile_blocks);
  return rows.block_start[size_of(row * (rows.n_blocks + 1) + block)];
}

}  // namespace

void Engine::fill_tiling(const Rows& rows, Index chunk_rows, Index tile_blocks, Index n_tiles, Index* start,
                         std::int32_t* index, float* value) const {
  Index place = 0;
  Index entry = 0;
  for (Index first = 0; first < rows.n_rows; first += chunk_rows) {
    const Index last = std::min(rows.n_rows, first + chunk_rows);
    for (Index tile = 0; tile < n_tiles; ++tile)
      for (Index row = first; row < last; ++row) {
        start[place++] = entry;
        entry += tile_begin(rows, row, tile + 1, tile_blocks) - tile_begin(rows, row, tile, tile_blocks);
      }
  }
  start[place] = entry;
  run_over_rows(rows.n_rows, rows.n_columns, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const Index first = row / chunk_rows * chunk_rows;
      const Index n_chunk = std::min(rows.n_rows, first + chunk_rows) - first;
      for (Index tile = 0; tile < n_tiles; ++tile) {
        const Index from = rows.start[size_of(row)] + tile_begin(rows, row, tile, tile_blocks);
        const Index* const to = start + first * n_tiles + tile * n_chunk + (row - first);
        for (Index k = 0; k < to[1] - to[0]; ++k) {
          index[to[0] + k] = rows.index[size_of(from + k)];
          value[to[0] + k] = rows.value[size_of(from + k)];
        }
      }
    }
  });
}

void Engine::affine_into(const Rows& rows, const Weights& weights, const float* bias,
                         const Matrix& output) const {
  const Index n_columns = round_up(weights.n_outputs, kLineFloats);
  const AffinePlan plan = plan_affine(rows, n_columns, n_threads_);
  std::optional<Tiling> tiling;
  if (plan.product == Product::tiled) {
    tiling.emplace(*pool_, rows, plan.tile_blocks);
    fill_tiling(rows, plan.chunk_rows, plan.tile_blocks, tiling->n_tiles, tiling->start.data(),
                tiling->index.data(), tiling->value.data());
  }
  const RowLists lists = rows.lists();
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
        return kernels_.affine_dense(rows.dense.values.data(), rows.dense.stride, rows.n_columns, part);
      case Product::tiled:
        return kernels_.affine_tiled(tiling->lists(), part, most_vectors);
      case Product::listed:
        return kernels_.affine_sparse(lists, part, most_vectors);
    }
  };
  const Index n_tasks = plan.column_tasks * plan.row_tasks;
  if ((rows.n_nonzero + rows.n_rows) * n_columns >= kWorkForThreads * kLineFloats) {
    run(n_tasks, task);
  } else {
    for (Index i = 0; i < n_tasks; ++i) task(i, 0);
  }
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
                     hidden.index.data(), hidden.value.data(), hidden.lists_stride, hidden.start.data(),
                     hidden.end.data(), hidden.block_start.data());
  });
  count_nonzeros(hidden);
  return hidden;
}

namespace {

// hardzero.ops.random_bits.mix: splitmix64 (Steele, Lea and Flood 2014).
std::uint32_t random_bits(std::uint64_t counter, std::uint64_t seed) {
  std::uint64_t z = (counter + 1) * 0x9E3779B97F4A7C15u + seed;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
}

}  // namespace

Rows Engine::dropout(const Rows& rows, std::uint32_t threshold, float scale, std::uint64_t seed) {
  Rows kept = empty_rows(rows.n_rows, rows.n_columns, rows.dense.exists());
  if (!rows.dense.exists()) {
    kept.index = Array<std::int32_t>(*pool_, rows.index.size());
    kept.value = Array<float>(*pool_, rows.value.size());
  }
  if (rows.slope.exists()) kept.slope = Matrix(*pool_, rows.n_rows, rows.n_columns);
  kept.scale = rows.scale * scale;
  const std::size_t row_bytes = size_of(padded_width(rows.n_columns)) * sizeof(float);
  run_over_rows(rows.n_rows, rows.n_columns, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      if (kept.dense.exists()) std::memset(kept.dense.row(row), 0, row_bytes);
      if (kept.slope.exists()) std::memset(kept.slope.row(row), 0, row_bytes);
      const Index start = rows.start[size_of(row)];
      Index place = start;
      Index block = 0;
      const std::uint64_t row_counter =
          static_cast<std::uint64_t>(row) * static_cast<std::uint64_t>(rows.n_columns);
      for (Index entry = start; entry < rows.end[size_of(row)]; ++entry) {
        const std::int32_t column = rows.index[size_of(entry)];
        for (; block < kept.n_blocks && block * kBlockUnits <= column; ++block)
          kept.block_start[size_of(row * (kept.n_blocks + 1) + block)] =
              static_cast<std::int32_t>(place - start);
        if (random_bits(row_counter + static_cast<std::uint64_t>(column), seed) < threshold) continue;
        const float value = rows.value[size_of(entry)] * scale;
        kept.index[size_of(place)] = column;
        kept.value[size_of(place)] = value;
        ++place;
        if (kept.dense.exists()) kept.dense.row(row)[column] = value;
        if (kept.slope.exists()) kept.slope.row(row)[column] = rows.slope.row(row)[column] * scale;
      }
      if (kept.n_blocks > 0)
        for (; block <= kept.n_blocks; ++block)
          kept.block_start[size_of(row * (kept.n_blocks + 1) + block)] =
              static_cast<std::int32_t>(place - start);
      kept.start[size_of(row)] = start;
      kept.end[size_of(row)] = place;
    }
  });
  count_nonzeros(kept);
  return kept;
}

namespace {

// How the sparse backward pass is divided: tiles of rows, tasks of `task_units` units.
struct BackwardPlan {
  Index tile_rows;
  Index task_units;
  Index units_at_once;
  Index most_vectors;
};

BackwardPlan plan_backward(Index n_rows, Index n_units, Index n_columns, Index lanes, bool pass,
                           int n_threads) {
  BackwardPlan plan;
  if (pass) {
    // Delta of a tile stays in the L2 cache while all units of a task pass over it.
    const Index rows_in_cache = kBackwardCacheFloats / n_columns / kUnitGroup * kUnitGroup;
    plan.tile_rows = std::max<Index>(64, rows_in_cache);
    plan.most_vectors = kFusedColumns / lanes;
  } else {
    // One block of columns of a tile stays in the L1 cache.
    plan.tile_rows = 64;
    plan.most_vectors = kTileFloats / plan.tile_rows / lanes;
  }
  const bool single_tile = n_rows <= plan.tile_rows;
  if (single_tile) plan.tile_rows = n_rows;
  const Index most_units = single_tile && pass ? kUnitGroup : 4 * kUnitGroup;
  const Index share = round_up(n_units / (4 * n_threads) + 1, kUnitGroup);
  plan.task_units = std::min(most_units, share);
  const bool block_in_l1 = plan.tile_rows * plan.most_vectors * lanes <= kTileFloats;
  plan.units_at_once = !pass ? plan.task_units : block_in_l1 ? kUnitGroup : 1;
  return plan;
}

}  // namespace

Matrix Engine::backward(const Rows& rows, const float* delta, const Layer& layer, const Update& update,
                        float activation_l1, bool input_delta) {
  const BackwardArrays arrays{delta,
                              padded_width(layer.weights.n_outputs),
                              rows.n_rows,
                              round_up(layer.weights.n_outputs, kLineFloats),
                              layer.weights.data,
                              {layer.weight_state[0], layer.weight_state[1]},
                              padded_width(layer.weights.n_outputs)};
  Matrix output;
  if (input_delta) output = Matrix(*pool_, rows.n_rows, rows.n_columns);
  if (!rows.dense.exists())
    backward_lists(rows, arrays, update);
  else if (rows.n_rows >= kFewestDenseRows && rows.density() > kBackwardBreakEven)
    backward_dense(rows, arrays, update, activation_l1, output);
  else
    backward_sparse(rows, arrays, update, activation_l1, output);
  kernels_.update_bias(arrays, update, layer.bias, layer.bias_state[0], layer.bias_state[1]);
  const Index written = round_up(rows.n_columns, kUnitGroup);
  for (Index row = 0; input_delta && output.stride > written && row < rows.n_rows; ++row)
    std::memset(output.row(row) + written, 0, size_of(output.stride - written) * sizeof(float));
  return output;
}

void Engine::backward_dense(const Rows& rows, const BackwardArrays& arrays, const Update& update,
                            float activation_l1, const Matrix& output) const {
  const InputView input = rows.view();
  run((rows.n_columns + kUnitGroup - 1) / kUnitGroup, [&](Index i, int) {
    const Index first = i * kUnitGroup;
    const Index last = std::min(rows.n_columns, first + kUnitGroup);
    if (output.exists())
      kernels_.input_delta_dense(arrays, input, first, last, activation_l1, output.values.data(),
                                 output.stride);
    kernels_.gradient_dense(arrays, input, update, first, last);
  });
}

void Engine::backward_sparse(const Rows& rows, const BackwardArrays& arrays, const Update& update,
                             float activation_l1, const Matrix& output) const {
  const bool pass = output.exists();
  const InputView input = rows.view();
  const BackwardPlan plan =
      plan_backward(rows.n_rows, rows.n_columns, arrays.n_columns, kernels_.lanes, pass, n_threads_);
  const Index capacity = round_up(plan.tile_rows, kLineFloats) + kLineFloats;
  const Index task_places = plan.task_units * capacity;
  const bool single_tile = rows.n_rows <= plan.tile_rows;
  const Index carried_places = single_tile ? 0 : plan.task_units * arrays.weights_stride;
  const Index sums_places = pass ? plan.units_at_once * capacity * kLineFloats : 0;
  const Index slot_places = 3 * task_places + carried_places + sums_places;
  const Array<float> scratch(*pool_, size_of(slot_places * n_threads_));
  run((rows.n_columns + plan.task_units - 1) / plan.task_units, [&](Index i, int slot) {
    const Index first_unit = i * plan.task_units;
    const Index last_unit = std::min(rows.n_columns, first_unit + plan.task_units);
    float* const values = scratch.data() + slot * slot_places;
    float* const passed = values + task_places;
    auto* const numbers = reinterpret_cast<std::int32_t*>(passed + task_places);
    float* const carried = passed + 2 * task_places;
    UnitEntries entries[4 * kUnitGroup];
    for (Index row = 0; row == 0 || row < rows.n_rows; row += plan.tile_rows) {
      const Index last_row = std::min(rows.n_rows, row + plan.tile_rows);
      for (Index unit = first_unit; unit < last_unit; unit += kUnitGroup) {
        const Index place = (unit - first_unit) * capacity;
        kernels_.collect_units(input, row, last_row, unit, std::min(last_unit, unit + kUnitGroup),
                               numbers + place, values + place, capacity, entries + (unit - first_unit));
      }
      for (Index k = 0; pass && k < last_unit - first_unit; ++k) entries[k].passed = passed + k * capacity;
      kernels_.backward_sparse(arrays, update, entries, last_unit - first_unit,
                               {plan.units_at_once, plan.most_vectors, carried + carried_places,
                                single_tile ? nullptr : carried, row == 0, last_row == rows.n_rows});
      for (Index unit = first_unit; pass && unit < last_unit; unit += kUnitGroup)
        kernels_.write_input_delta(input, row, last_row, entries + (unit - first_unit),
                                   std::min(kUnitGroup, last_unit - unit), unit, activation_l1,
                                   output.values.data(), output.stride);
      if (last_row == rows.n_rows) break;
    }
  });
}

// Input that is only in lists: transpose them by counting, then update the units that are active in any
// sample (all of them if the rule changes idle weights).
void Engine::backward_lists(const Rows& rows, const BackwardArrays& arrays, const Update& update) const {
  const bool touch_idle = update.rule != Rule::descent || update.decay != 0.0f;
  const Index capacity = rows.n_nonzero + kLineFloats;
  const Array<Index> place_of(*pool_, size_of(rows.n_columns));
  const Array<std::int32_t> sample(*pool_, size_of(capacity));
  const Array<float> value(*pool_, size_of(capacity));
  std::memset(place_of.data(), 0, size_of(rows.n_columns) * sizeof(Index));
  const auto for_each_entry = [&](auto visit) {
    for (Index row = 0; row < rows.n_rows; ++row)
      for (Index entry = rows.start[size_of(row)]; entry < rows.end[size_of(row)]; ++entry)
        visit(row, size_of(rows.index[size_of(entry)]), rows.value[size_of(entry)]);
  };
  Index n_active = 0;
  for_each_entry([&](Index, std::size_t unit, float) { n_active += place_of[unit]++ == 0; });
  const Index n_listed = touch_idle ? rows.n_columns : n_active;
  const Array<UnitEntries> units(*pool_, size_of(n_listed));
  Index listed = 0;
  Index offset = 0;
  for (Index unit = 0; unit < rows.n_columns; ++unit) {
    const Index count = place_of[size_of(unit)];
    place_of[size_of(unit)] = offset;
    if (count > 0 || touch_idle)
      units[size_of(listed++)] = {unit, count, sample.data() + offset, value.data() + offset, nullptr};
    offset += count;
  }
  for_each_entry([&](Index row, std::size_t unit, float x) {
    const std::size_t place = size_of(place_of[unit]++);
    sample[place] = static_cast<std::int32_t>(row);
    value[place] = x;
  });
  const Index chunk = kUnitGroup;
  run((n_listed + chunk - 1) / chunk, [&](Index i, int) {
    kernels_.backward_sparse(arrays, update, units.data() + i * chunk, std::min(chunk, n_listed - i * chunk),
                             {chunk, kFusedColumns / kernels_.lanes, nullptr, nullptr, true, true});
  });
}

}  // namespace hardzero
