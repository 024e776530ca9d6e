/// \file ONNX models to write, and the tensors and metadata of an ONNX file as they lie in it. No operator is interpreted here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/network/safetensors.hpp"

namespace dyad::network {

using OnnxAttribute = std::variant<std::int64_t, float, std::vector<std::int64_t>>;

struct OnnxNode {
  std::string op, name;
  std::vector<std::string> inputs, outputs;  ///< an empty input is one left out
  std::map<std::string, OnnxAttribute> attributes;
};

/// A graph of one float input (N, C, H, W) and one float output (N, classes), N open. Initializers are F32, I8, U8, I32 or I64.
struct OnnxModel {
  std::int64_t opset = 13;
  std::string name;
  std::string input, output;
  std::int64_t channels = 0, height = 0, width = 0, classes = 0;
  std::vector<OnnxNode> nodes;  ///< each behind those that it reads
  std::map<std::string, RawTensor> initializers;
  std::map<std::string, std::string> metadata;
};

/// The file's bytes, a function of the model alone (initializers and metadata by name). IR version 7.
std::vector<std::uint8_t> serialize_onnx(const OnnxModel& model);

/// Initializers and metadata of a file. Initializers of other element types than OnnxModel's, or stored outside the file, are left out.
struct OnnxContent {
  std::map<std::string, RawTensor> initializers;
  std::map<std::string, std::string> metadata;
};
/// `place` stands for the file in errors.
Result<OnnxContent> read_onnx_content(std::span<const std::uint8_t> bytes, const std::string& place);

}  // namespace dyad::network
