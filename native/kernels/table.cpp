// The kernels for one instruction set; compiled once for each.
#include "../kernels.h"
#include "affine.h"
#include "affine_grouped.h"
#include "backward_dense.h"
#include "backward_narrow.h"
#include "backward_sparse.h"
#include "cross_entropy.h"
#include "rectify.h"
#include "take_missed_steps.h"

#define HARDZERO_TEXT_OF(name) #name
#define HARDZERO_TEXT(name) HARDZERO_TEXT_OF(name)

namespace hardzero::HARDZERO_INSTRUCTION_SET {

extern const PredictKernels predict_kernels;

extern const Kernels kernels;
const Kernels kernels = {
    HARDZERO_TEXT(HARDZERO_INSTRUCTION_SET),
    kLanes,
    rectify,
    list_nonzeros,
    affine_sparse,
    affine_tiled,
    kGroupRows,
    affine_grouped,
    affine_dense,
    collect_units,
    backward_sparse,
    write_input_delta,
    input_delta_dense,
    input_delta_narrow,
    gradient_dense,
    update_bias,
    take_missed_steps,
    softmax_loss,
    logistic_loss,
    &predict_kernels,
};

}  // namespace hardzero::HARDZERO_INSTRUCTION_SET
