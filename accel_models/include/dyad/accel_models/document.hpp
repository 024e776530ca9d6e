/// \file A JSON document that is built in or a user's file.
#pragma once

#include <string>

namespace dyad::accel_models {

struct Document {
  std::string text, place;  ///< `place`: its name in errors
};

}  // namespace dyad::accel_models
