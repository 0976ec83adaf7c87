// Which compiled kernels this processor can run, and which are in use.
#pragma once

#include <string>
#include <vector>

#include "kernels.h"

namespace hardzero {

// The kernels of every instruction set in this build, plainest first.
const std::vector<const Kernels*>& compiled_kernels();

// Those that this processor can run.
std::vector<const Kernels*> runnable_kernels();

// The kernels named by the environment variable HARDZERO_SIMD, or else the best that this processor can run.
// Throws std::invalid_argument if there are none.
const Kernels& choose_kernels();

// The kernels of that name; throws std::invalid_argument if they are unknown or cannot run here.
const Kernels& find_kernels(const std::string& name);

// Whether this processor multiplies and adds up four bytes at a time.
bool has_byte_dot_product();

}  // namespace hardzero
