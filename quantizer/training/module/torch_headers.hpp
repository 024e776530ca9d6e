/// \file The parts of LibTorch that the module uses, precompiled: tensors with operations, and gradients. Only module/ includes it.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
