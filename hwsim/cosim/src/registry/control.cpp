#include <Vbit_plane_sequencer.h>
#include <Vcore_program.h>
#include <Velement_lanes_4x3.h>
#include <Velement_sequencer.h>
#include <Vjob_sequencer.h>
#include <Vresult_sequencer.h>
#include <Vresult_stage_2x8x4.h>
#include <Vresult_stage_4x2x4.h>
#include <Vresult_stage_4x4x4.h>
#include <Vtile_fetch.h>
#include <Vtile_fetch_5x40.h>
#include <Vtile_memory_3x40x20.h>
#include <Vword_sequencer.h>
#include <Vword_sequencer_7.h>

#include "checks/bit_plane_sequencer_check.hpp"
#include "checks/core_program_check.hpp"
#include "checks/element_lanes_check.hpp"
#include "checks/element_sequencer_check.hpp"
#include "checks/job_sequencer_check.hpp"
#include "checks/result_sequencer_check.hpp"
#include "checks/result_stage_check.hpp"
#include "checks/tile_fetch_check.hpp"
#include "checks/tile_memory_check.hpp"
#include "checks/word_sequencer_check.hpp"
#include "registry.hpp"

namespace dyad::cosim {

void add_control_checks(std::vector<RegisteredCheck>& checks) {
  const auto add = [&](std::string name, std::int64_t cases, std::function<Check(const CheckOptions&)> run) {
    checks.push_back({std::move(name), cases, false, std::move(run)});
  };
  add("job_sequencer", 2'000'000, [](const CheckOptions& o) { return check_job_sequencer<Vjob_sequencer>(o, 6); });
  add("tile_fetch/8x64", 1'000'000, [](const CheckOptions& o) { return check_tile_fetch<Vtile_fetch>(o, 8, 64); });
  add("tile_fetch/5x40", 1'000'000, [](const CheckOptions& o) { return check_tile_fetch<Vtile_fetch_5x40>(o, 5, 40); });
  add("result_sequencer", 1'000'000, [](const CheckOptions& o) { return check_result_sequencer<Vresult_sequencer>(o, 4, 32); });
  add("bit_plane_sequencer", 200'000, [](const CheckOptions& o) { return check_bit_plane_sequencer<Vbit_plane_sequencer>(o, 6); });
  add("word_sequencer/1", 100'000, [](const CheckOptions& o) { return check_word_sequencer<Vword_sequencer>(o); });
  add("word_sequencer/7", 100'000, [](const CheckOptions& o) { return check_word_sequencer<Vword_sequencer_7>(o, 4, 7); });
  add("element_sequencer", 200'000, [](const CheckOptions& o) { return check_element_sequencer<Velement_sequencer>(o, 6, 4); });
  add("core_program", 500'000, check_core_program<Vcore_program>);
  add("tile_memory/3x40x20", 1'000'000, [](const CheckOptions& o) { return check_tile_memory<Vtile_memory_3x40x20>(o, 3, 40, 20); });
  add("element_lanes/4x3", 500'000, [](const CheckOptions& o) { return check_element_lanes<Velement_lanes_4x3>(o, 4, 3, 256); });
  // Lanes that are one row; a part of a row; two rows.
  add("result_stage/4x4x4", 200'000, [](const CheckOptions& o) {
    return check_result_stage<Vresult_stage_4x4x4>(o, 4, 4, 4, Rounding::kHalfUp, AverageRounding::kHalfUp);
  });
  add("result_stage/2x8x4", 200'000, [](const CheckOptions& o) {
    return check_result_stage<Vresult_stage_2x8x4>(o, 2, 8, 4, Rounding::kHalfEven, AverageRounding::kHalfAway);
  });
  add("result_stage/4x2x4", 200'000, [](const CheckOptions& o) {
    return check_result_stage<Vresult_stage_4x2x4>(o, 4, 2, 4, Rounding::kGemmlowp, AverageRounding::kFloor);
  });
}

}  // namespace dyad::cosim
