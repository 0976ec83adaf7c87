// Which weight rows are behind: those of idle input units miss the update of a step until they are next used.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.h"
#include "missed_steps.h"
#include "rows.h"

namespace hardzero {

// A row that is behind, and how many of the steps on record it has taken.
struct LateRow {
  Index row;
  Index n_taken;
};

class LazyRows {
 public:
  explicit LazyRows(Index n_rows) : n_taken_(size_of(n_rows), 0) {}

  Index n_rows() const { return static_cast<Index>(n_taken_.size()); }

  // The rule of the steps on record, and what a row that has taken the first i of them has missed.
  const Update& rule() const { return rule_; }
  std::vector<MissedSteps> missed() const { return missed_steps(rule_, steps_); }

  // Whether all rows are up to date.
  bool settled() const { return steps_.empty(); }

  // Whether a step can go on record with those before it.
  bool continues(const Update& update) const;

  // Record a step that only the rows of units active in `rows`, all up to date, have taken.
  void record(const Rows& rows, const Update& update);

  // The rows that are behind, of units active in `rows` or of all; from now on they count as up to date.
  std::vector<LateRow> take_late(const Rows& rows);
  std::vector<LateRow> take_all_late();

 private:
  Update rule_{};
  std::vector<IdleStep> steps_;
  std::vector<std::int32_t> n_taken_;
};

}  // namespace hardzero
