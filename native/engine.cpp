// Threads, and rows: taking them from arrays, dropping entries.
#include "engine.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "thread_pool.h"

namespace hardzero {

namespace {

// CSR input at least this dense is worth a dense copy: its transposed lists are quicker to make.
constexpr double kDenseCopyDensity = 0.10;

// Loops with less work than this stay on the calling thread: multiply-adds, and entries to copy or list.
constexpr Index kWorkForThreads = 131072;
constexpr Index kRowWorkForThreads = 8192;

}  // namespace

Engine::Engine(int n_threads, const Kernels& kernels)
    : n_threads_(n_threads), kernels_(kernels), pool_(std::make_shared<MemoryPool>()) {}

void Engine::run(Index n_tasks, Index work, const Task& task) const {
  ThreadPool::instance().run(n_tasks, work < kWorkForThreads ? 1 : n_threads_, task);
}

void Engine::run_over_rows(Index n_rows, Index work_per_row,
                           const std::function<void(Index, Index)>& task) const {
  const Index wanted = n_rows * work_per_row < kRowWorkForThreads ? 1 : 4 * static_cast<Index>(n_threads_);
  const Index chunk = std::max<Index>(1, ceil_div(n_rows, wanted));
  run(ceil_div(n_rows, chunk), kWorkForThreads,
      [&](Index i, int) { task(i * chunk, std::min(n_rows, (i + 1) * chunk)); });
}

// In memory of its own: weights outlive the engine, and a block of its pool would keep all others.
Matrix Engine::zeros(Index n_rows, Index n_columns) {
  Matrix matrix(n_rows, n_columns);
  std::memset(matrix.values.data(), 0, matrix.values.size() * sizeof(float));
  return matrix;
}

Rows Engine::empty_rows(Index n_rows, Index n_columns, bool dense) const {
  Rows rows;
  rows.n_rows = n_rows;
  rows.n_columns = n_columns;
  if (dense) {
    rows.dense = Matrix(*pool_, n_rows, n_columns);
    add_lists(rows);
  } else {
    rows.start = Array<Index>(*pool_, size_of(n_rows));
    rows.end = Array<Index>(*pool_, size_of(n_rows));
  }
  return rows;
}

// Memory for the lists of dense rows.
void Engine::add_lists(Rows& rows) const {
  rows.start = Array<Index>(*pool_, size_of(rows.n_rows));
  rows.end = Array<Index>(*pool_, size_of(rows.n_rows));
  rows.lists_stride = padded_width(rows.n_columns + kLineFloats);
  rows.index = Array<std::int32_t>(*pool_, size_of(rows.n_rows * rows.lists_stride));
  rows.value = Array<float>(*pool_, size_of(rows.n_rows * rows.lists_stride));
  rows.n_blocks = blocks_of(rows.n_columns);
  rows.block_start = Array<std::int32_t>(*pool_, size_of(rows.n_rows * (rows.n_blocks + 1)));
}

void Engine::make_lists(Rows& rows) {
  if (rows.has_lists()) return;
  add_lists(rows);
  list_nonzeros(rows);
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

void Engine::list_nonzeros(const Rows& rows, Index first, Index last) const {
  kernels_.list_nonzeros(rows.dense.values.data(), rows.dense.stride, rows.slope.values.data(),
                         rows.slope.stride, rows.n_columns, first, last, rows.writable_lists());
}

void Engine::list_nonzeros(Rows& rows) const {
  run_over_rows(rows.n_rows, rows.n_columns,
                [&](Index first, Index last) { list_nonzeros(rows, first, last); });
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
    list_nonzeros(rows, begin, end);
  });
  count_nonzeros(rows);
  return rows;
}

template <class Integer>
Rows Engine::take_csr(const CsrView<Integer>& matrix, const Index* samples, Index first, Index n_samples) {
  const auto sample = [&](Index row) { return samples != nullptr ? samples[row] : first + row; };
  Index capacity = 0;
  for (Index row = 0; row < n_samples; ++row) {
    const Integer start = matrix.row_start[sample(row)];
    const Integer end = matrix.row_start[sample(row) + 1];
    capacity += static_cast<Index>(end - start);
    // Rows in random order: let them arrive side by side.
    for (Index k = start; k < end; k += kLineFloats) {
      __builtin_prefetch(matrix.index + k);
      __builtin_prefetch(matrix.value + k);
    }
  }
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
  Rows rows;
  rows.n_rows = n_rows;
  rows.n_columns = n_columns;
  rows.dense = Matrix(*pool_, n_rows, n_columns);
  if (slope) rows.slope = Matrix(*pool_, n_rows, n_columns);
  std::atomic<Index> n_nonzero{0};
  run_over_rows(n_rows, n_columns, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      copy_padded(values + row * n_columns, n_columns, rows.dense, row);
      if (slope) copy_padded(slope + row * n_columns, n_columns, rows.slope, row);
    }
    const float* const first = values + begin * n_columns;
    n_nonzero += std::count_if(first, values + end * n_columns, [](float x) { return x != 0.0f; });
  });
  rows.n_nonzero = n_nonzero;
  if (!rows.is_dense_work()) make_lists(rows);
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

// hardzero.ops.random_bits.mix: splitmix64 (Steele, Lea and Flood 2014).
std::uint32_t random_bits(std::uint64_t counter, std::uint64_t seed) {
  std::uint64_t z = (counter + 1) * 0x9E3779B97F4A7C15u + seed;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
}

}  // namespace

Rows Engine::dropout(Rows& rows, std::uint32_t threshold, float scale, std::uint64_t seed) {
  make_lists(rows);
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

}  // namespace hardzero
