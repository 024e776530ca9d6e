// Included once for each instruction set by convolution_kernels.cpp, inside a namespace of its own that defines
// DYAD_TARGET (function attribute), kLanes and kMaxRows. No #pragma once: it is meant to be included again.

typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

DYAD_TARGET inline Vector load(const float* from) {
  Vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

DYAD_TARGET inline void store(float* to, Vector value) { __builtin_memcpy(to, &value, sizeof value); }

template <int Rows, int Vectors>
DYAD_TARGET void dense(const ConvolutionTile& tile) {
  Vector sums[Rows][Vectors];
#pragma GCC unroll 8
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) sums[row][v] = load(tile.bias + v * kLanes);
  }
  const float* weights = tile.weights;
  const std::int64_t begin = tile.offset, end = tile.offset + tile.channels;
  for (std::int64_t tap = 0; tap < tile.taps; ++tap) {
    const float* pixels[Rows];
#pragma GCC unroll 8
    for (int row = 0; row < Rows; ++row) pixels[row] = tile.pixels[tap * Rows + row];
    for (std::int64_t c = begin; c < end; ++c) {
      Vector w[Vectors];
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) w[v] = load(weights + v * kLanes);
      weights += Vectors * kLanes;
#pragma GCC unroll 8
      for (int row = 0; row < Rows; ++row) {
        const float x = pixels[row][c];
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) sums[row][v] += w[v] * x;
      }
    }
  }
  if (tile.out_channels == Vectors * kLanes) {
#pragma GCC unroll 8
    for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) store(tile.out + row * tile.out_stride + v * kLanes, sums[row][v]);
    }
    return;
  }
#pragma GCC unroll 8
  for (int row = 0; row < Rows; ++row) {
    float all[Vectors * kLanes];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) store(all + v * kLanes, sums[row][v]);
    __builtin_memcpy(tile.out + row * tile.out_stride, all, static_cast<std::size_t>(tile.out_channels) * sizeof(float));
  }
}

template <int Rows>
DYAD_TARGET void depthwise(const ConvolutionTile& tile) {
  std::int64_t c = 0;
  for (; c + kLanes <= tile.channels; c += kLanes) {
    Vector sums[Rows];
#pragma GCC unroll 8
    for (int row = 0; row < Rows; ++row) sums[row] = load(tile.bias + c);
    for (std::int64_t tap = 0; tap < tile.taps; ++tap) {
      const Vector w = load(tile.weights + tap * tile.channels + c);
#pragma GCC unroll 8
      for (int row = 0; row < Rows; ++row) sums[row] += w * load(tile.pixels[tap * Rows + row] + tile.offset + c);
    }
#pragma GCC unroll 8
    for (int row = 0; row < Rows; ++row) store(tile.out + row * tile.out_stride + c, sums[row]);
  }
  for (; c < tile.channels; ++c) {
    for (int row = 0; row < Rows; ++row) {
      float sum = tile.bias[c];
      for (std::int64_t tap = 0; tap < tile.taps; ++tap)
        sum += tile.weights[tap * tile.channels + c] * tile.pixels[tap * Rows + row][tile.offset + c];
      tile.out[row * tile.out_stride + c] = sum;
    }
  }
}

template <int Rows = kMaxRows>
void fill(ConvolutionKernels& kernels) {
  kernels.dense[Rows - 1][0] = dense<Rows, 1>;
  kernels.dense[Rows - 1][1] = dense<Rows, 2>;
  kernels.depthwise[Rows - 1] = depthwise<Rows>;
  if constexpr (Rows > 1) fill<Rows - 1>(kernels);
}

inline const ConvolutionKernels& kernels() {
  static const ConvolutionKernels all = [] {
    ConvolutionKernels made{kName, kLanes, kMaxRows, kFused, {}, {}};
    fill(made);
    return made;
  }();
  return all;
}
