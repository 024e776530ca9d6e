/// \file Layers of well-known networks for tests and benchmarks of cost models.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dyad/base/layer_shape.hpp"

namespace dyad::testing_support {

/// Square convolution with padding kernel / 2.
inline LayerShape conv(std::string name, std::int64_t in, std::int64_t out, std::int64_t extent, int kernel, int stride, int groups = 1) {
  LayerShape layer;
  layer.name = std::move(name);
  layer.in_h = layer.in_w = extent;
  layer.in_channels = in;
  layer.out_channels = out;
  layer.groups = groups;
  Window& window = layer.window;
  window.kernel_h = window.kernel_w = kernel;
  window.stride_h = window.stride_w = stride;
  window.pad_top = window.pad_left = window.pad_bottom = window.pad_right = kernel / 2;
  layer.out_h = window.output_h(extent);
  layer.out_w = window.output_w(extent);
  return layer;
}

inline LayerShape linear(std::string name, std::int64_t in, std::int64_t out) {
  LayerShape layer;
  layer.name = std::move(name);
  layer.kind = LayerKind::kLinear;
  layer.in_channels = in;
  layer.out_channels = out;
  return layer;
}

/// Every shape of ResNet-20 (CIFAR), of ResNet-18 (224), and MobileNetV2's kinds of layers; a grouped one; unweighted ones.
inline std::vector<LayerShape> sample_layers() {
  std::vector<LayerShape> layers{conv("r20/3-16", 3, 16, 32, 3, 1),
                                 conv("r20/16-16", 16, 16, 32, 3, 1),
                                 conv("r20/16-32", 16, 32, 32, 3, 2),
                                 conv("r20/32-32", 32, 32, 16, 3, 1),
                                 conv("r20/32-64", 32, 64, 16, 3, 2),
                                 conv("r20/64-64", 64, 64, 8, 3, 1),
                                 linear("r20/fc", 64, 10),
                                 conv("r18/conv1", 3, 64, 224, 7, 2),
                                 conv("r18/64-64", 64, 64, 56, 3, 1),
                                 conv("r18/64-128", 64, 128, 56, 3, 2),
                                 conv("r18/64-128p", 64, 128, 56, 1, 2),
                                 conv("r18/128-128", 128, 128, 28, 3, 1),
                                 conv("r18/128-256", 128, 256, 28, 3, 2),
                                 conv("r18/128-256p", 128, 256, 28, 1, 2),
                                 conv("r18/256-256", 256, 256, 14, 3, 1),
                                 conv("r18/256-512", 256, 512, 14, 3, 2),
                                 conv("r18/256-512p", 256, 512, 14, 1, 2),
                                 conv("r18/512-512", 512, 512, 7, 3, 1),
                                 linear("r18/fc", 512, 1000),
                                 conv("mb/3-32", 3, 32, 224, 3, 2),
                                 conv("mb/dw32", 32, 32, 112, 3, 1, 32),
                                 conv("mb/32-16", 32, 16, 112, 1, 1),
                                 conv("mb/16-96", 16, 96, 112, 1, 1),
                                 conv("mb/dw96", 96, 96, 112, 3, 2, 96),
                                 conv("mb/dw384", 384, 384, 14, 3, 1, 384),
                                 conv("mb/dw960", 960, 960, 7, 3, 1, 960),
                                 conv("mb/160-960", 160, 960, 7, 1, 1),
                                 conv("mb/320-1280", 320, 1280, 7, 1, 1),
                                 linear("mb/fc", 1280, 1000),
                                 conv("grouped", 64, 64, 14, 3, 1, 4)};
  LayerShape add;
  add.name = "add";
  add.kind = LayerKind::kAdd;
  add.in_h = add.in_w = add.out_h = add.out_w = 16;
  add.in_channels = add.out_channels = 32;
  layers.push_back(add);
  LayerShape pool = conv("pool", 64, 64, 112, 3, 2);
  pool.kind = LayerKind::kMaxPool;
  layers.push_back(pool);
  LayerShape tail = pool;
  tail.name = "r20/pool";
  tail.kind = LayerKind::kAveragePool;
  tail.in_h = tail.in_w = 8;
  tail.out_h = tail.out_w = 1;
  tail.window = Window{};
  tail.window.kernel_h = tail.window.kernel_w = 8;
  layers.push_back(tail);
  return layers;
}

}  // namespace dyad::testing_support
