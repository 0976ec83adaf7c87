// Vectors of floats in GCC/Clang vector extensions, as wide as the instruction set that this file is compiled
// for. Everything lies in a namespace of its own per instruction set, so that the linker cannot merge code
// compiled for different processors.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef HARDZERO_INSTRUCTION_SET
#error "define HARDZERO_INSTRUCTION_SET, the namespace of the kernels"
#endif

namespace hardzero::HARDZERO_INSTRUCTION_SET {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kRegisters = 32;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kRegisters = 16;
#elif defined(__aarch64__)
constexpr int kLanes = 4;
constexpr int kRegisters = 32;
#else
constexpr int kLanes = 4;
constexpr int kRegisters = 16;
#endif

typedef float Vector __attribute__((vector_size(kLanes * 4)));
typedef std::int32_t IntVector __attribute__((vector_size(kLanes * 4)));
typedef float UnalignedVector __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

#define HARDZERO_INLINE static inline __attribute__((always_inline))
#define HARDZERO_METHOD inline __attribute__((always_inline))

// Before a loop over the registers of a block: its trip count is a constant, and it must leave no loop
// behind.
#if defined(__clang__)
#define HARDZERO_UNROLL _Pragma("unroll")
#else
#define HARDZERO_UNROLL _Pragma("GCC unroll 32")
#endif

HARDZERO_INLINE Vector load(const float* source) { return *reinterpret_cast<const UnalignedVector*>(source); }

HARDZERO_INLINE void store(float* target, Vector v) { *reinterpret_cast<UnalignedVector*>(target) = v; }

// Load a vector that several operations use. Without the barrier, compilers load it again for each of them,
// and loads are what the kernels wait for.
HARDZERO_INLINE Vector load_once(const float* source) {
  Vector v = load(source);
#if defined(__x86_64__)
  asm("" : "+v"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#endif
  return v;
}

HARDZERO_INLINE Vector broadcast(float x) { return x - Vector{}; }

// Broadcast a float in memory by way of a general register, which spares the port that loads vectors.
HARDZERO_INLINE Vector broadcast_from(const float* source) {
  std::int32_t bits;
  __builtin_memcpy(&bits, source, sizeof bits);
#if defined(__x86_64__)
  asm("" : "+r"(bits));
#endif
  return reinterpret_cast<Vector>(bits - IntVector{});
}

HARDZERO_INLINE IntVector lane_numbers() {
  IntVector numbers{};
  for (int lane = 0; lane < kLanes; ++lane) numbers[lane] = lane;
  return numbers;
}

HARDZERO_INLINE Vector square_root(Vector v) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vector>(_mm512_maskz_sqrt_ps(0xFFFF, reinterpret_cast<__m512>(v)));
#elif defined(__AVX2__)
  return reinterpret_cast<Vector>(_mm256_sqrt_ps(reinterpret_cast<__m256>(v)));
#else
  for (int lane = 0; lane < kLanes; ++lane) v[lane] = __builtin_sqrtf(v[lane]);
  return v;
#endif
}

// One bit per lane of a comparison's result, lane 0 lowest.
HARDZERO_INLINE std::uint32_t lane_mask(IntVector comparison) {
#if defined(__AVX512DQ__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(comparison));
#elif defined(__AVX2__)
  return static_cast<std::uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(comparison)));
#else
  std::uint32_t mask = 0;
  for (int lane = 0; lane < kLanes; ++lane) mask |= static_cast<std::uint32_t>(comparison[lane] & 1) << lane;
  return mask;
#endif
}

#if defined(__AVX2__) && !defined(__AVX512F__)
// For each 8-bit mask the lanes that are set, in order: the permutation that packs them to the front.
struct PackingTable {
  alignas(32) std::int32_t lanes[256][8];
  constexpr PackingTable() : lanes{} {
    for (int mask = 0; mask < 256; ++mask) {
      int count = 0;
      for (int lane = 0; lane < 8; ++lane)
        if (mask >> lane & 1) lanes[mask][count++] = lane;
    }
  }
};
static constexpr PackingTable kPackingTable;
#endif

// Write the lanes of `numbers` and `values` selected by `mask` to consecutive places and return how many they
// are. Whole vectors are written: the targets need kLanes places. (Storing a compressed vector through a mask
// is microcoded on Zen 4.)
HARDZERO_INLINE int compress(std::int32_t* number_target, float* value_target, IntVector numbers,
                             Vector values, std::uint32_t mask) {
#if defined(__AVX512F__)
  const __mmask16 lanes = static_cast<__mmask16>(mask);
  _mm512_storeu_si512(number_target, _mm512_maskz_compress_epi32(lanes, reinterpret_cast<__m512i>(numbers)));
  _mm512_storeu_ps(value_target, _mm512_maskz_compress_ps(lanes, reinterpret_cast<__m512>(values)));
  return __builtin_popcount(mask);
#elif defined(__AVX2__)
  const __m256i order = _mm256_load_si256(reinterpret_cast<const __m256i*>(kPackingTable.lanes[mask]));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(number_target),
                      _mm256_permutevar8x32_epi32(reinterpret_cast<__m256i>(numbers), order));
  _mm256_storeu_ps(value_target, _mm256_permutevar8x32_ps(reinterpret_cast<__m256>(values), order));
  return __builtin_popcount(mask);
#else
  int count = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    number_target[count] = numbers[lane];
    value_target[count] = values[lane];
    count += static_cast<int>(mask >> lane & 1);
  }
  return count;
#endif
}

// The lanes of `a` and then `b` with these numbers. GCC has the first form from version 12 on.
#if defined(__clang__) || __GNUC__ >= 12
#define HARDZERO_LANES(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define HARDZERO_LANES(a, b, ...) __builtin_shuffle(a, b, IntVector{__VA_ARGS__})
#endif

// The sums of neighboring lanes of `a`, then those of `b`.
HARDZERO_INLINE Vector pairwise_sums(Vector a, Vector b) {
#if defined(__AVX512F__)
  return HARDZERO_LANES(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
         HARDZERO_LANES(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif defined(__AVX2__)
  return HARDZERO_LANES(a, b, 0, 2, 4, 6, 8, 10, 12, 14) + HARDZERO_LANES(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return HARDZERO_LANES(a, b, 0, 2, 4, 6) + HARDZERO_LANES(a, b, 1, 3, 5, 7);
#endif
}

// Lane i of the result is the sum of the lanes of vectors[i].
HARDZERO_INLINE Vector lane_sums(const Vector (&vectors)[kLanes]) {
  Vector level[kLanes];
  for (int i = 0; i < kLanes; ++i) level[i] = vectors[i];
  for (int count = kLanes; count > 1; count /= 2)
    for (int i = 0; i < count / 2; ++i) level[i] = pairwise_sums(level[2 * i], level[2 * i + 1]);
  return level[0];
}

// The sum of all lanes.
HARDZERO_INLINE float lane_sum(Vector v) {
  for (int count = kLanes; count > 1; count /= 2) v = pairwise_sums(v, v);
  return v[0];
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
