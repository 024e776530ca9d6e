/// \file How many threads LibTorch's operations use while one of our functions runs.
#pragma once

#include "torch_headers.hpp"

namespace dyad::training {

/// Sets the number and puts the old one back.
class OperationThreads {
 public:
  explicit OperationThreads(int threads) : before_(at::get_num_threads()) { at::set_num_threads(threads); }
  ~OperationThreads() { at::set_num_threads(before_); }
  OperationThreads(const OperationThreads&) = delete;
  OperationThreads& operator=(const OperationThreads&) = delete;

 private:
  int before_;
};

}  // namespace dyad::training
