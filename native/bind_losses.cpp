// What Python sees of the losses: methods of the engine.
#include "bind_losses.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <optional>

#include "flush_denormals.h"
#include "python_arrays.h"
#include "released_gil.h"

using namespace nanobind::literals;

namespace hardzero {
namespace {

// The share of each sample in a mean, weighted where weights are given.
Array<float> shares_of_samples(MemoryPool& pool, const std::optional<InputVector>& weights, Index n_samples) {
  Array<float> shares(pool, static_cast<std::size_t>(n_samples));
  double total = static_cast<double>(n_samples);
  if (weights) {
    total = 0.0;
    for (Index i = 0; i < n_samples; ++i)
      total += static_cast<double>(weights->data()[i * weights->stride(0)]);
  }
  for (Index i = 0; i < n_samples; ++i) {
    const double weight = weights ? static_cast<double>(weights->data()[i * weights->stride(0)]) : 1.0;
    shares[static_cast<std::size_t>(i)] = static_cast<float>(weight / total);
  }
  return shares;
}

// The value of a loss and its derivative by the scores.
template <double (*Kernels::*kLoss)(const LossArrays&)>
nb::tuple loss(Engine& engine, const InputMatrix& scores, const InputMatrix& targets,
               const std::optional<InputVector>& sample_weight) {
  require(scores.shape(0) == targets.shape(0) && scores.shape(1) == targets.shape(1),
          "scores and targets must have the same shape");
  require(scores.shape(1) > 0, "scores must have columns");
  require(!sample_weight || sample_weight->shape(0) == scores.shape(0), "there must be one weight a sample");
  const Index n_rows = extent(scores, 0);
  const Index n_outputs = extent(scores, 1);
  Matrix delta;
  double value = 0.0;
  {
    const ReleasedGil no_gil;
    MemoryPool& pool = engine.pool();
    const Padded<InputMatrix> padded_scores(pool, scores);
    const Padded<InputMatrix> padded_targets(pool, targets, true);
    const Array<float> share = shares_of_samples(pool, sample_weight, n_rows);
    delta = Matrix(pool, n_rows, n_outputs);
    const Index width = padded_width(n_outputs);
    const FlushDenormals flush;
    value = (engine.kernels().*kLoss)({padded_scores.data(), width, padded_targets.data(), width,
                                       share.data(), delta.values.data(), delta.stride, n_rows, n_outputs,
                                       round_up(n_outputs, kLineFloats)});
  }
  return nb::make_tuple(value, to_numpy(delta, n_rows, n_outputs));
}

}  // namespace

void bind_losses(nb::class_<Engine>& engine) {
  engine.def("softmax_loss", &loss<&Kernels::softmax_loss>, "scores"_a, "targets"_a, "sample_weight"_a.none())
      .def("logistic_loss", &loss<&Kernels::logistic_loss>, "scores"_a, "targets"_a,
           "sample_weight"_a.none());
}

}  // namespace hardzero
