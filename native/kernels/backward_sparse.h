// The backward pass of a layer with sparse input: for each input unit, over the samples in which it is
// active, the gradient of its weights (applied at once) and the delta passed back, with one pass over weights
// and delta.
#pragma once

#include "../kernels.h"
#include "../simd.h"
#include "update_rules.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

constexpr int kMostFusedVectors = kRegisters == 32 ? 12 : 5;

// One unit and one block of columns: gradient and weights stay in registers.
template <int kVectors, bool kPass, class UpdateRule>
static void backward_unit_columns(const BackwardArrays& arrays, const UpdateRule& rule,
                                  const UnitEntries& unit, Index column) {
  const Index place = unit.unit * arrays.weights_stride + column;
  float* const weight_row = arrays.weights + place;
  const float* const delta = arrays.delta + column;
  Vector gradient[kVectors];
  Vector weight[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    gradient[v] = Vector{};
    if (kPass) weight[v] = load(weight_row + v * kLanes);
  }
  for (Index first = 0; first < unit.count; first += kLanes) {
    const Index count = unit.count - first < kLanes ? unit.count - first : kLanes;
    Vector products[kLanes];
    for (Index i = 0; i < count; ++i) {
      const float* const delta_row = delta + unit.rows[first + i] * arrays.delta_stride;
      const Vector x = broadcast(unit.values[first + i]);
      Vector even{}, odd{};
      for (int v = 0; v < kVectors; ++v) {
        const Vector d = load(delta_row + v * kLanes);
        gradient[v] += x * d;
        if (kPass && v % 2 == 0) even += d * weight[v];
        if (kPass && v % 2 == 1) odd += d * weight[v];
      }
      if (kPass) products[i] = even + odd;
    }
    if (kPass) {
      for (Index i = count; i < kLanes; ++i) products[i] = Vector{};
      store(unit.passed + first, load(unit.passed + first) + lane_sums(products));
    }
  }
  float* const state_0 = arrays.state[0] == nullptr ? weight_row : arrays.state[0] + place;
  float* const state_1 = arrays.state[1] == nullptr ? weight_row : arrays.state[1] + place;
  for (int v = 0; v < kVectors; ++v) {
    if (!kPass) weight[v] = load(weight_row + v * kLanes);
    rule.apply(gradient[v], weight_row + v * kLanes, weight[v], state_0 + v * kLanes, state_1 + v * kLanes);
  }
}

template <bool kPass, class UpdateRule>
static void backward_units(const BackwardArrays& arrays, const UpdateRule& rule, const UnitEntries* entries,
                           Index n_entries) {
  using Function = void (*)(const BackwardArrays&, const UpdateRule&, const UnitEntries&, Index);
  static constexpr Function by_vectors[13] = {
      nullptr,
      backward_unit_columns<1, kPass, UpdateRule>,
      backward_unit_columns<2, kPass, UpdateRule>,
      backward_unit_columns<3, kPass, UpdateRule>,
      backward_unit_columns<4, kPass, UpdateRule>,
      backward_unit_columns<5, kPass, UpdateRule>,
#if defined(__AVX512F__) || defined(__aarch64__)
      backward_unit_columns<6, kPass, UpdateRule>,
      backward_unit_columns<7, kPass, UpdateRule>,
      backward_unit_columns<8, kPass, UpdateRule>,
      backward_unit_columns<9, kPass, UpdateRule>,
      backward_unit_columns<10, kPass, UpdateRule>,
      backward_unit_columns<11, kPass, UpdateRule>,
      backward_unit_columns<12, kPass, UpdateRule>,
#endif
  };
  const Index n_vectors = arrays.n_columns / kLanes;
  const Index n_blocks = (n_vectors + kMostFusedVectors - 1) / kMostFusedVectors;
  const Index block_vectors = (n_vectors + n_blocks - 1) / n_blocks;
  const bool touch_idle = rule.changes_idle();
  for (Index i = 0; i < n_entries; ++i)
    for (Index k = 0; kPass && k < entries[i].count; ++k) entries[i].passed[k] = 0.0f;
  for (Index vector = 0; vector < n_vectors; vector += block_vectors) {
    const Index vectors = n_vectors - vector < block_vectors ? n_vectors - vector : block_vectors;
    for (Index i = 0; i < n_entries; ++i)
      if (entries[i].count > 0 || touch_idle) by_vectors[vectors](arrays, rule, entries[i], vector * kLanes);
  }
}

static void backward_sparse(const BackwardArrays& arrays, const Update& update, const UnitEntries* entries,
                            Index n_entries) {
  if (n_entries == 0) return;
  with_rule(update, [&](const auto& rule) {
    if (entries[0].passed != nullptr)
      backward_units<true>(arrays, rule, entries, n_entries);
    else
      backward_units<false>(arrays, rule, entries, n_entries);
  });
}

// Append the number and value of the rows in which a unit is active.
static void collect_units(const InputView& input, Index n_rows, Index first_unit, Index last_unit,
                          std::int32_t* row_scratch, float* value_scratch, UnitEntries* entries) {
  const Index n_units = last_unit - first_unit;
  const Index capacity = n_rows + kLineFloats;
  std::int32_t counts[kUnitGroup] = {};
  for (Index row = 0; row < n_rows; ++row) {
    const float* const values = input.values + row * input.stride + first_unit;
    std::uint32_t mask = 0;
    for (int part = 0; part < kUnitGroup / kLanes; ++part) {
      IntVector active = load(values + part * kLanes) != Vector{};
      if (input.slope != nullptr)
        active |= load(input.slope + row * input.slope_stride + first_unit + part * kLanes) != Vector{};
      mask |= lane_mask(active) << (part * kLanes);
    }
    if (n_units < kUnitGroup) mask &= (1u << n_units) - 1;
    for (; mask != 0; mask &= mask - 1) {
      const int unit = __builtin_ctz(mask);
      const Index place = unit * capacity + counts[unit]++;
      row_scratch[place] = static_cast<std::int32_t>(row);
      value_scratch[place] = values[unit];
    }
  }
  for (Index unit = 0; unit < n_units; ++unit)
    entries[unit] = {first_unit + unit, counts[unit], row_scratch + unit * capacity,
                     value_scratch + unit * capacity, nullptr};
}

// -1, 0 or 1; NaN stays NaN.
static inline float sign(float x) { return x > 0 ? 1.0f : x < 0 ? -1.0f : x; }

static inline float finish_delta(float passed, float value, const InputView& input, Index row, Index unit,
                                 float activation_l1) {
  const float slope =
      input.slope != nullptr ? input.slope[row * input.slope_stride + unit] : input.scale * sign(value);
  return (passed + activation_l1 * sign(value)) * slope;
}

static void write_input_delta(const InputView& input, Index n_rows, const UnitEntries* entries,
                              Index n_entries, Index first_unit, float activation_l1, float* output,
                              Index output_stride) {
  for (Index row = 0; row < n_rows; ++row)
    for (int part = 0; part < kUnitGroup / kLanes; ++part)
      store(output + row * output_stride + first_unit + part * kLanes, Vector{});
  for (Index i = 0; i < n_entries; ++i) {
    const UnitEntries& unit = entries[i];
    for (Index k = 0; k < unit.count; ++k)
      output[unit.rows[k] * output_stride + unit.unit] =
          finish_delta(unit.passed[k], unit.values[k], input, unit.rows[k], unit.unit, activation_l1);
  }
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
