#include "lazy_rows.h"

#include <algorithm>

#include "unit_order.h"

namespace hardzero {

namespace {

// After so many steps all rows are brought up to date: a pass over the weights that is rare enough to be
// cheap, and a way back to the oldest step that stays short.
constexpr std::size_t kMostSteps = 512;

template <class Visit>
void for_each_active(const Rows& rows, Visit visit) {
  for (Index row = 0; row < rows.n_rows; ++row)
    for (Index entry = rows.start[size_of(row)]; entry < rows.end[size_of(row)]; ++entry)
      visit(rows.index[size_of(entry)]);
}

}  // namespace

bool LazyRows::continues(const Update& update) const {
  return settled() ||
         (steps_.size() < kMostSteps && update.rule == rule_.rule && update.momentum == rule_.momentum &&
          update.nesterov == rule_.nesterov && update.share_1 == rule_.share_1 &&
          update.share_2 == rule_.share_2 && update.epsilon == rule_.epsilon);
}

void LazyRows::record(const Rows& rows, const Update& update) {
  rule_ = update;
  steps_.push_back({static_cast<double>(update.learning_rate), static_cast<double>(update.decay)});
  const auto now = static_cast<std::int32_t>(steps_.size());
  for_each_active(rows, [&](std::int32_t unit) { n_taken_[size_of(unit)] = now; });
}

// In ascending order, so that threads find the same rows as in the backward pass.
std::vector<LateRow> LazyRows::take_late(const Rows& rows) {
  std::vector<std::int32_t> found;
  std::vector<LateRow> late;
  // Nothing may be thrown while rows are marked.
  found.reserve(size_of(std::min(rows.n_nonzero, rows.n_columns)));
  late.reserve(found.capacity());
  const auto now = static_cast<std::int32_t>(steps_.size());
  const auto marked = [](std::int32_t n_taken) { return -1 - n_taken; };
  for_each_active(rows, [&](std::int32_t unit) {
    std::int32_t& n_taken = n_taken_[size_of(unit)];
    if (n_taken < 0 || n_taken == now) return;
    found.push_back(unit);
    n_taken = marked(n_taken);
  });
  put_in_order(found, n_rows(), [&](std::size_t row) { return n_taken_[row] < 0; });
  for (const std::int32_t row : found) {
    late.push_back({row, marked(n_taken_[size_of(row)])});
    n_taken_[size_of(row)] = now;
  }
  return late;
}

std::vector<LateRow> LazyRows::take_all_late() {
  std::vector<LateRow> late;
  const auto now = static_cast<std::int32_t>(steps_.size());
  late.reserve(n_taken_.size());
  for (Index row = 0; row < n_rows(); ++row)
    if (n_taken_[size_of(row)] != now) late.push_back({row, n_taken_[size_of(row)]});
  steps_.clear();
  std::fill(n_taken_.begin(), n_taken_.end(), 0);
  return late;
}

}  // namespace hardzero
