// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tandem/adapt/answering.h"
#include "tandem/tasks/phrasing.h"
#include "tandem/tasks/rows.h"

namespace tandem::adapt {

/// What several models say of the same rows, each with the weight that it has among them.
struct Opinion {
  std::vector<AnswerScores> scores;  ///< one a row
  double weight = 1;                 ///< above 0
};

/// Returns the shares of each row's answers that the opinions give together: the softmax, over `temperature`,
/// of the weighted mean of their log-shares (Schick and Schütze, arXiv 2001.07676, section 3.2). All opinions
/// are of the same rows; at least one.
std::vector<std::vector<double>> merged_shares(const std::vector<Opinion>& opinions, double temperature);

/// Returns rows as pairs whose target is drawn by such shares (docs/formats.md, "Pairs"); answers below
/// 1/1000 are left out. `file` names the rows' file in messages.
std::string soft_pairs_of(const tasks::Phrasing& phrasing, const std::vector<tasks::Row>& rows,
                          const std::vector<std::vector<double>>& shares, const std::string& file);

}  // namespace tandem::adapt
