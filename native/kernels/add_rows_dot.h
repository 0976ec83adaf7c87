// One sample times weights of one byte, by the instruction that multiplies four pairs of bytes and adds them
// up (AVX-512 VNNI). Four active rows at a time are interleaved on the way.
#pragma once

#include "../predict_kernels.h"
#include "../simd.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

#if defined(__AVX512BW__)

#define HARDZERO_DOT __attribute__((target("avx512vnni")))

constexpr Index kDotRows = 4;       // active rows in one dot product
constexpr Index kDotRowsAhead = 8;  // active rows between a prefetch and its use
constexpr Index kDotBytes = 64;     // columns in one vector of a row

// Masks of all lanes: the unmasked intrinsics read an undefined register, of which GCC warns.
constexpr __mmask16 kAllLanes = 0xFFFF;
constexpr __mmask8 kAllPairs = 0xFF;

// Sums of four columns in each lane's 16 bytes: the part of a vector's columns that one interleaving yields.
struct DotSums {
  __m512i parts[4];
};

// Add the products of four vectors of bytes with four activations, in their high and low parts.
HARDZERO_DOT HARDZERO_INLINE void add_four_rows(DotSums& high, DotSums& low, const __m512i (&rows)[kDotRows],
                                                __m512i high_values, __m512i low_values) {
  const __m512i first_low = _mm512_unpacklo_epi8(rows[0], rows[1]);
  const __m512i first_high = _mm512_unpackhi_epi8(rows[0], rows[1]);
  const __m512i second_low = _mm512_unpacklo_epi8(rows[2], rows[3]);
  const __m512i second_high = _mm512_unpackhi_epi8(rows[2], rows[3]);
  const __m512i interleaved[4] = {
      _mm512_unpacklo_epi16(first_low, second_low), _mm512_unpackhi_epi16(first_low, second_low),
      _mm512_unpacklo_epi16(first_high, second_high), _mm512_unpackhi_epi16(first_high, second_high)};
  HARDZERO_UNROLL
  for (int part = 0; part < 4; ++part) {
    high.parts[part] = _mm512_dpbusd_epi32(high.parts[part], interleaved[part], high_values);
    low.parts[part] = _mm512_dpbusd_epi32(low.parts[part], interleaved[part], low_values);
  }
}

// Bring sums into the order of the columns, scale them, add the bias.
HARDZERO_DOT HARDZERO_INLINE void store_columns(const DotSums& high, const DotSums& low,
                                                const QuantizedUnits& active, const float* bias,
                                                float* sums) {
  __m512 scaled[4];
  HARDZERO_UNROLL
  for (int part = 0; part < 4; ++part) {
    const __m512i high_sum = _mm512_sub_epi32(high.parts[part], _mm512_set1_epi32(active.high_offset));
    const __m512i low_sum = _mm512_sub_epi32(low.parts[part], _mm512_set1_epi32(active.low_offset));
    scaled[part] = _mm512_fmadd_ps(
        _mm512_maskz_cvtepi32_ps(kAllLanes, high_sum),
        _mm512_set1_ps(active.step * static_cast<float>(kLowValues)),
        _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(kAllLanes, low_sum), _mm512_set1_ps(active.step)));
  }
  const __m512 low_01 = _mm512_maskz_unpacklo_ps(kAllLanes, scaled[0], scaled[1]);
  const __m512 high_01 = _mm512_maskz_unpackhi_ps(kAllLanes, scaled[0], scaled[1]);
  const __m512 low_23 = _mm512_maskz_unpacklo_ps(kAllLanes, scaled[2], scaled[3]);
  const __m512 high_23 = _mm512_maskz_unpackhi_ps(kAllLanes, scaled[2], scaled[3]);
  const auto join_low = [](__m512 a, __m512 b) {
    return _mm512_castpd_ps(_mm512_maskz_unpacklo_pd(kAllPairs, _mm512_castps_pd(a), _mm512_castps_pd(b)));
  };
  const auto join_high = [](__m512 a, __m512 b) {
    return _mm512_castpd_ps(_mm512_maskz_unpackhi_pd(kAllPairs, _mm512_castps_pd(a), _mm512_castps_pd(b)));
  };
  const __m512 columns[4] = {join_low(low_01, low_23), join_high(low_01, low_23), join_low(high_01, high_23),
                             join_high(high_01, high_23)};
  HARDZERO_UNROLL
  for (int group = 0; group < 4; ++group)
    _mm512_storeu_ps(sums + group * 16, _mm512_add_ps(columns[group], _mm512_loadu_ps(bias + group * 16)));
}

template <int kVectors>
HARDZERO_DOT static void add_rows_dot_block(const QuantizedUnits& active, const std::uint8_t* weights,
                                            Index row_bytes, const float* bias, float* sums) {
  DotSums high[kVectors];
  DotSums low[kVectors];
  HARDZERO_UNROLL
  for (int v = 0; v < kVectors; ++v) HARDZERO_UNROLL
  for (int part = 0; part < 4; ++part) high[v].parts[part] = low[v].parts[part] = _mm512_setzero_si512();
  for (Index i = 0; i < active.count; i += kDotRows) {
    std::int32_t four_high, four_low;
    __builtin_memcpy(&four_high, active.high + i, sizeof four_high);
    __builtin_memcpy(&four_low, active.low + i, sizeof four_low);
    const __m512i high_values = _mm512_set1_epi32(four_high);
    const __m512i low_values = _mm512_set1_epi32(four_low);
    HARDZERO_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      __m512i rows[kDotRows];
      HARDZERO_UNROLL
      for (Index k = 0; k < kDotRows; ++k) {
        rows[k] = _mm512_loadu_si512(weights + active.index[i + k] * row_bytes + v * kDotBytes);
        __builtin_prefetch(weights + active.index[i + k + kDotRowsAhead] * row_bytes + v * kDotBytes);
      }
      add_four_rows(high[v], low[v], rows, high_values, low_values);
    }
  }
  HARDZERO_UNROLL
  for (int v = 0; v < kVectors; ++v)
    store_columns(high[v], low[v], active, bias + v * kDotBytes, sums + v * kDotBytes);
}

static void add_rows_dot(const QuantizedUnits& active, const std::uint32_t* weights, Index row_stride,
                         const float* bias, Index width, float* sums) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(weights);
  const Index row_bytes = row_stride * static_cast<Index>(sizeof(std::uint32_t));
  Index column = 0;
  for (; column + 2 * kDotBytes <= width; column += 2 * kDotBytes)
    add_rows_dot_block<2>(active, bytes + column, row_bytes, bias + column, sums + column);
  if (column < width) add_rows_dot_block<1>(active, bytes + column, row_bytes, bias + column, sums + column);
}

#else

constexpr auto add_rows_dot = nullptr;

#endif

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
