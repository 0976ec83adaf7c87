// The part of the Python module that holds the losses.
#pragma once

#include <nanobind/nanobind.h>

#include "engine.h"

namespace hardzero {

void bind_losses(nanobind::class_<Engine>& engine);

}  // namespace hardzero
