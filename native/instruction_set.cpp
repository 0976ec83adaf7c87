#include "instruction_set.h"

#include <cstdlib>
#include <stdexcept>

namespace hardzero {

#if defined(HARDZERO_X86_LEVELS)
namespace x86_64_v2 {
extern const Kernels kernels;
}
namespace x86_64_v3 {
extern const Kernels kernels;
}
namespace x86_64_v4 {
extern const Kernels kernels;
}

const std::vector<const Kernels*>& compiled_kernels() {
  static const std::vector<const Kernels*> all = {&x86_64_v2::kernels, &x86_64_v3::kernels,
                                                  &x86_64_v4::kernels};
  return all;
}

static bool can_run(const Kernels& kernels) {
  __builtin_cpu_init();
  const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  if (&kernels == &x86_64_v4::kernels) return v4;
  if (&kernels == &x86_64_v3::kernels) return v3;
  return v2;
}

bool has_byte_dot_product() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512vnni");
}
#else
namespace baseline {
extern const Kernels kernels;
}

const std::vector<const Kernels*>& compiled_kernels() {
  static const std::vector<const Kernels*> all = {&baseline::kernels};
  return all;
}

static bool can_run(const Kernels&) { return true; }

bool has_byte_dot_product() { return false; }
#endif

std::vector<const Kernels*> runnable_kernels() {
  std::vector<const Kernels*> runnable;
  for (const Kernels* kernels : compiled_kernels())
    if (can_run(*kernels)) runnable.push_back(kernels);
  return runnable;
}

const Kernels& find_kernels(const std::string& name) {
  std::string known;
  for (const Kernels* kernels : runnable_kernels()) {
    if (name == kernels->name) return *kernels;
    known += (known.empty() ? "" : ", ") + std::string(kernels->name);
  }
  throw std::invalid_argument("unknown instruction set '" + name + "' (HARDZERO_SIMD): this processor runs " +
                              known);
}

const Kernels& choose_kernels() {
  const char* const wanted = std::getenv("HARDZERO_SIMD");
  if (wanted != nullptr && *wanted != '\0') return find_kernels(wanted);
  const std::vector<const Kernels*> runnable = runnable_kernels();
  if (runnable.empty())
    throw std::invalid_argument("hardzero needs a processor with SSE4.2 (x86-64-v2) at least");
  return *runnable.back();
}

}  // namespace hardzero
