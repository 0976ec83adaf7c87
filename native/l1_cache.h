// How large the L1 data cache of this machine is.
#pragma once

#include <unistd.h>

#include "ceil_div.h"

namespace hardzero {

// In floats. Where the system does not tell: 48 KB, for which the tiles were chosen.
inline Index l1_cache_floats() {
  constexpr Index kUsual = 12 * 1024;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  static const long bytes = sysconf(_SC_LEVEL1_DCACHE_SIZE);
  return bytes > 0 ? static_cast<Index>(bytes) / static_cast<Index>(sizeof(float)) : kUsual;
#else
  return kUsual;
#endif
}

}  // namespace hardzero
