/// \file The groups of checks; each file of this folder adds one.
#pragma once

#include "dyad/cosim/check.hpp"

namespace dyad::cosim {

void add_streams_checks(std::vector<RegisteredCheck>& checks);
void add_control_checks(std::vector<RegisteredCheck>& checks);
void add_requantizer_checks(std::vector<RegisteredCheck>& checks);
void add_arrays_checks(std::vector<RegisteredCheck>& checks);
void add_cores_checks(std::vector<RegisteredCheck>& checks);
void add_systolic_checks(std::vector<RegisteredCheck>& checks);

}  // namespace dyad::cosim
