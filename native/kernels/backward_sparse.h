// The backward pass of a layer with sparse input: for each input unit, over the samples in which it is
// active, the gradient of its weights (applied at once) and the delta passed back, with one pass over weights
// and delta.
#pragma once

#include "../kernels.h"
#include "../simd.h"
#include "update_rules.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

constexpr Index kUnitsAhead = 4;  // units between a prefetch of states and its use
constexpr int kMostFusedVectors = kRegisters == 32 ? 9 : 4;

HARDZERO_INLINE Index padded_count(const UnitEntries& unit) { return round_up(unit.count, kLanes); }

// One unit and one block of columns: gradient and weights stay in registers. The products of delta and
// weights add up lane by lane in `sums`, a vector per entry.
template <int kVectors, bool kPass, class UpdateRule>
HARDZERO_INLINE void backward_unit_columns(const BackwardArrays& arrays, const UpdateRule& rule,
                                           const UnitEntries& unit, Index column, float* sums,
                                           const float* carried_in, float* carried_out) {
  const Index place = unit.unit * arrays.weights_stride + column;
  float* const weight_row = arrays.weights + place;
  const float* const delta = arrays.delta + column;
  const Index delta_stride = arrays.delta_stride;
  const std::int32_t* const rows = unit.rows;
  const float* const values = unit.values;
  const Index count = unit.count;
  Vector gradient[kVectors];
  Vector weight[kVectors];
  HARDZERO_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    gradient[v] = carried_in == nullptr ? Vector{} : load(carried_in + v * kLanes);
    weight[v] = kPass ? load(weight_row + v * kLanes) : Vector{};
  }
  for (Index i = 0; i < count; ++i) {
    const float* const delta_row = delta + rows[i] * delta_stride;
    const Vector x = broadcast_from(values + i);
    Vector even = kPass ? load(sums + i * kLanes) : Vector{};
    Vector odd{};
    HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const Vector d = kPass ? load_once(delta_row + v * kLanes) : load(delta_row + v * kLanes);
      gradient[v] += x * d;
      if (kPass && v % 2 == 0) even += d * weight[v];
      if (kPass && v % 2 == 1) odd += d * weight[v];
    }
    if (kPass) store(sums + i * kLanes, kVectors > 1 ? even + odd : even);
  }
  if (carried_out != nullptr) {
    HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) store(carried_out + v * kLanes, gradient[v]);
    return;
  }
  float* const state_0 = arrays.state[0] == nullptr ? weight_row : arrays.state[0] + place;
  float* const state_1 = arrays.state[1] == nullptr ? weight_row : arrays.state[1] + place;
  HARDZERO_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    if (!kPass) weight[v] = load(weight_row + v * kLanes);
    rule.apply(gradient[v], weight_row + v * kLanes, weight[v], state_0 + v * kLanes, state_1 + v * kLanes);
  }
}

// One block of columns of several units.
template <int kVectors, bool kPass, class UpdateRule>
static void backward_columns(const BackwardArrays& arrays, const UpdateRule& rule, const UnitEntries* entries,
                             Index n_entries, Index column, const BackwardTile& tile, float* carried) {
  const bool single = tile.first && tile.last;
  const auto is_met = [&](Index i) { return entries[i].count > 0 || tile.touch_idle; };
  float* sums = tile.sums;
  for (Index i = 0; i < n_entries; ++i) {
    const Index ahead = i + kUnitsAhead;
    if (tile.last && ahead < n_entries && is_met(ahead))
      prefetch_states<kVectors>(arrays, entries[ahead].unit * arrays.weights_stride + column);
    float* const so_far = single ? nullptr : carried + i * arrays.weights_stride + column;
    if (is_met(i))
      backward_unit_columns<kVectors, kPass>(arrays, rule, entries[i], column, sums,
                                             tile.first ? nullptr : so_far, tile.last ? nullptr : so_far);
    if (kPass) sums += padded_count(entries[i]) * kLanes;
  }
}

template <bool kPass, class UpdateRule>
struct BackwardColumns {
  using Function = void (*)(const BackwardArrays&, const UpdateRule&, const UnitEntries*, Index, Index,
                            const BackwardTile&, float*);
  static constexpr Function by_vectors[] = {
      nullptr,
      backward_columns<1, kPass, UpdateRule>,
      backward_columns<2, kPass, UpdateRule>,
      backward_columns<3, kPass, UpdateRule>,
      backward_columns<4, kPass, UpdateRule>,
#if defined(__AVX512F__) || defined(__aarch64__)
      backward_columns<5, kPass, UpdateRule>,
      backward_columns<6, kPass, UpdateRule>,
      backward_columns<7, kPass, UpdateRule>,
      backward_columns<8, kPass, UpdateRule>,
      backward_columns<9, kPass, UpdateRule>,
#endif
  };
  static_assert(sizeof(by_vectors) / sizeof(Function) == kMostFusedVectors + 1,
                "one function per block width");
};

// The total of each entry's vector in `sums`.
static void finish_passed(const UnitEntries& unit, const float* sums) {
  for (Index first = 0; first < unit.count; first += kLanes) {
    Vector group[kLanes];
    HARDZERO_UNROLL
    for (int i = 0; i < kLanes; ++i) group[i] = load(sums + (first + i) * kLanes);
    store(unit.passed + first, lane_sums(group));
  }
}

