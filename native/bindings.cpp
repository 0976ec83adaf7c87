// What Python sees: an engine, its rows and updates.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "bind_losses.h"
#include "bind_predictor.h"
#include "engine.h"
#include "instruction_set.h"
#include "lazy_rows.h"
#include "python_arrays.h"
#include "released_gil.h"
#include "rows.h"

using namespace nanobind::literals;

namespace hardzero {
namespace {

using Samples = nb::ndarray<const Index, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using RowWeights = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// One number for all samples, or one for each.
using SamplePenalties = std::variant<float, InputVector>;

Array<float> penalties_of_samples(MemoryPool& pool, const SamplePenalties& penalties, Index n_samples) {
  Array<float> values(pool, static_cast<std::size_t>(n_samples));
  const auto* const each = std::get_if<InputVector>(&penalties);
  for (Index i = 0; i < n_samples; ++i)
    values[static_cast<std::size_t>(i)] =
        each != nullptr ? each->data()[i * each->stride(0)] : std::get<float>(penalties);
  return values;
}

void require_fit(const Rows& rows, Index n_inputs, Index n_outputs, Index n_biases) {
  require(rows.n_columns == n_inputs, "the weights must have one row per unit of the input");
  require(n_outputs == n_biases, "the bias must have one entry per column of the weights");
  require(n_outputs > 0, "the weights must have columns");
}

void check_samples(const std::optional<Samples>& samples, Index n_rows) {
  if (!samples) return;
  for (std::size_t i = 0; i < samples->shape(0); ++i)
    if (samples->data()[i] < 0 || samples->data()[i] >= n_rows) throw std::out_of_range("no such sample");
}

Rows take_dense(Engine& engine, const InputMatrix& X, const std::optional<Samples>& samples, Index first,
                Index last) {
  require(extent(X, 1) <= 1 || X.stride(1) == 1, "rows of X must be contiguous");
  check_samples(samples, extent(X, 0));
  require(samples || (0 <= first && first <= last && last <= extent(X, 0)), "no such samples");
  const Index n_samples = samples ? extent(*samples, 0) : last - first;
  const ReleasedGil no_gil;
  return engine.take_dense(X.data(), X.stride(0), extent(X, 1), samples ? samples->data() : nullptr, first,
                           n_samples);
}

template <class Integer>
Rows take_csr(Engine& engine,
              const nb::ndarray<const Integer, nb::ndim<1>, nb::c_contig, nb::device::cpu>& row_start,
              const nb::ndarray<const Integer, nb::ndim<1>, nb::c_contig, nb::device::cpu>& index,
              const nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>& value,
              Index n_columns, const std::optional<Samples>& samples, Index first, Index last) {
  const Index n_rows = extent(row_start, 0) - 1;
  require(n_columns <= INT32_MAX, "CSR input may have at most 2**31 - 1 columns");
  check_samples(samples, n_rows);
  require(samples || (0 <= first && first <= last && last <= n_rows), "no such samples");
  const Index n_samples = samples ? extent(*samples, 0) : last - first;
  const ReleasedGil no_gil;
  return engine.take_csr(CsrView<Integer>{row_start.data(), index.data(), value.data(), n_columns},
                         samples ? samples->data() : nullptr, first, n_samples);
}

using ContiguousMatrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

Rows take_activations(Engine& engine, const ContiguousMatrix& values,
                      const std::optional<ContiguousMatrix>& slope) {
  require(!slope || (extent(values, 0) == extent(*slope, 0) && extent(values, 1) == extent(*slope, 1)),
          "values and slope must have the same shape");
  const ReleasedGil no_gil;
  return engine.take_activations(values.data(), slope ? slope->data() : nullptr, extent(values, 0),
                                 extent(values, 1));
}

nb::object affine(Engine& engine, const Rows& rows, const InputMatrix& weights, const InputVector& bias) {
  require_fit(rows, extent(weights, 0), extent(weights, 1), extent(bias, 0));
  Matrix output;
  {
    const ReleasedGil no_gil;
    const Padded<InputMatrix> padded(engine.pool(), weights);
    const PaddedVector<InputVector> padded_bias(engine.pool(), bias);
    output = engine.affine(rows, {const_cast<float*>(padded.data()), extent(weights, 0), extent(weights, 1)},
                           padded_bias.data());
  }
  return to_numpy(output, rows.n_rows, extent(weights, 1));
}

Rows rectified(Engine& engine, const Rows& rows, const InputMatrix& weights, const InputVector& bias,
               const std::optional<InputVector>& signs) {
  require_fit(rows, extent(weights, 0), extent(weights, 1), extent(bias, 0));
  require(!signs || signs->shape(0) == weights.shape(1),
          "signs must have one entry per column of the weights");
  const ReleasedGil no_gil;
  const Padded<InputMatrix> padded(engine.pool(), weights);
  const PaddedVector<InputVector> padded_bias(engine.pool(), bias);
  std::optional<PaddedVector<InputVector>> padded_signs;
  if (signs) padded_signs.emplace(engine.pool(), *signs);
  return engine.rectified(rows, {const_cast<float*>(padded.data()), extent(weights, 0), extent(weights, 1)},
                          padded_bias.data(), padded_signs ? padded_signs->data() : nullptr);
}

std::size_t states_of(const Update& update) {
  switch (update.rule) {
    case Rule::descent:
      return 0;
    case Rule::adam:
      return 2;
    default:
      return 1;
  }
}

void require_states(const SharedMatrix& weights, const std::vector<SharedMatrix>& states,
                    std::size_t n_states) {
  require(states.size() >= n_states, "the parameters lack state arrays that the update needs");
  for (std::size_t i = 0; i < n_states; ++i)
    require(states[i].shape(0) == weights.shape(0) && states[i].shape(1) == weights.shape(1),
            "state arrays must have the shape of their parameter");
}

// Bring weight rows up to date: those that `rows` meet, or, without it, all.
void catch_up(Engine& engine, const Rows* rows, const SharedMatrix& weights,
              const std::vector<SharedMatrix>& weight_state, LazyRows& lazy) {
  require(lazy.n_rows() == extent(weights, 0), "the lazy rows are those of another matrix");
  require(rows == nullptr || rows->n_columns == lazy.n_rows(),
          "the weights must have one row per unit of the input");
  if (lazy.settled()) return;
  const std::size_t n_states = states_of(lazy.rule());
  require_states(weights, weight_state, n_states);
  const ReleasedGil no_gil;
  const Padded<SharedMatrix> padded(engine.pool(), weights);
  const PaddedStates states(engine.pool(), weight_state, n_states);
  const Layer layer{{padded.data(), extent(weights, 0), extent(weights, 1)},
                    {states.data(0), states.data(1)},
                    nullptr,
                    {nullptr, nullptr}};
  if (rows != nullptr)
    engine.catch_up(*rows, layer, lazy);
  else
    engine.settle(layer, lazy);
  padded.write_back();
  states.write_back();
}

nb::object backward(Engine& engine, Rows& rows, const InputMatrix& delta, const SharedMatrix& weights,
                    const SharedVector& bias, const std::vector<SharedMatrix>& weight_state,
                    const std::vector<SharedVector>& bias_state, const Update& update,
                    const SamplePenalties& activation_l1, bool input_delta, LazyRows* lazy) {
  require_fit(rows, extent(weights, 0), extent(weights, 1), extent(bias, 0));
  require(extent(delta, 0) == rows.n_rows && delta.shape(1) == weights.shape(1),
          "delta must have one row per sample and one column per unit");
  const auto* const l1_of_samples = std::get_if<InputVector>(&activation_l1);
  require(l1_of_samples == nullptr || extent(*l1_of_samples, 0) == rows.n_rows,
          "activation_l1 must have one number per sample");
  const std::size_t n_states = states_of(update);
  const std::size_t n_missed_states = lazy == nullptr || lazy->settled() ? 0 : states_of(lazy->rule());
  const std::size_t n_weight_states = std::max(n_states, n_missed_states);
  require(lazy == nullptr || lazy->n_rows() == extent(weights, 0),
          "the lazy rows are those of another matrix");
  require_states(weights, weight_state, n_weight_states);
  require(bias_state.size() >= n_states, "the parameters lack state arrays that the update needs");
  for (std::size_t i = 0; i < n_states; ++i)
    require(bias_state[i].shape(0) == bias.shape(0), "state arrays must have the shape of their parameter");
  Matrix output;
  {
    const ReleasedGil no_gil;
    MemoryPool& pool = engine.pool();
    if (input_delta) engine.make_dense(rows);
    const Padded<InputMatrix> padded_delta(pool, delta, true);
    const Padded<SharedMatrix> padded_weights(pool, weights);
    const PaddedVector<SharedVector> padded_bias(pool, bias);
    const Array<float> penalties = penalties_of_samples(pool, activation_l1, rows.n_rows);
    const PaddedStates weight_states(pool, weight_state, n_weight_states);
    std::optional<PaddedVector<SharedVector>> bias_states[2];
    Layer layer{{padded_weights.data(), extent(weights, 0), extent(weights, 1)},
                {weight_states.data(0), weight_states.data(1)},
                padded_bias.data(),
                {padded_bias.data(), padded_bias.data()}};
    for (std::size_t i = 0; i < n_states; ++i) {
      bias_states[i].emplace(pool, bias_state[i]);
      layer.bias_state[i] = bias_states[i]->data();
    }
    output = engine.backward(rows, padded_delta.data(), layer, update, penalties.data(), input_delta, lazy);
    padded_weights.write_back();
    padded_bias.write_back();
    weight_states.write_back();
    for (std::size_t i = 0; i < n_states; ++i) bias_states[i]->write_back();
  }
  if (!input_delta) return nb::none();
  return to_numpy(output, rows.n_rows, rows.n_columns);
}

double absolute_sum_of_rows(const Rows& rows, const std::optional<RowWeights>& weights) {
  require(!weights || extent(*weights, 0) == rows.n_rows, "there must be one weight a row");
  return absolute_sum(rows, weights ? weights->data() : nullptr);
}

// Row starts, column indices and values without zeros, as scipy.sparse.csr_array takes them.
nb::tuple csr_parts(Engine& engine, Rows& rows) {
  engine.make_lists(rows);
  const auto row_start = std::make_shared<Memory>(size_of(rows.n_rows + 1) * sizeof(Index));
  const auto index = std::make_shared<Memory>(size_of(rows.n_nonzero) * sizeof(std::int32_t));
  const auto value = std::make_shared<Memory>(size_of(rows.n_nonzero) * sizeof(float));
  const Index n_entries =
      copy_nonzeros(rows, static_cast<Index*>(row_start->data()), static_cast<std::int32_t*>(index->data()),
                    static_cast<float*>(value->data()));
  return nb::make_tuple(to_numpy<Index>(row_start, rows.n_rows + 1), to_numpy<std::int32_t>(index, n_entries),
                        to_numpy<float>(value, n_entries));
}

nb::object dense(Engine& engine, Rows& rows) {
  engine.make_dense(rows);
  return to_numpy(rows.dense, rows.n_rows, rows.n_columns);
}

std::vector<std::string> names(const std::vector<const Kernels*>& kernels) {
  std::vector<std::string> result;
  for (const Kernels* each : kernels) result.emplace_back(each->name);
  return result;
}

}  // namespace
}  // namespace hardzero

