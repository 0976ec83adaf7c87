// One sample: bias plus the active rows of a weight matrix, each times its activation. The sums of a block of
// columns stay in registers while all active rows pass over it.
#pragma once

#include <type_traits>

#include "../predict_kernels.h"
#include "../simd.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

constexpr int kSumVectors = kRegisters / 2;  // sums held in registers
constexpr Index kRowsAhead = 4;              // active rows between a prefetch and its use

typedef std::uint32_t WordVector __attribute__((vector_size(kLanes * 4)));
typedef std::uint32_t UnalignedWordVector __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

HARDZERO_INLINE WordVector load_words(const std::uint32_t* source) {
  return *reinterpret_cast<const UnalignedWordVector*>(source);
}

// How each precision is unpacked: kColumns vectors of columns out of one vector of words.
struct Float32Weights {
  using Element = float;
  static constexpr int kColumns = 1;
  static inline __attribute__((always_inline)) void unpack(const float* source, Vector* columns) {
    columns[0] = load(source);
  }
};

struct Bfloat16Weights {
  using Element = std::uint32_t;
  static constexpr int kColumns = 2;
  static inline __attribute__((always_inline)) void unpack(const std::uint32_t* source, Vector* columns) {
    const WordVector words = load_words(source);
    columns[0] = reinterpret_cast<Vector>(words << 16);
    columns[1] = reinterpret_cast<Vector>(words & 0xFFFF0000u);
  }
};

// A byte holds a weight plus 128. Put below the exponent of 256 it reads as the float 384 + weight, which
// costs a shift and a masked or, where a conversion would cost one operation more; the caller takes 384 times
// the sum of values off.
struct Int8Weights {
  using Element = std::uint32_t;
  static constexpr int kColumns = 4;
  static inline __attribute__((always_inline)) Vector as_float(WordVector byte_at_15) {
    return reinterpret_cast<Vector>((byte_at_15 & 0x007F8000u) | 0x43800000u);
  }
  static inline __attribute__((always_inline)) void unpack(const std::uint32_t* source, Vector* columns) {
    const WordVector words = load_words(source);
    columns[0] = as_float(words << 15);
    columns[1] = as_float(words << 7);
    columns[2] = as_float(words >> 1);
    columns[3] = as_float(words >> 9);
  }
};

// Where a group of kColumns * 16 columns begins in the packed row, and how its vectors lie: words of a group
// are 16 wide whatever the vector width, so narrower vectors take several steps through each.
template <class Weights, int kVectors>
static void add_rows_block(const ActiveUnits& active, const typename Weights::Element* weights,
                           Index row_stride, const float* bias, float offset, float* sums) {
  constexpr int kColumns = Weights::kColumns;
  constexpr int kSteps = kVectors / kColumns;  // vectors of words
  constexpr int kPerGroup = 16 / kLanes;       // vectors of words in a group
  Vector block[kSteps][kColumns];
  HARDZERO_UNROLL
  for (int s = 0; s < kSteps; ++s) HARDZERO_UNROLL
  for (int c = 0; c < kColumns; ++c) {
    const int place = (s / kPerGroup) * 16 * kColumns + c * 16 + (s % kPerGroup) * kLanes;
    block[s][c] = load(bias + place) + broadcast(offset);
  }
  for (Index i = 0; i < active.count; ++i) {
    const auto* const row = weights + active.index[i] * row_stride;
    const auto* const ahead = weights + active.index[i + kRowsAhead] * row_stride;
    const Vector x = broadcast_from(active.value + i);
    HARDZERO_UNROLL
    for (int s = 0; s < kSteps; ++s) {
      if (s % kPerGroup == 0) __builtin_prefetch(ahead + s * kLanes);
      Vector columns[kColumns];
      Weights::unpack(row + s * kLanes, columns);
      HARDZERO_UNROLL
      for (int c = 0; c < kColumns; ++c) block[s][c] += x * columns[c];
    }
  }
  HARDZERO_UNROLL
  for (int s = 0; s < kSteps; ++s) HARDZERO_UNROLL
  for (int c = 0; c < kColumns; ++c) {
    const int place = (s / kPerGroup) * 16 * kColumns + c * 16 + (s % kPerGroup) * kLanes;
    store(sums + place, block[s][c]);
  }
}

// All columns in blocks as wide as registers allow, then narrower ones; a block is never narrower than a
// group.
template <class Weights>
static void add_rows(const ActiveUnits& active, const typename Weights::Element* weights, Index row_stride,
                     const float* bias, Index width, float offset, float* sums) {
  constexpr int kGroupVectors = Weights::kColumns * 16 / kLanes;
  constexpr int kWide =
      kSumVectors > kGroupVectors ? kSumVectors / kGroupVectors * kGroupVectors : kGroupVectors;
  constexpr int kHalf =
      kWide / 2 >= kGroupVectors ? kWide / 2 / kGroupVectors * kGroupVectors : kGroupVectors;
  Index column = 0;
  const auto step = [&](auto vectors) {
    constexpr int kVectors = decltype(vectors)::value;
    while (column + kVectors * kLanes <= width) {
      add_rows_block<Weights, kVectors>(active, weights + column / Weights::kColumns, row_stride,
                                        bias + column, offset, sums + column);
      column += kVectors * kLanes;
    }
  };
  step(std::integral_constant<int, kWide>{});
  if (kHalf < kWide) step(std::integral_constant<int, kHalf>{});
  step(std::integral_constant<int, kGroupVectors>{});
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