template <bool kPass, class UpdateRule>
static void backward_units(const BackwardArrays& arrays, const UpdateRule& rule, const UnitEntries* entries,
                           Index n_entries, const BackwardTile& tile, float* carried) {
  const Index n_vectors = arrays.n_columns / kLanes;
  const Index most_vectors = tile.most_vectors < kMostFusedVectors ? tile.most_vectors : kMostFusedVectors;
  const Index n_blocks = ceil_div(n_vectors, most_vectors);
  const Index block_vectors = ceil_div(n_vectors, n_blocks);
  if (kPass) {
    Index n_sums = 0;
    for (Index i = 0; i < n_entries; ++i) n_sums += padded_count(entries[i]);
    for (Index k = 0; k < n_sums; ++k) store(tile.sums + k * kLanes, Vector{});
  }
  for (Index vector = 0; vector < n_vectors; vector += block_vectors) {
    const Index vectors = n_vectors - vector < block_vectors ? n_vectors - vector : block_vectors;
    const Index column = vector * kLanes;
    BackwardColumns<kPass, UpdateRule>::by_vectors[vectors](arrays, rule, entries, n_entries, column, tile,
                                                            carried);
  }
  if (kPass) {
    const float* unit_sums = tile.sums;
    for (Index i = 0; i < n_entries; ++i) {
      finish_passed(entries[i], unit_sums);
      unit_sums += padded_count(entries[i]) * kLanes;
    }
  }
}

static void backward_sparse(const BackwardArrays& arrays, const Update& update, const UnitEntries* entries,
                            Index n_entries, const BackwardTile& tile) {
  with_rule(update, [&](const auto& rule) {
    for (Index first = 0; first < n_entries; first += tile.units_at_once) {
      const Index left = n_entries - first;
      const Index count = left < tile.units_at_once ? left : tile.units_at_once;
      float* const carried = tile.carried == nullptr ? nullptr : tile.carried + first * arrays.weights_stride;
      if (entries[first].passed != nullptr)
        backward_units<true>(arrays, rule, entries + first, count, tile, carried);
      else
        backward_units<false>(arrays, rule, entries + first, count, tile, carried);
    }
  });
}

// The entries of one row that belong to a block of units.
struct BlockEntries {
  Index first, last;
};

HARDZERO_INLINE BlockEntries entries_of_block(const RowLists& rows, Index row, Index block) {
  const std::int32_t* const block_start = rows.block_start + row * (rows.n_blocks + 1) + block;
  return {rows.start[row] + block_start[0], rows.start[row] + block_start[1]};
}

static void collect_units(const RowLists& rows, Index first_row, Index last_row, Index block, Index n_units,
                          std::int32_t* row_scratch, float* value_scratch, Index capacity,
                          UnitEntries* entries) {
  const Index first_unit = block * kBlockUnits;
  Index places[kBlockUnits];
  for (Index unit = 0; unit < n_units; ++unit) places[unit] = unit * capacity;
  for (Index row = first_row; row < last_row; ++row) {
    const BlockEntries range = entries_of_block(rows, row, block);
    for (Index entry = range.first; entry < range.last; ++entry) {
      const Index place = places[rows.index[entry] - first_unit]++;
      row_scratch[place] = static_cast<std::int32_t>(row);
      value_scratch[place] = rows.value[entry];
    }
  }
  for (Index unit = 0; unit < n_units; ++unit)
    entries[unit] = {first_unit + unit, places[unit] - unit * capacity, row_scratch + unit * capacity,
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

// The same for neighboring units, a vector of them.
HARDZERO_INLINE Vector finish_delta(Vector passed, const InputView& input, Index row, Index unit,
                                    Vector activation_l1) {
  const Vector value = load(input.values + row * input.stride + unit);
  const Vector one = broadcast(1.0f);
  const Vector sign = value > Vector{} ? one : value < Vector{} ? -one : value;
  const Vector slope = input.slope != nullptr ? load(input.slope + row * input.slope_stride + unit)
                                              : broadcast(input.scale) * sign;
  return (passed + activation_l1 * sign) * slope;
}

static void write_input_delta(const RowLists& rows, const InputView& input, Index first_row, Index last_row,
                              Index block, Index n_units, const UnitEntries* entries,
                              const float* activation_l1, float* output, Index output_stride) {
  const Index first_unit = block * kBlockUnits;
  const Index whole_lines = round_up(n_units, kLineFloats);
  const float* passed[kBlockUnits];
  for (Index unit = 0; unit < n_units; ++unit) passed[unit] = entries[unit].passed;
  for (Index row = first_row; row < last_row; ++row) {
    float* const delta = output + row * output_stride;
    for (Index unit = 0; unit < whole_lines; unit += kLanes) store(delta + first_unit + unit, Vector{});
    const BlockEntries range = entries_of_block(rows, row, block);
    for (Index entry = range.first; entry < range.last; ++entry) {
      const Index unit = rows.index[entry];
      delta[unit] =
          finish_delta(*passed[unit - first_unit]++, rows.value[entry], input, row, unit, activation_l1[row]);
    }
  }
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