NB_MODULE(_native, m) {
  using namespace hardzero;
  m.doc() = "Products of fully connected layers that skip zeros, updates and losses.";
  // Threads that are idle when the interpreter ends keep their objects; nanobind would call that a defect.
  nb::set_leak_warnings(false);

  m.def("compiled_instruction_sets", [] { return names(compiled_kernels()); });
  m.def("runnable_instruction_sets", [] { return names(runnable_kernels()); });
  m.def("chosen_instruction_set", [] { return std::string(choose_kernels().name); });

  nb::class_<Update>(m, "Update")
      .def_static("gradient", [](float decay) { return Update{Rule::gradient, 0, 0, false, 0, 0, 0, decay}; })
      .def_static("momentum",
                  [](float learning_rate, float momentum, bool nesterov, float decay) {
                    const Rule rule = momentum == 0.0f ? Rule::descent : Rule::momentum;
                    return Update{rule, learning_rate, momentum, nesterov, 0, 0, 0, decay};
                  })
      .def_static("adam", [](float learning_rate, double beta_1, double beta_2, float epsilon, float decay) {
        const auto share_1 = static_cast<float>(1.0 - beta_1);
        const auto share_2 = static_cast<float>(1.0 - beta_2);
        return Update{Rule::adam, learning_rate, 0, false, share_1, share_2, epsilon, decay};
      });

  nb::class_<Rows>(m, "Rows")
      .def_prop_ro("shape", [](const Rows& rows) { return nb::make_tuple(rows.n_rows, rows.n_columns); })
      .def_ro("n_nonzero", &Rows::n_nonzero)
      .def("absolute_sum", &absolute_sum_of_rows, nb::arg("weights") = nb::none());

  nb::class_<LazyRows>(m, "LazyRows").def(nb::init<Index>(), "n_rows"_a);

  nb::class_<Engine> engine(m, "Engine");
  engine
      .def(
          "__init__",
          [](Engine* self, int n_threads, const std::optional<std::string>& instruction_set) {
            require(n_threads >= 1, "n_threads must be at least 1");
            new (self) Engine(n_threads, instruction_set ? find_kernels(*instruction_set) : choose_kernels());
          },
          "n_threads"_a, "instruction_set"_a = nb::none())
      .def_prop_rw("n_threads", &Engine::n_threads, &Engine::set_n_threads)
      .def_prop_rw("groups_rows", &Engine::groups_rows, &Engine::set_groups_rows)
      .def_prop_ro("instruction_set", [](const Engine& engine) { return std::string(engine.kernels().name); })
      .def("matrix",
           [](Engine& engine, Index n_rows, Index n_columns) {
             return to_numpy(engine.zeros(n_rows, n_columns), n_rows, n_columns);
           })
      .def("take_dense", &take_dense, "X"_a, "samples"_a.none(), "first"_a, "last"_a)
      .def("take_csr", &take_csr<std::int32_t>, "row_start"_a.noconvert(), "index"_a.noconvert(), "value"_a,
           "n_columns"_a, "samples"_a.none(), "first"_a, "last"_a)
      .def("take_csr", &take_csr<std::int64_t>, "row_start"_a.noconvert(), "index"_a.noconvert(), "value"_a,
           "n_columns"_a, "samples"_a.none(), "first"_a, "last"_a)
      .def("take_activations", &take_activations, "values"_a, "slope"_a.none())
      .def("affine", &affine)
      .def("rectified", &rectified, "rows"_a, "weights"_a, "bias"_a, "signs"_a.none())
      .def("dropout",
           [](Engine& engine, Rows& rows, std::uint32_t threshold, float scale, std::uint64_t seed) {
             const ReleasedGil no_gil;
             return engine.dropout(rows, threshold, scale, seed);
           })
      .def("dense", &dense)
      .def("csr_parts", &csr_parts)
      .def("backward", &backward, "rows"_a, "delta"_a, "weights"_a.noconvert(), "bias"_a.noconvert(),
           "weight_state"_a.noconvert(), "bias_state"_a.noconvert(), "update"_a, "activation_l1"_a,
           "input_delta"_a, "lazy"_a.none())
      .def("catch_up", &catch_up, "rows"_a.none(), "weights"_a.noconvert(), "weight_state"_a.noconvert(),
           "lazy"_a);

  bind_losses(engine);
  bind_predictor(m);
}
