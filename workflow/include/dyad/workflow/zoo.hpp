/// \file `dyad zoo`: published tables of quantized networks, computed again beside the published numbers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dyad/base/cost_model.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"

namespace dyad::workflow {

/// How a computed number stands to a published one.
enum class ZooAgreement {
  kRounded,    ///< rounded to the published digits it is the published number
  kTruncated,  ///< cut off at the published digits it is the published number
  kDiffers,
};
std::string_view to_string(ZooAgreement agreement);

/// A number of a published table and the same number computed here.
struct ZooNumber {
  double computed = 0;
  std::optional<double> published;
  ZooAgreement agreement = ZooAgreement::kDiffers;  ///< meaningful with `published`
  /// computed / published - 1, in percent.
  double difference_percent() const { return published && *published > 0 ? 100 * (computed / *published - 1) : 0; }
};

/// One row of a table. size in MiB, BOPS in 10^9.
struct ZooRow {
  std::string model, scheme;
  ZooNumber size_mib, bops_g;
  std::optional<ZooNumber> speedup;  ///< over float; none: the table has none
  std::optional<double> latency_ms;  ///< on the tables' accelerator: layers between the first and the last, summed
  std::optional<double> top1;        ///< percent, published; a result of training on ImageNet, not computed here
  std::string bits;                  ///< a digit a layer, first and last left out; empty: the scheme says
  std::string bits_source, source, note;
};

struct Zoo {
  std::string name, accelerator, speedup_source;
  std::vector<ZooRow> rows;
};

/// Makes the cost model of a named accelerator.
using CostModelMaker = std::function<Result<std::unique_ptr<CostModel>>(const std::string&)>;

/// HAWQ-V3's model zoo (docs/workflow/zoo.md). Size: weights x bits; of a float row all parameters, batch normalization's included.
/// BOPS: MACs of convolutions and fully connected layers x weight bits x activation bits. Speed-up: from layer latencies of the
/// accelerator, through the relation in the tables' file.
Result<Zoo> hawq_zoo(const CostModelMaker& make_cost_model);

/// Schema dyad.zoo/1.
OrderedJson zoo_document(const Zoo& zoo);
std::string zoo_text(const Zoo& zoo);

}  // namespace dyad::workflow
