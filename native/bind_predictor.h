// The part of the Python module that holds the predictor.
#pragma once

#include <nanobind/nanobind.h>

namespace hardzero {

void bind_predictor(nanobind::module_& m);

}  // namespace hardzero
