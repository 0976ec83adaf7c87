// The exponential of a vector of numbers that are not positive, as losses need it: accurate to 2 units in the
// last place; 0 below -87, just before results become denormal; NaN stays NaN.
#pragma once

#include "../simd.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

constexpr float kLeastExponent = -87.0f;

// exp(x) = 2^n exp(r) with n the whole number nearest to x / log 2 and |r| at most (log 2) / 2.
HARDZERO_INLINE Vector exponential(Vector x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: a sum with it has whole numbers in its lowest bits
  constexpr std::int32_t kExponentBias = 127;
  constexpr int kFractionBits = 23;
  const Vector rounded = x * broadcast(1.44269504f) + broadcast(kRound);
  const Vector n = rounded - broadcast(kRound);
  const Vector r = x - n * broadcast(0.693359375f) + n * broadcast(2.12194440e-4f);
  // 1 + r + r^2 times the polynomial that comes nearest to the rest.
  Vector p = broadcast(1.38145429e-3f);
  p = p * r + broadcast(8.36874545e-3f);
  p = p * r + broadcast(4.16683890e-2f);
  p = p * r + broadcast(1.66665211e-1f);
  p = p * r + broadcast(0.5f);
  p = p * (r * r) + r + broadcast(1.0f);
  const IntVector power = (reinterpret_cast<IntVector>(rounded) + kExponentBias) << kFractionBits;
  const Vector result = p * reinterpret_cast<Vector>(power);
  return x < broadcast(kLeastExponent) ? Vector{} : result;
}

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
