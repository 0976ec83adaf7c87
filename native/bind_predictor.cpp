// What Python sees of the predictor.
#include "bind_predictor.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "instruction_set.h"
#include "predictor.h"
#include "released_gil.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hardzero {
namespace {

using Samples = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Weights2D = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;

template <class Element>
Element by_name(const std::string& name, const std::vector<std::pair<const char*, Element>>& known,
                const char* what) {
  for (const auto& [known_name, element] : known)
    if (name == known_name) return element;
  throw std::invalid_argument(std::string("unknown ") + what + " '" + name + "'");
}

Precision precision_of(const std::string& name) {
  return by_name<Precision>(
      name, {{"float32", Precision::float32}, {"bfloat16", Precision::bfloat16}, {"int8", Precision::int8}},
      "precision");
}

OutputKind output_of(const std::string& name) {
  return by_name<OutputKind>(name,
                             {{"identity", OutputKind::identity},
                              {"softmax", OutputKind::softmax},
                              {"logistic", OutputKind::logistic},
                              {"exp", OutputKind::exponential}},
                             "output activation");
}

Activation activation_of(const std::string& name, const std::vector<float>& parameters) {
  using Kind = Activation::Kind;
  const Kind kind = by_name<Kind>(name,
                                  {{"relu", Kind::rectifier},
                                   {"signed_relu", Kind::rectifier},
                                   {"tanh", Kind::tanh},
                                   {"logistic", Kind::logistic},
                                   {"softplus", Kind::softplus},
                                   {"identity", Kind::identity},
                                   {"lif", Kind::lif}},
                                  "activation");
  const std::size_t n_parameters = kind == Kind::softplus ? 2 : kind == Kind::lif ? 5 : 0;
  if (parameters.size() != n_parameters)
    throw std::invalid_argument(name + " takes " + std::to_string(n_parameters) + " parameters");
  return {kind, name == "signed_relu", parameters};
}

template <class Element>
nb::ndarray<nb::numpy, Element> new_array(std::size_t n_rows, std::size_t n_columns, Element*& data) {
  auto owned = std::make_unique<Element[]>(n_rows * n_columns);
  data = owned.get();
  nb::capsule owner(owned.release(), [](void* pointer) noexcept { delete[] static_cast<Element*>(pointer); });
  return nb::ndarray<nb::numpy, Element>(data, {n_rows, n_columns}, owner);
}

void require_width(const Predictor& predictor, std::int64_t n_columns) {
  if (n_columns != predictor.n_features())
    throw std::invalid_argument("X has " + std::to_string(n_columns) + " columns, the network takes " +
                                std::to_string(predictor.n_features()));
}

nb::ndarray<nb::numpy, float> run_dense(const Predictor& predictor, const Samples& X, bool predictions,
                                        int n_threads) {
  require_width(predictor, static_cast<std::int64_t>(X.shape(1)));
  float* output;
  auto result = new_array(X.shape(0), static_cast<std::size_t>(predictor.n_outputs()), output);
  const ReleasedGil no_gil;
  predictor.run(X.data(), static_cast<Index>(X.shape(1)), static_cast<Index>(X.shape(0)), predictions,
                n_threads, output, nullptr);
  return result;
}

// Row starts and indices are checked: a CSR matrix can be put together wrongly, and reads must stay inside.
void require_valid_csr(const Predictor& predictor, const Indices& row_start, const Indices& index,
                       const Values& value, std::int64_t n_columns) {
  require_width(predictor, n_columns);
  bool valid = row_start.shape(0) >= 1 && index.shape(0) == value.shape(0) && row_start.data()[0] == 0;
  // Places beyond the last row may be spare.
  const std::int64_t n_entries = valid ? row_start.data()[row_start.shape(0) - 1] : 0;
  valid = valid && n_entries <= static_cast<std::int64_t>(index.shape(0));
  for (std::size_t i = 1; valid && i < row_start.shape(0); ++i) {
    const std::int64_t count = std::int64_t{row_start.data()[i]} - row_start.data()[i - 1];
    valid = count >= 0 && count <= n_columns;
  }
  for (std::int64_t i = 0; valid && i < n_entries; ++i)
    valid = index.data()[i] >= 0 && index.data()[i] < n_columns;
  if (!valid) throw std::invalid_argument("X is not a valid CSR matrix without duplicates");
}

nb::ndarray<nb::numpy, float> run_csr(const Predictor& predictor, const Indices& row_start,
                                      const Indices& index, const Values& value, std::int64_t n_columns,
                                      bool predictions, int n_threads) {
  require_valid_csr(predictor, row_start, index, value, n_columns);
  float* output;
  auto result = new_array(row_start.shape(0) - 1, static_cast<std::size_t>(predictor.n_outputs()), output);
  const ReleasedGil no_gil;
  predictor.run_csr(row_start.data(), index.data(), value.data(), static_cast<Index>(row_start.shape(0)) - 1,
                    predictions, n_threads, output, nullptr);
  return result;
}

nb::ndarray<nb::numpy, std::int32_t> active_units(const Predictor& predictor, const Samples& X,
                                                  int n_threads) {
  require_width(predictor, static_cast<std::int64_t>(X.shape(1)));
  std::int32_t* active;
  auto result = new_array(X.shape(0), static_cast<std::size_t>(predictor.n_layers()), active);
  std::vector<float> output(X.shape(0) * static_cast<std::size_t>(predictor.n_outputs()));
  const ReleasedGil no_gil;
  predictor.run(X.data(), static_cast<Index>(X.shape(1)), static_cast<Index>(X.shape(0)), false, n_threads,
                output.data(), active);
  return result;
}

// Stored zeros count as active.
nb::ndarray<nb::numpy, std::int32_t> active_units_csr(const Predictor& predictor, const Indices& row_start,
                                                      const Indices& index, const Values& value,
                                                      std::int64_t n_columns, int n_threads) {
  require_valid_csr(predictor, row_start, index, value, n_columns);
  const std::size_t n_samples = row_start.shape(0) - 1;
  std::int32_t* active;
  auto result = new_array(n_samples, static_cast<std::size_t>(predictor.n_layers()), active);
  std::vector<float> output(n_samples * static_cast<std::size_t>(predictor.n_outputs()));
  const ReleasedGil no_gil;
  predictor.run_csr(row_start.data(), index.data(), value.data(), static_cast<Index>(n_samples), false,
                    n_threads, output.data(), active);
  return result;
}

}  // namespace

