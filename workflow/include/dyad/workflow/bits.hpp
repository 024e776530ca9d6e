/// \file What `--bits` means: a uniform width such as W4A8, or a file that lists every layer.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "dyad/base/bits.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"
#include "dyad/network/network.hpp"

namespace dyad::workflow {

/// Bits of every weighted layer; nothing means float everywhere (no text, or W32A32).
/// `WxAy` gives that width to all but the first convolution and the last fully connected layer, which stay 8-bit unless `all_layers`.
/// Other text is a file of schema dyad.bits/1 in which every weighted layer must appear and no other name may.
Result<std::optional<BitAssignment>> read_bits(const std::string& text, const network::Network& network, bool all_layers);

/// {"layer": {"w": 4, "a": 4}, …} in execution order.
OrderedJson assignment_json(const BitAssignment& assignment, const network::Network& network);

}  // namespace dyad::workflow
