// Kernels of the predictor: one sample's non-zeros times weights in one of three precisions; compiled once
// per instruction set.
#pragma once

#include <cstdint>

#include "kernels.h"

namespace hardzero {

// The non-zeros of one sample.
struct ActiveUnits {
  const std::int32_t* index;
  const float* value;
  Index count;
};

// The same with activations (times their rows' scales) in 15 bits: step * (kLowValues * high + low).
struct QuantizedUnits {
  const std::int32_t* index;
  const std::int8_t* high;   // -127 ... 127
  const std::int8_t* low;    // 0 ... 127
  Index count;               // a multiple of 4, filled up with zeros
  std::int32_t high_offset;  // kInt8Zero times the sum of `high`, to be taken off
  std::int32_t low_offset;
  float step;
};
constexpr std::int32_t kLowValues = 128;
constexpr std::int32_t kLargestQuantized = 127 * kLowValues;
constexpr Index kMostQuantizedUnits = 65536;  // 255 * 127 times as many fit 32 bits

// Columns that share one packed group; widths of packed matrices are multiples of it.
constexpr Index kFloat32Group = 16;
constexpr Index kBfloat16Group = 32;
constexpr Index kInt8Group = 64;

constexpr std::int32_t kInt8Zero = 128;  // the byte that stands for a weight of 0
constexpr float kInt8Offset = 384.0f;

struct PredictKernels {
  // sums = bias + offset + the active rows of weights, each times its value. `row_stride` counts elements of
  // the packed type; `width`, a multiple of the type's group, is the number of columns written.
  void (*add_rows_float32)(const ActiveUnits& active, const float* weights, Index row_stride,
                           const float* bias, Index width, float offset, float* sums);

  // Two columns in each 32-bit word: column j of a group of 32 in the low half of word j % 16 if j < 16, else
  // in the high half, so that unpacking is a shift or a mask.
  void (*add_rows_bfloat16)(const ActiveUnits& active, const std::uint32_t* weights, Index row_stride,
                            const float* bias, Index width, float offset, float* sums);

  // Four columns in each word: column j of a group of 64 in byte j / 16 of word j % 16. The row's scale is
  // expected in the values.
  void (*add_rows_int8)(const ActiveUnits& active, const std::uint32_t* weights, Index row_stride,
                        const float* bias, Index width, float offset, float* sums);

  // The same from whole numbers; null where the instruction set has no dot product of bytes, and to be called
  // only if the processor has one.
  void (*add_rows_dot)(const QuantizedUnits& active, const std::uint32_t* weights, Index row_stride,
                       const float* bias, Index width, float* sums);
};

}  // namespace hardzero
