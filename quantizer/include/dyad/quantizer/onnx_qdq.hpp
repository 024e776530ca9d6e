/// \file An integer network as an ONNX model of QuantizeLinear and DequantizeLinear, which any ONNX runtime executes; and back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/network/onnx_model.hpp"
#include "dyad/quantizer/integer_network.hpp"

namespace dyad::quantizer {

/// Opset 13. Weights are int8 initializers (K, C / groups, R, S) with a scale an output channel, biases int32; activations of up to 8 bits
/// are int8 or uint8 behind QuantizeLinear, wider ones whole numbers in float32 behind Round. The model's input is the normalized
/// image (its metadata says mean and std), its output the real-valued logits. Everything that the graph can't hold (multipliers, shifts,
/// the input's table) is in the metadata, so that `from_onnx` gives the same network. docs/workflow/export.md.
/// An Error names a layer whose name another one has, or what has no ONNX form.
Result<network::OnnxModel> to_onnx(const IntegerNetwork& network);

/// Whether a content is one of to_onnx's.
bool holds_integer_network(const network::OnnxContent& content);

/// The network that to_onnx wrote: its weights from the initializers, everything else from the metadata.
Result<IntegerNetwork> from_onnx(const network::OnnxContent& content, const std::string& place);

}  // namespace dyad::quantizer
