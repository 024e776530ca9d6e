/// \file The checks of the control modules and of what else the cores are made of besides their arrays.
#pragma once

#include <vector>

#include "dyad/cosim/check.hpp"

namespace dyad::cosim {

/// Adds them to the list of all checks.
void add_control_checks(std::vector<RegisteredCheck>& checks);

}  // namespace dyad::cosim
