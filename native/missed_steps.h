// What a run of steps does to the weights of an idle input unit: it has no gradient, so there is a closed
// form.
#pragma once

#include <vector>

#include "kernels.h"

namespace hardzero {

// What differs between the steps of one rule.
struct IdleStep {
  double learning_rate;
  double decay;
};

// Whether the rule moves idle weights, and has a closed form for a run of steps.
bool can_be_missed(const Update& update);

// For each i, what the steps from the i-th to the last do together.
std::vector<MissedSteps> missed_steps(const Update& rule, const std::vector<IdleStep>& steps);

}  // namespace hardzero
