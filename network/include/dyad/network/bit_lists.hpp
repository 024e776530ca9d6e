/// \file Bit assignments as files: the project's own list, and lists with HAWQ-V3's names.
#pragma once

#include <string>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"

namespace dyad::network {

/// {"schema": "dyad.bits/1", "layers": {"name": {"w": 4, "a": 6}}}; `layers` are the weighted layers in execution order.
OrderedJson bits_document(const std::vector<std::string>& layers, const BitAssignment& bits);

/// HAWQ-V3's flat list {"name": bits} in its order. Layers with pytorchcv's names of ResNets get HAWQ-V3's: per unit quant_act,
/// quant_convbn1, quant_act1, ..., quant_identity_convbn, quant_act_int32 (16); before them quant_input, quant_init_block_convbn
/// (bottleneck networks: quant_init_convbn) and quant_act_int32, behind them quant_act_output and quant_output. Other networks get
/// `<layer>.quant_act` and `<layer>.quant_weight` for every layer. Source: HAWQ-V3, bit_config.py.
/// An Error names a unit whose identity convolution and first convolution read other bits: they share quant_act.
Result<OrderedJson> hawq_bit_list(const std::vector<std::string>& layers, const BitAssignment& bits);

/// The assignment of such a list; a missing or unknown name, or a value that is no width, is an Error.
Result<BitAssignment> from_hawq_bit_list(const std::vector<std::string>& layers, const JsonReader& list);

}  // namespace dyad::network
