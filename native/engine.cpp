#include "engine.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "thread_pool.h"

namespace hardzero {

namespace {

// Densities above which the dense kernels are faster (benchmarks/kernels.py).
constexpr double kForwardBreakEven = 0.55;
constexpr double kBackwardBreakEven = 0.70;
constexpr Index kFewestDenseRows = 4;

// A tile of weights pays once this many entries of a row fall into one block of units.
constexpr double kTilingEntries = 5.0;
constexpr Index kFewestTiledRows = 24;
constexpr Index kTileColumns = 64;    // with kBlockUnits rows, 32 KB
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

void Engine::affine_into(const Rows& rows, const Weights& weights, const float* bias,
                         const Matrix& output) const {
  const Index n_columns = round_up(weights.n_outputs, kLineFloats);
  const bool dense =
      rows.dense.exists() && rows.n_rows >= kFewestDenseRows && rows.density() > kForwardBreakEven;
  const double entries_per_block = rows.density() * static_cast<double>(kBlockUnits);
  const bool tiled =
      !dense && rows.n_blocks > 1 && rows.n_rows >= kFewestTiledRows && entries_per_block >= kTilingEntries;
  const Index task_columns = dense ? kDenseColumns : tiled ? kTileColumns : kStripColumns;
  const Index column_tasks = (n_columns + task_columns - 1) / task_columns;
  const Index row_tasks_wanted = (2 * n_threads_ + column_tasks - 1) / column_tasks;
  const Index chunk_rows =
      std::min(kMostChunkRows,
               std::max(kFewestChunkRows, round_up(rows.n_rows / row_tasks_wanted + 1, kFewestChunkRows)));
  const Index row_tasks = (rows.n_rows + chunk_rows - 1) / chunk_rows;
  const Index most_vectors = std::min<Index>(8, task_columns / kernels_.lanes);
  const RowLists lists = rows.lists();
  const auto task = [&](Index i, int) {
    const Index column = i / row_tasks * task_columns;
    const Index row = i % row_tasks * chunk_rows;
    const AffineTask part{weights.data,
                          padded_width(weights.n_outputs),
                          bias,
                          output.values.data(),
                          output.stride,
                          row,
                          std::min(rows.n_rows, row + chunk_rows),
                          column,
                          std::min(n_columns, column + task_columns)};
    if (dense)
      kernels_.affine_dense(rows.dense.values.data(), rows.dense.stride, rows.n_columns, part);
    else
      kernels_.affine_sparse(lists, part, tiled ? 1 : 0, most_vectors);
  };
  const Index work = (rows.n_nonzero + rows.n_rows) * n_columns;
  if (work < 8 * kWorkForThreads)
    for (Index i = 0; i < column_tasks * row_tasks; ++i) task(i, 0);
  else
    run(column_tasks * row_tasks, task);
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

// Scratch of one thread for the entries of a group of units.
struct UnitScratch {
  std::int32_t* rows;
  float* values;
  float* passed;
};

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
  if (!rows.dense.exists()) {
    backward_lists(rows, arrays, update);
    kernels_.update_bias(arrays, update, layer.bias, layer.bias_state[0], layer.bias_state[1]);
    return {};
  }
  Matrix output;
  if (input_delta) output = Matrix(*pool_, rows.n_rows, rows.n_columns);
  const InputView input = rows.view();
  const bool dense = rows.n_rows >= kFewestDenseRows && rows.density() > kBackwardBreakEven;
  const Index n_groups = (rows.n_columns + kUnitGroup - 1) / kUnitGroup;
  const Index unit_places = round_up(rows.n_rows + kLineFloats, kLineFloats);
  const Index group_places = kUnitGroup * unit_places;
  const Array<float> scratch(*pool_, dense ? 0 : size_of(3 * group_places * n_threads_));
  const auto task = [&](Index i, int slot) {
    if (i == n_groups) {
      kernels_.update_bias(arrays, update, layer.bias, layer.bias_state[0], layer.bias_state[1]);
      return;
    }
    const Index first = i * kUnitGroup;
    const Index last = std::min(rows.n_columns, first + kUnitGroup);
    if (dense) {
      if (input_delta)
        kernels_.input_delta_dense(arrays, input, first, last, activation_l1, output.values.data(),
                                   output.stride);
      kernels_.gradient_dense(arrays, input, update, first, last);
      return;
    }
    float* const own = scratch.data() + 3 * group_places * slot;
    float* const passed = own + 2 * group_places;
    UnitEntries entries[kUnitGroup];
    kernels_.collect_units(input, rows.n_rows, first, last, reinterpret_cast<std::int32_t*>(own),
                           own + group_places, entries);
    for (Index unit = 0; input_delta && unit < last - first; ++unit)
      entries[unit].passed = passed + unit * unit_places;
    kernels_.backward_sparse(arrays, update, entries, last - first);
    if (input_delta)
      kernels_.write_input_delta(input, rows.n_rows, entries, last - first, first, activation_l1,
                                 output.values.data(), output.stride);
  };
  run(n_groups + 1, task);
  if (input_delta && output.stride > n_groups * kUnitGroup)
    for (Index row = 0; row < rows.n_rows; ++row)
      std::memset(output.row(row) + n_groups * kUnitGroup, 0,
                  size_of(output.stride - n_groups * kUnitGroup) * sizeof(float));
  return output;
}

// Input that is only in lists: transpose them by counting, then update the units that are active in any
// sample (all of them if the rule changes idle weights).
void Engine::backward_lists(const Rows& rows, const BackwardArrays& arrays, const Update& update) {
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
    kernels_.backward_sparse(arrays, update, units.data() + i * chunk, std::min(chunk, n_listed - i * chunk));
  });
}

}  // namespace hardzero
