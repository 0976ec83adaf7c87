#include "missed_steps.h"

#include <cmath>

namespace hardzero {

namespace {

// Adam's closed form needs a second moment that lasts: it may fade by this part of what the first does. The
// form errs where the root of the second moment is about epsilon, at constant rate by a sixteenth of the
// square of the ratio: 6e-6 of the movement for the usual betas, 6e-5 at most.
constexpr double kMostFading = 0.03;

// The factor by which a moment fades in a step in which its target has this share.
double fading_factor(float share) { return 1.0 - static_cast<double>(share); }

// w' = (1 + shift) w + gain v,  v' = pull w + keep v  for a weight w and its velocity v.
struct LinearSteps {
  double shift = 0.0;
  double gain = 0.0;
  double pull = 0.0;
  double keep = 1.0;
};

LinearSteps linear_step(const Update& rule, const IdleStep& step) {
  const double momentum = static_cast<double>(rule.momentum);
  const double shrink = step.learning_rate * step.decay;
  if (rule.nesterov) return {-shrink * (1.0 + momentum), momentum * momentum, -shrink, momentum};
  return {-shrink, momentum, -shrink, momentum};
}

LinearSteps one_after_the_other(const LinearSteps& first, const LinearSteps& then) {
  return {first.shift + then.shift * (1.0 + first.shift) + then.gain * first.pull,
          (1.0 + then.shift) * first.gain + then.gain * first.keep,
          then.pull * (1.0 + first.shift) + then.keep * first.pull,
          then.pull * first.gain + then.keep * first.keep};
}

std::vector<MissedSteps> missed_linear(const Update& rule, const std::vector<IdleStep>& steps) {
  std::vector<MissedSteps> missed(steps.size());
  LinearSteps run;
  for (std::size_t i = steps.size(); i-- > 0;) {
    run = one_after_the_other(linear_step(rule, steps[i]), run);
    missed[i].shift = static_cast<float>(run.shift);
    missed[i].gain = static_cast<float>(run.gain);
    missed[i].pull = static_cast<float>(run.pull);
    missed[i].keep[0] = static_cast<float>(run.keep);
  }
  return missed;
}

// The moments m and s fade by factors f and g a step, so that a weight moves by -sum_j rate_j f^j m /
// (sqrt(g^j s) + epsilon). Far above epsilon this is m / sqrt(s) times the sum of rate_j (f / sqrt(g))^j,
// `high`; far below, m / epsilon times the sum of rate_j f^j, `low`. With epsilon * high / low for epsilon,
// the first form is exact at both ends.
std::vector<MissedSteps> missed_adam(const Update& rule, const std::vector<IdleStep>& steps) {
  const double first = fading_factor(rule.share_1);
  const double second = fading_factor(rule.share_2);
  const double ratio = first / std::sqrt(second);
  std::vector<MissedSteps> missed(steps.size());
  double high = 0.0, low = 0.0, keep_first = 1.0, keep_second = 1.0;
  for (std::size_t i = steps.size(); i-- > 0;) {
    high = ratio * (steps[i].learning_rate + high);
    low = first * (steps[i].learning_rate + low);
    keep_first *= first;
    keep_second *= second;
    missed[i].gain = static_cast<float>(high);
    missed[i].epsilon =
        static_cast<float>(static_cast<double>(rule.epsilon) * (low > 0.0 ? high / low : 1.0));
    missed[i].keep[0] = static_cast<float>(keep_first);
    missed[i].keep[1] = static_cast<float>(keep_second);
  }
  return missed;
}

}  // namespace

bool can_be_missed(const Update& update) {
  if (update.rule == Rule::adam)
    return update.decay == 0.0f &&
           static_cast<double>(update.share_2) <= kMostFading * static_cast<double>(update.share_1);
  return update.rule != Rule::gradient && moves_idle_weights(update);
}

std::vector<MissedSteps> missed_steps(const Update& rule, const std::vector<IdleStep>& steps) {
  return rule.rule == Rule::adam ? missed_adam(rule, steps) : missed_linear(rule, steps);
}

}  // namespace hardzero
