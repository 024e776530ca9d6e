/// \file What a .dyad file holds, apart from the file: tensors by name and the document in the metadata. Exports are made from it.
#pragma once

#include <string>

#include "dyad/base/result.hpp"
#include "dyad/network/safetensors.hpp"
#include "dyad/quantizer/integer_network.hpp"

namespace dyad::quantizer {

/// The content that `save` writes; nothing is checked.
network::RawSafetensors to_safetensors(const IntegerNetwork& network);

/// The network of such a content, checked as `load_integer_network` does; `place` stands for the file in errors.
Result<IntegerNetwork> from_safetensors(network::RawSafetensors content, const std::string& place);

}  // namespace dyad::quantizer
