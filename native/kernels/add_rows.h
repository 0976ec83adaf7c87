// One sample: bias plus the active rows of a weight matrix, each times its activation. The sums of a block of
// columns stay in registers while all active rows pass over it.
#pragma once

#include <array>
#include <utility>

#include "../predict_kernels.h"
#include "../simd.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

constexpr Index kRowsAhead = 6;  // active rows between a prefetch and its use
static_assert(kRowsAhead < kLineFloats, "callers make this many places after a list readable");

constexpr int kLineVectors = kLineFloats / kLanes;  // vectors in a cache line of weights

typedef std::uint32_t WordVector __attribute__((vector_size(kLanes * 4)));
typedef std::uint32_t UnalignedWordVector __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

HARDZERO_INLINE WordVector load_words(const std::uint32_t* source) {
  return *reinterpret_cast<const UnalignedWordVector*>(source);
}

// How each precision is unpacked: kColumns vectors of columns out of one vector of words.
struct Float32Weights {
  using Element = float;
  static constexpr int kColumns = 1;
  HARDZERO_INLINE void unpack(const float* source, Vector* columns) { columns[0] = load(source); }
};

struct Bfloat16Weights {
  using Element = std::uint32_t;
  static constexpr int kColumns = 2;
  HARDZERO_INLINE void unpack(const std::uint32_t* source, Vector* columns) {
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
  HARDZERO_INLINE Vector as_float(WordVector byte_at_15) {
    return reinterpret_cast<Vector>((byte_at_15 & 0x007F8000u) | 0x43800000u);
  }
  HARDZERO_INLINE void unpack(const std::uint32_t* source, Vector* columns) {
    const WordVector words = load_words(source);
    columns[0] = as_float(words << 15);
    columns[1] = as_float(words << 7);
    columns[2] = as_float(words >> 1);
    columns[3] = as_float(words >> 9);
  }
};

// The widest block, in cache lines of weights, whose sums stay in registers. What needs no unpacking leaves
// more registers to them.
template <class Weights>
constexpr int most_lines() {
  constexpr int kSums = kRegisters == 32 ? (Weights::kColumns == 1 ? 24 : 16) : 12;
  constexpr int kLines = kSums / (kLineVectors * Weights::kColumns);
  return kLines > 1 ? kLines : 1;
}

// One block of cache lines. A line holds kColumns groups of 16 columns, a group in the same part of each of
// its 16 words.
template <class Weights, int kLines>
static void add_rows_block(const ActiveUnits& active, const typename Weights::Element* weights,
                           Index row_stride, const float* bias, float offset, float* sums) {
  constexpr int kColumns = Weights::kColumns;
  constexpr int kSteps = kLines * kLineVectors;
  const auto place = [](int step, int c) {
    return static_cast<Index>((step / kLineVectors * kColumns + c) * kLineFloats +
                              step % kLineVectors * kLanes);
  };
  Vector block[kSteps][kColumns];
  HARDZERO_UNROLL
  for (int s = 0; s < kSteps; ++s) HARDZERO_UNROLL
  for (int c = 0; c < kColumns; ++c) block[s][c] = load(bias + place(s, c)) + broadcast(offset);
  for (Index i = 0; i < active.count; ++i) {
    const auto* const row = weights + active.index[i] * row_stride;
    const auto* const ahead = weights + active.index[i + kRowsAhead] * row_stride;
    const Vector x = broadcast_from(active.value + i);
    HARDZERO_UNROLL
    for (int s = 0; s < kSteps; ++s) {
      if (s % kLineVectors == 0) __builtin_prefetch(ahead + s * kLanes);
      Vector columns[kColumns];
      Weights::unpack(row + s * kLanes, columns);
      HARDZERO_UNROLL
      for (int c = 0; c < kColumns; ++c) block[s][c] += x * columns[c];
    }
  }
  HARDZERO_UNROLL
  for (int s = 0; s < kSteps; ++s) HARDZERO_UNROLL
  for (int c = 0; c < kColumns; ++c) store(sums + place(s, c), block[s][c]);
}

template <class Weights>
struct RowBlocks {
  using Element = typename Weights::Element;
  using Function = void (*)(const ActiveUnits&, const Element*, Index, const float*, float, float*);
  static constexpr int kMost = most_lines<Weights>();
  template <int... kIndex>
  static constexpr std::array<Function, kMost> functions(std::integer_sequence<int, kIndex...>) {
    return {add_rows_block<Weights, kIndex + 1>...};
  }
  // One function for each number of lines up to the most.
  static constexpr std::array<Function, kMost> by_lines = functions(std::make_integer_sequence<int, kMost>());
};

// All columns in as few blocks as registers allow, all about as wide: each block passes over the active rows
// again, and a narrow one costs nearly as much as a wide one.
template <class Weights>
static void add_rows(const ActiveUnits& active, const typename Weights::Element* weights, Index row_stride,
                     const float* bias, Index width, float offset, float* sums) {
  constexpr Index kLineColumns = Weights::kColumns * kLineFloats;
  const Index n_lines = width / kLineColumns;
  const Index n_blocks = ceil_div(n_lines, RowBlocks<Weights>::kMost);
  const Index block_lines = n_blocks > 0 ? ceil_div(n_lines, n_blocks) : 0;
  for (Index line = 0; line < n_lines; line += block_lines) {
    const Index left = n_lines - line;
    const auto lines = static_cast<std::size_t>(left < block_lines ? left : block_lines);
    RowBlocks<Weights>::by_lines[lines - 1](active, weights + line * kLineFloats, row_stride,
                                            bias + line * kLineColumns, offset, sums + line * kLineColumns);
  }
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
