/// \file Nodes for the tests of the graph and of float inference.
#pragma once

#include <string>
#include <utility>

#include "dyad/network/network.hpp"

namespace dyad::network {

inline Node named(std::string name, OpKind kind) {
  Node node;
  node.name = std::move(name);
  node.kind = kind;
  return node;
}

inline Node input_node(Shape shape) {
  Node node = named("input", OpKind::kInput);
  node.output_shape = std::move(shape);
  return node;
}

}  // namespace dyad::network
