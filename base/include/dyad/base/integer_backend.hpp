/// \file The interface through which scalar, cpu, cuda and rtl run integer layers; each registers itself by name.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/integer_layer.hpp"

namespace dyad {

/// A layer made ready for one backend (weights packed once). Runs on one thread; separate threads may run it at once.
class PreparedLayer {
 public:
  virtual ~PreparedLayer() = default;
  /// output has the layer's output shape and format; inputs the layer's input formats, same batch N.
  virtual void run(std::span<const IntegerTensor* const> inputs, IntegerTensor& output) const = 0;
};

/// Runs integer layers; every backend gives the same integers as `scalar`.
class IntegerBackend {
 public:
  virtual ~IntegerBackend() = default;
  virtual std::string name() const = 0;
  /// Human-readable: which instruction set or device it uses.
  virtual std::string description() const = 0;
  /// The layer must outlive what is returned.
  virtual Result<std::unique_ptr<PreparedLayer>> prepare(const IntegerLayer& layer) const = 0;
};

using IntegerBackendFactory = std::function<Result<std::unique_ptr<IntegerBackend>>()>;
/// Adds a backend; a second registration of a name is our bug.
void register_integer_backend(std::string name, IntegerBackendFactory factory);
/// The backend of that name, or an Error listing those that exist.
Result<std::unique_ptr<IntegerBackend>> make_integer_backend(std::string_view name);
std::vector<std::string> integer_backend_names();

}  // namespace dyad
