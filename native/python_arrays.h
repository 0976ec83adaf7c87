// Arrays between Python and the engine: in any layout from Python, those in the padded layout
// (hardzero.ops.layout) in place; to Python without a copy.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "rows.h"

namespace hardzero {

namespace nb = nanobind;

using InputMatrix = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;
using InputVector = nb::ndarray<const float, nb::ndim<1>, nb::device::cpu>;
using SharedMatrix = nb::ndarray<float, nb::ndim<2>, nb::device::cpu>;
using SharedVector = nb::ndarray<float, nb::ndim<1>, nb::device::cpu>;

template <class NdArray>
Index extent(const NdArray& array, std::size_t axis) {
  return static_cast<Index>(array.shape(axis));
}

inline void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

inline nb::capsule keep(const std::shared_ptr<Memory>& memory) {
  auto owner = std::make_unique<std::shared_ptr<Memory>>(memory);
  return nb::capsule(owner.release(),
                     [](void* pointer) noexcept { delete static_cast<std::shared_ptr<Memory>*>(pointer); });
}

inline nb::object to_numpy(const Matrix& matrix, Index n_rows, Index n_columns) {
  const std::size_t shape[2] = {static_cast<std::size_t>(n_rows), static_cast<std::size_t>(n_columns)};
  const std::int64_t strides[2] = {matrix.stride, 1};
  return nb::cast(
      nb::ndarray<nb::numpy, float>(matrix.values.data(), 2, shape, keep(matrix.values.memory()), strides));
}

template <class Element>
nb::object to_numpy(const std::shared_ptr<Memory>& memory, Index size) {
  const std::size_t shape[1] = {static_cast<std::size_t>(size)};
  return nb::cast(nb::ndarray<nb::numpy, Element>(memory->data(), 1, shape, keep(memory)));
}

// A matrix from Python in the padded layout: in place where it has that layout, else a copy.
template <class NdArray>
class Padded {
 public:
  Padded(MemoryPool& pool, const NdArray& array, bool check_padding = false) : array_(array) {
    const Index n_rows = extent(array, 0);
    const Index n_columns = extent(array, 1);
    const Index width = padded_width(n_columns);
    in_place_ = array.stride(1) == 1 && array.stride(0) == width &&
                reinterpret_cast<std::uintptr_t>(array.data()) % 64 == 0 &&
                !(check_padding && padding_is_dirty(n_rows, n_columns, width));
    if (in_place_) return;
    copy_ = Matrix(pool, n_rows, n_columns);
    for (Index i = 0; i < n_rows; ++i) {
      for (Index j = 0; j < n_columns; ++j)
        copy_.row(i)[j] = array_.data()[i * array.stride(0) + j * array.stride(1)];
      for (Index j = n_columns; j < width; ++j) copy_.row(i)[j] = 0.0f;
    }
  }

  auto* data() const { return in_place_ ? array_.data() : copy_.values.data(); }

  // Write a copy back to where it came from.
  void write_back() const {
    if (in_place_) return;
    for (Index i = 0; i < extent(array_, 0); ++i)
      for (Index j = 0; j < extent(array_, 1); ++j)
        array_.data()[i * array_.stride(0) + j * array_.stride(1)] = copy_.row(i)[j];
  }

 private:
  bool padding_is_dirty(Index n_rows, Index n_columns, Index width) const {
    for (Index i = 0; i < n_rows; ++i)
      for (Index j = n_columns; j < round_up(n_columns, kLineFloats); ++j)
        if (array_.data()[i * width + j] != 0.0f) return true;
    return false;
  }

  const NdArray& array_;
  bool in_place_;
  Matrix copy_;
};

// A vector from Python with zeros up to whole lines.
template <class NdArray>
class PaddedVector {
 public:
  PaddedVector(MemoryPool& pool, const NdArray& array)
      : array_(array), copy_(pool, static_cast<std::size_t>(round_up(extent(array, 0), kLineFloats))) {
    for (std::size_t j = 0; j < copy_.size(); ++j)
      copy_[j] = j < array.shape(0) ? array.data()[static_cast<Index>(j) * array.stride(0)] : 0.0f;
  }

  float* data() const { return copy_.data(); }

  void write_back() const {
    for (std::size_t j = 0; j < array_.shape(0); ++j)
      array_.data()[static_cast<Index>(j) * array_.stride(0)] = copy_[j];
  }

 private:
  const NdArray& array_;
  Array<float> copy_;
};

// The states of a layer's weights, in the padded layout.
class PaddedStates {
 public:
  PaddedStates(MemoryPool& pool, const std::vector<SharedMatrix>& states, std::size_t n_states) {
    for (std::size_t i = 0; i < n_states; ++i) states_[i].emplace(pool, states[i]);
  }

  float* data(std::size_t i) const { return states_[i] ? states_[i]->data() : nullptr; }

  void write_back() const {
    for (const auto& state : states_)
      if (state) state->write_back();
  }

 private:
  std::optional<Padded<SharedMatrix>> states_[2];
};

}  // namespace hardzero
