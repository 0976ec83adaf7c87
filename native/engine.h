// The products of a layer over a minibatch: which kernel, which part on which thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "buffer.h"
#include "kernels.h"
#include "lazy_rows.h"
#include "rows.h"

namespace hardzero {

// Weights (or a state of them) in the padded layout.
struct Weights {
  float* data;
  Index n_inputs;
  Index n_outputs;
};

// Parameters of a layer in the padded layout; absent states are null. Bias arrays hold whole vectors.
struct Layer {
  Weights weights;
  float* weight_state[2];
  float* bias;
  float* bias_state[2];
};

// A CSR matrix with sorted indices.
template <class Integer>
struct CsrView {
  const Integer* row_start;
  const Integer* index;
  const float* value;
  Index n_columns;
};

// One per Python thread: keeps scratch memory.
class Engine {
 public:
  Engine(int n_threads, const Kernels& kernels);

  int n_threads() const { return n_threads_; }
  void set_n_threads(int n_threads) { n_threads_ = n_threads; }
  // Whether rows of a product may share work, so that the rounding errors of one depend on its neighbors.
  bool groups_rows() const { return groups_rows_; }
  void set_groups_rows(bool groups_rows) { groups_rows_ = groups_rows; }
  const Kernels& kernels() const { return kernels_; }
  MemoryPool& pool() const { return *pool_; }

  Matrix zeros(Index n_rows, Index n_columns);

  // Samples (null: all from `first`) of a dense matrix with contiguous rows.
  Rows take_dense(const float* values, Index row_stride, Index n_columns, const Index* samples, Index first,
                  Index n_samples);

  template <class Integer>
  Rows take_csr(const CsrView<Integer>& matrix, const Index* samples, Index first, Index n_samples);

  // Activations and slopes that the caller has computed; `slope` null where no `backward` follows.
  Rows take_activations(const float* values, const float* slope, Index n_rows, Index n_columns);

  // `signs` null: rectifier; else per unit, padded.
  Rows rectified(const Rows& rows, const Weights& weights, const float* bias, const float* signs);

  Matrix affine(const Rows& rows, const Weights& weights, const float* bias);

  // Keeps the entries whose hash reaches `threshold` and multiplies them by `scale`.
  Rows dropout(Rows& rows, std::uint32_t threshold, float scale, std::uint64_t seed);

  // `delta` in the padded layout, `activation_l1` one number a sample. Returns the input's delta, or an
  // absent matrix. With `lazy`, the weights of idle units may miss the update.
  Matrix backward(const Rows& rows, const float* delta, const Layer& layer, const Update& update,
                  const float* activation_l1, bool input_delta, LazyRows* lazy);

  // Bring the weights that `rows` meet, or all weights, up to date.
  void catch_up(const Rows& rows, const Layer& layer, LazyRows& lazy) const;
  void settle(const Layer& layer, LazyRows& lazy) const;

  // Give `rows` a dense copy, or lists, if they have none.
  void make_dense(Rows& rows);
  void make_lists(Rows& rows);

 private:
  using Task = std::function<void(Index, int)>;
  // `work` is the number of multiply-adds in all: loops with little of it stay on the calling thread.
  void run(Index n_tasks, Index work, const Task& task) const;
  void run_over_rows(Index n_rows, Index work_per_row, const std::function<void(Index, Index)>& task) const;

  Rows empty_rows(Index n_rows, Index n_columns, bool dense) const;
  void add_lists(Rows& rows) const;
  void list_nonzeros(const Rows& rows, Index first, Index last) const;
  void list_nonzeros(Rows& rows) const;
  void count_nonzeros(Rows& rows) const;
  void affine_into(const Rows& rows, const Weights& weights, const float* bias, const Matrix& output) const;
  // Whether idle weights will miss a step; brings up to date those that will not.
  bool defer_idle(const Rows& rows, const Layer& layer, const Update& update, LazyRows* lazy) const;
  void take_missed_steps(const Layer& layer, const Update& rule, const std::vector<MissedSteps>& missed,
                         const std::vector<LateRow>& late) const;
  void run_with_bias(Index n_tasks, Index work, const BackwardArrays& arrays, const Update& update,
                     const Task& task) const;
  void backward_lists(const Rows& rows, const BackwardArrays& arrays, const Update& update,
                      bool idle_deferred);
  void backward_dense(const Rows& rows, const BackwardArrays& arrays, const Update& update,
                      const float* activation_l1, const Matrix& output) const;
  void backward_sparse(const Rows& rows, const BackwardArrays& arrays, const Update& update,
                       const float* activation_l1, const Matrix& output) const;

  int n_threads_;
  const Kernels& kernels_;
  bool groups_rows_ = false;
  std::shared_ptr<MemoryPool> pool_;
  // Of the lists that were transposed last: the active units, and what is zero at all others.
  std::vector<Index> active_units_;
  std::vector<Index> place_of_unit_;
};

}  // namespace hardzero
