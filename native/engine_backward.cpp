// The backward pass: gradient, update and delta of a layer, dense or skipping zeros.
#include <algorithm>
#include <cstring>

#include "engine.h"
#include "l1_cache.h"
#include "unit_order.h"

namespace hardzero {

namespace {

constexpr Index kFusedColumns = 144;                // widest block that a unit passes over delta with
constexpr Index kTileFloats = 9 * 1024;             // 36 KB: what mostly stays in an L1 cache of 48
constexpr Index kBackwardCacheFloats = 128 * 1024;  // 512 KB: what may stay in the L2 cache

constexpr Index kFewestTileRows = 64;
constexpr Index kRowGroup = 16;

// Units that pass over a block of columns of delta in the L1 cache, with at most so many sums beside it; of
// CSR input, those of a task.
constexpr Index kUnitsInL1 = 16;
constexpr Index kSumFloatsInL1 = 4 * 1024;  // 16 KB

// From this density on, units have enough entries in kFewestTileRows rows for tiles in the L1 cache.
constexpr double kSmallTileDensity = 0.35;

// Collecting an entry and passing it back costs as much as some columns.
constexpr Index kEntryColumns = 64;

// Layers of few outputs are dense work from this density on (benchmarks/kernels.py --outputs 10).
constexpr double kNarrowBreakEven = 0.08;

constexpr Index kBiasColumns = 256;  // of a task

bool is_narrow(const Rows& rows, const BackwardArrays& arrays) {
  return arrays.n_columns <= kLineFloats && rows.density() > kNarrowBreakEven;
}

// Rows of which delta stays in the L2 cache while all units of a task pass over it.
Index rows_in_cache(Index n_columns) {
  return std::max(kFewestTileRows, kBackwardCacheFloats / n_columns / kRowGroup * kRowGroup);
}

// Tiles that overflow a smaller L1 cache do not pay where the L2 cache holds all rows.
bool is_tiled_for_l1(const Rows& rows, Index n_columns) {
  const bool one_tile_in_l2 = rows.n_rows <= rows_in_cache(n_columns);
  return rows.density() >= kSmallTileDensity && !(one_tile_in_l2 && l1_cache_floats() < kTileFloats);
}

// How the sparse backward pass is divided: tiles of rows; a task is a block of units.
struct BackwardPlan {
  Index tile_rows;
  Index units_at_once;
  Index most_vectors;
};

BackwardPlan plan_backward(const Rows& rows, Index n_columns, Index lanes, bool pass) {
  const Index n_rows = rows.n_rows;
  BackwardPlan plan;
  if (pass) {
    plan.tile_rows = is_tiled_for_l1(rows, n_columns) ? kFewestTileRows : rows_in_cache(n_columns);
    plan.most_vectors = kFusedColumns / lanes;
  } else {
    // One block of columns of a tile stays in the L1 cache.
    plan.tile_rows = kFewestTileRows;
    plan.most_vectors = kTileFloats / std::clamp<Index>(n_rows, 1, plan.tile_rows) / lanes;
  }
  const bool single_tile = n_rows <= plan.tile_rows;
  if (single_tile) plan.tile_rows = n_rows;
  const bool block_in_l1 = plan.tile_rows * plan.most_vectors * lanes <= kTileFloats;
  const auto entries_of_unit = static_cast<Index>(rows.density() * static_cast<double>(plan.tile_rows)) + 1;
  const Index units_in_l1 =
      std::clamp<Index>(kSumFloatsInL1 / (entries_of_unit * kLineFloats), 1, kUnitsInL1);
  plan.units_at_once = !pass ? kBlockUnits : block_in_l1 ? units_in_l1 : 1;
  return plan;
}

}  // namespace

Matrix Engine::backward(const Rows& rows, const float* delta, const Layer& layer, const Update& update,
                        const float* activation_l1, bool input_delta, LazyRows* lazy) {
  const bool defer = defer_idle(rows, layer, update, lazy);
  const BackwardArrays arrays{delta,
                              padded_width(layer.weights.n_outputs),
                              rows.n_rows,
                              layer.weights.n_outputs,
                              round_up(layer.weights.n_outputs, kLineFloats),
                              layer.weights.data,
                              {layer.weight_state[0], layer.weight_state[1]},
                              padded_width(layer.weights.n_outputs),
                              layer.bias,
                              {layer.bias_state[0], layer.bias_state[1]}};
  Matrix output;
  if (input_delta) output = Matrix(*pool_, rows.n_rows, rows.n_columns);
  if (!rows.dense.exists())
    backward_lists(rows, arrays, update, defer);
  else if (rows.is_dense_work() || is_narrow(rows, arrays))
    backward_dense(rows, arrays, update, activation_l1, output);
  else
    backward_sparse(rows, arrays, update, activation_l1, output);
  if (defer) lazy->record(rows, update);
  const Index written = round_up(rows.n_columns, kLineFloats);
  for (Index row = 0; input_delta && output.stride > written && row < rows.n_rows; ++row)
    std::memset(output.row(row) + written, 0, size_of(output.stride - written) * sizeof(float));
  return output;
}

// Tasks of some of the bias's columns follow the others.
void Engine::run_with_bias(Index n_tasks, Index work, const BackwardArrays& arrays, const Update& update,
                           const Task& task) const {
  const Index n_bias_tasks = ceil_div(arrays.n_columns, kBiasColumns);
  run(n_tasks + n_bias_tasks, work, [&](Index i, int slot) {
    if (i < n_tasks) return task(i, slot);
    const Index column = (i - n_tasks) * kBiasColumns;
    kernels_.update_bias(arrays, update, column, std::min(arrays.n_columns, column + kBiasColumns));
  });
}

void Engine::backward_dense(const Rows& rows, const BackwardArrays& arrays, const Update& update,
                            const float* activation_l1, const Matrix& output) const {
  const InputView input = rows.view();
  const Index tile_rows = rows_in_cache(arrays.n_columns);
  const bool single_tile = rows.n_rows <= tile_rows;
  const Index carried_places = single_tile ? 0 : kBlockUnits * arrays.weights_stride;
  const Array<float> scratch(*pool_, size_of(carried_places * n_threads_));
  const auto input_delta = is_narrow(rows, arrays) ? kernels_.input_delta_narrow : kernels_.input_delta_dense;
  const Index work = 2 * rows.n_rows * rows.n_columns * arrays.n_columns;
  run_with_bias(blocks_of(rows.n_columns), work, arrays, update, [&](Index block, int slot) {
    const Index first = block * kBlockUnits;
    const Index last = std::min(rows.n_columns, first + kBlockUnits);
    float* const carried = single_tile ? nullptr : scratch.data() + slot * carried_places;
    for (Index row = 0; row < rows.n_rows; row += tile_rows) {
      const Index last_row = std::min(rows.n_rows, row + tile_rows);
      const DenseTile tile{row, last_row, carried, row == 0, last_row == rows.n_rows};
      if (output.exists())
        input_delta(arrays, input, tile, first, last, activation_l1, output.values.data(), output.stride);
      kernels_.gradient_dense(arrays, input, update, tile, first, last);
    }
  });
}

void Engine::backward_sparse(const Rows& rows, const BackwardArrays& arrays, const Update& update,
                             const float* activation_l1, const Matrix& output) const {
  const bool pass = output.exists();
  const InputView input = rows.view();
  const RowLists lists = rows.lists();
  const BackwardPlan plan = plan_backward(rows, arrays.n_columns, kernels_.lanes, pass);
  const Index capacity = round_up(plan.tile_rows, kLineFloats) + kLineFloats;
  const Index task_places = kBlockUnits * capacity;
  const bool single_tile = rows.n_rows <= plan.tile_rows;
  const Index carried_places = single_tile ? 0 : kBlockUnits * arrays.weights_stride;
  const Index sums_places = pass ? plan.units_at_once * capacity * kLineFloats : 0;
  const Index slot_places = 3 * task_places + carried_places + sums_places;
  const Array<float> scratch(*pool_, size_of(slot_places * n_threads_));
  const bool touch_idle = !single_tile || moves_idle_weights(update);
  const Index work = (2 * rows.n_nonzero + rows.n_columns) * (arrays.n_columns + kEntryColumns);
  run_with_bias(rows.n_blocks, work, arrays, update, [&](Index block, int slot) {
    const Index n_units = std::min(kBlockUnits, rows.n_columns - block * kBlockUnits);
    float* const values = scratch.data() + slot * slot_places;
    float* const passed = values + task_places;
    auto* const numbers = reinterpret_cast<std::int32_t*>(passed + task_places);
    float* const carried = passed + 2 * task_places;
    UnitEntries entries[kBlockUnits];
    for (Index row = 0; row == 0 || row < rows.n_rows; row += plan.tile_rows) {
      const Index last_row = std::min(rows.n_rows, row + plan.tile_rows);
      kernels_.collect_units(lists, row, last_row, block, n_units, numbers, values, capacity, entries);
      for (Index k = 0; pass && k < n_units; ++k) entries[k].passed = passed + k * capacity;
      kernels_.backward_sparse(
          arrays, update, entries, n_units,
          {plan.units_at_once, plan.most_vectors, carried + carried_places, single_tile ? nullptr : carried,
           row == 0, last_row == rows.n_rows, touch_idle});
      if (pass)
        kernels_.write_input_delta(lists, input, row, last_row, block, n_units, entries, activation_l1,
                                   output.values.data(), output.stride);
      if (last_row == rows.n_rows) break;
    }
  });
}

// Input that is only in lists: transpose them by counting, then update the units that are active in any
// sample (all of them if the rule changes idle weights, unless that is deferred).
void Engine::backward_lists(const Rows& rows, const BackwardArrays& arrays, const Update& update,
                            bool idle_deferred) {
  const bool touch_idle = moves_idle_weights(update) && !idle_deferred;
  const Index capacity = rows.n_nonzero + kLineFloats;
  const Array<std::int32_t> sample(*pool_, size_of(capacity));
  const Array<float> value(*pool_, size_of(capacity));
  // A pass over all columns of a wide input would take longer than the step.
  for (const Index unit : active_units_) place_of_unit_[size_of(unit)] = 0;
  active_units_.clear();
  if (place_of_unit_.size() < size_of(rows.n_columns)) place_of_unit_.resize(size_of(rows.n_columns), 0);
  Index* const place_of = place_of_unit_.data();
  const auto for_each_entry = [&](auto visit) {
    for (Index row = 0; row < rows.n_rows; ++row)
      for (Index entry = rows.start[size_of(row)]; entry < rows.end[size_of(row)]; ++entry)
        visit(row, size_of(rows.index[size_of(entry)]), rows.value[size_of(entry)]);
  };
  for_each_entry([&](Index, std::size_t unit, float) {
    if (place_of[unit] == 0) active_units_.push_back(static_cast<Index>(unit));
    ++place_of[unit];
  });
  // So that threads begin with neighboring rows of the weights.
  put_in_order(active_units_, rows.n_columns, [&](std::size_t unit) { return place_of[unit] > 0; });
  const Index n_listed = touch_idle ? rows.n_columns : static_cast<Index>(active_units_.size());
  const Array<UnitEntries> units(*pool_, size_of(n_listed));
  Index offset = 0;
  for (Index listed = 0; listed < n_listed; ++listed) {
    const Index unit = touch_idle ? listed : active_units_[size_of(listed)];
    const Index count = place_of[unit];
    units[size_of(listed)] = {unit, count, sample.data() + offset, value.data() + offset, nullptr};
    if (count > 0) place_of[unit] = offset;
    offset += count;
  }
  for_each_entry([&](Index row, std::size_t unit, float x) {
    const std::size_t place = size_of(place_of[unit]++);
    sample[place] = static_cast<std::int32_t>(row);
    value[place] = x;
  });
  const Index chunk = kUnitsInL1;
  const Index work = (rows.n_nonzero + n_listed) * arrays.n_columns;
  run_with_bias(ceil_div(n_listed, chunk), work, arrays, update, [&](Index i, int) {
    kernels_.backward_sparse(
        arrays, update, units.data() + i * chunk, std::min(chunk, n_listed - i * chunk),
        {chunk, kFusedColumns / kernels_.lanes, nullptr, nullptr, true, true, touch_idle});
  });
}

}  // namespace hardzero
