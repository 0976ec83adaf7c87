// Bringing weight rows up to date that have missed steps.
#include <algorithm>

#include "engine.h"
#include "lazy_rows.h"

namespace hardzero {

namespace {

constexpr Index kRowsAtOnce = 16;  // rows that one task brings up to date

}  // namespace

void Engine::catch_up(const Rows& rows, const Layer& layer, LazyRows& lazy) const {
  if (rows.dense.exists()) return settle(layer, lazy);
  if (lazy.settled()) return;
  const std::vector<LateRow> late = lazy.take_late(rows);
  if (!late.empty()) take_missed_steps(layer, lazy.rule(), lazy.missed(), late);
}

void Engine::settle(const Layer& layer, LazyRows& lazy) const {
  if (lazy.settled()) return;
  const std::vector<MissedSteps> missed = lazy.missed();
  take_missed_steps(layer, lazy.rule(), missed, lazy.take_all_late());
}

void Engine::take_missed_steps(const Layer& layer, const Update& rule, const std::vector<MissedSteps>& missed,
                               const std::vector<LateRow>& late) const {
  const Index n_columns = round_up(layer.weights.n_outputs, kLineFloats);
  const Index n_late = static_cast<Index>(late.size());
  run(ceil_div(n_late, kRowsAtOnce), n_late * n_columns, [&](Index i, int) {
    for (Index k = i * kRowsAtOnce; k < std::min(n_late, (i + 1) * kRowsAtOnce); ++k) {
      const LateRow& each = late[size_of(k)];
      kernels_.take_missed_steps(rule, missed[size_of(each.n_taken)], layer.weights.data, layer.weight_state,
                                 each.row * padded_width(layer.weights.n_outputs), n_columns);
    }
  });
}

bool Engine::defer_idle(const Rows& rows, const Layer& layer, const Update& update, LazyRows* lazy) const {
  if (lazy == nullptr) return false;
  const bool defer = !rows.dense.exists() && can_be_missed(update);
  if (defer && lazy->continues(update))
    catch_up(rows, layer, *lazy);
  else
    settle(layer, *lazy);
  return defer;
}

}  // namespace hardzero
