// Units that were found one by one, put in ascending order.
#pragma once

#include <algorithm>
#include <vector>

#include "rows.h"

namespace hardzero {

// `is_found(unit)` tells whether a unit is among `found`. Looking at all units is quicker than sorting where
// a large part of them was found.
template <class Unit, class IsFound>
void put_in_order(std::vector<Unit>& found, Index n_units, IsFound is_found) {
  constexpr Index kUnitsLookedAt = 16;  // in the time that sorting takes for one
  if (n_units > kUnitsLookedAt * static_cast<Index>(found.size())) {
    std::sort(found.begin(), found.end());
    return;
  }
  found.clear();
  for (Index unit = 0; unit < n_units; ++unit)
    if (is_found(size_of(unit))) found.push_back(static_cast<Unit>(unit));
}

}  // namespace hardzero
