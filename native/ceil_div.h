// Whole numbers rounded up.
#pragma once

#include <cstdint>

namespace hardzero {

using Index = std::int64_t;

// Static, as they are compiled for several instruction sets: the linker must not merge them.

// n / unit, rounded up.
static inline Index ceil_div(Index n, Index unit) { return (n + unit - 1) / unit; }

// The least multiple of `unit` that is not below n.
static inline Index round_up(Index n, Index unit) { return ceil_div(n, unit) * unit; }

}  // namespace hardzero