void bind_predictor(nb::module_& m) {
  m.attr("LEAST_MINIBATCH") = kLeastMinibatch;
  nb::class_<Predictor>(m, "Predictor")
      .def(
          "__init__",
          [](Predictor* self, const std::string& precision, const std::string& output_activation,
             const std::optional<std::string>& instruction_set) {
            new (self) Predictor(precision_of(precision), output_of(output_activation),
                                 instruction_set ? find_kernels(*instruction_set) : choose_kernels());
          },
          "precision"_a, "output_activation"_a, "instruction_set"_a = nb::none())
      .def(
          "add_layer",
          [](Predictor& predictor, const Weights2D& weights, const Values& bias,
             const std::optional<std::string>& activation, const std::vector<float>& parameters) {
            if (weights.stride(1) != 1 || bias.shape(0) != weights.shape(1))
              throw std::invalid_argument("weights need contiguous rows and one bias per column");
            std::optional<Activation> function;
            if (activation) function = activation_of(*activation, parameters);
            predictor.add_layer(weights.data(), weights.stride(0), static_cast<Index>(weights.shape(0)),
                                static_cast<Index>(weights.shape(1)), bias.data(),
                                function ? &*function : nullptr);
          },
          "weights"_a, "bias"_a, "activation"_a.none(), "parameters"_a)
      .def_prop_ro("bytes", &Predictor::bytes)
      .def("run", &run_dense)
      .def("run_csr", &run_csr)
      .def("active_units", &active_units)
      .def("active_units_csr", &active_units_csr);
}

}  // namespace hardzero
