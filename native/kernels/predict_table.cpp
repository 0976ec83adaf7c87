// The predictor's kernels for one instruction set; compiled once for each.
#include "add_rows.h"
#include "add_rows_dot.h"

namespace hardzero::HARDZERO_INSTRUCTION_SET {

extern const PredictKernels predict_kernels;
const PredictKernels predict_kernels = {
    add_rows<Float32Weights>,
    add_rows<Bfloat16Weights>,
    add_rows<Int8Weights>,
    add_rows_dot,
};

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
