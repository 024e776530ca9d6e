/// \file `dyad doctor`: what this build and this machine have, and what each missing piece is needed for.
#pragma once

#include <string>
#include <vector>

#include "dyad/base/json.hpp"

namespace dyad::workflow {

struct DoctorCheck {
  std::string name;
  bool found = false;
  std::string detail;      ///< version, folder or why it can't be used
  std::string needed_for;  ///< what does not work without it
  std::string hint;        ///< how to get it
};

/// `has_rtl`: whether the program was built with Verilated cores.
std::vector<DoctorCheck> examine(bool has_rtl);
/// Schema dyad.doctor/1: version, checks[].{name, found, detail, needed_for, hint}.
OrderedJson doctor_document(const std::vector<DoctorCheck>& checks);
std::string doctor_text(const std::vector<DoctorCheck>& checks);

}  // namespace dyad::workflow
