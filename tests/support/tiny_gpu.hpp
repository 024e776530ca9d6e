/// \file A GPU small enough to follow by hand, as the JSON that describes it.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "dyad/accel_models/tensor_core/gpu.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"

namespace dyad::testing_support {

template <typename Number>
Json sourced(Number value) {
  return {{"value", value}, {"source", "test"}};
}

inline Json sourced_members(std::initializer_list<std::pair<const char*, double>> members) {
  Json object = Json::object();
  // Whole numbers are read as such.
  for (const auto& [key, value] : members)
    object[key] =
        value == static_cast<double>(static_cast<std::int64_t>(value)) ? sourced(static_cast<std::int64_t>(value)) : sourced(value);
  return object;
}

/// Two SMs of four sub-cores; mma.m8n8k16 of 8 bits and m8n8k128 of 1 bit (AND), each every 4 cycles; tiles of 16 x 16 outputs and 128 bits
/// of K in two stages, four warps. Two CTAs fit into the shared memory of an SM.
inline Json tiny_gpu() {
  Json card = sourced_members({{"sms", 2},
                               {"sub_cores", 4},
                               {"alu_lanes", 64},
                               {"shared_bytes", 2048},
                               {"shared_bytes_per_cycle", 128},
                               {"registers", 65536},
                               {"max_ctas", 16},
                               {"max_warps", 32},
                               {"l2_port_bytes_per_cycle", 64},
                               {"l2_bytes", 1 << 20},
                               {"l2_bytes_per_cycle", 100},
                               {"l2_latency_cycles", 20}});
  card["instructions"] = {{{"bits", 8},
                           {"path", "mma.sync"},
                           {"m", 8},
                           {"n", 8},
                           {"k", 16},
                           {"interval_cycles", sourced(4)},
                           {"latency_cycles", sourced(10)},
                           {"source", "test"}},
                          {{"bits", 1},
                           {"path", "mma.sync"},
                           {"m", 8},
                           {"n", 8},
                           {"k", 128},
                           {"operation", "and"},
                           {"interval_cycles", sourced(4)},
                           {"latency_cycles", sourced(10)},
                           {"source", "test"}}};
  Json kernel = sourced_members({{"max_split_k", 1},
                                 {"thread_registers", 32},
                                 {"element_outputs", 64},
                                 {"element_warps", 2},
                                 {"launch_cycles", 100},
                                 {"cta_cycles", 10},
                                 {"prologue_cycles", 5},
                                 {"step_cycles", 3},
                                 {"step_instructions", 0},
                                 {"window_instructions", 0},
                                 {"epilogue_instructions", 2},
                                 {"residual_instructions", 2},
                                 {"direct_instructions", 2},
                                 {"elementwise_instructions", 1},
                                 {"overlap", 1},
                                 {"mma_efficiency", 1},
                                 {"alu_efficiency", 1},
                                 {"shared_efficiency", 1},
                                 {"l2_efficiency", 1},
                                 {"dram_efficiency", 1},
                                 {"l2_warm", 0}});
  kernel["tiles_source"] = "test";
  kernel["tiles"] = {{{"m", 16}, {"n", 16}, {"k_bits", 128}, {"stages", 2}, {"warps_m", 2}, {"warps_n", 2}}};
  return {
      {"schema", "dyad.accelerator/1"},
      {"name", "tiny"},
      {"family", "tensor_core"},
      {"clock_mhz", sourced(1000)},
      {"batch", 1},
      {"gpu", card},
      {"kernel", kernel},
      {"dram", {{"bandwidth_gb_per_s", sourced(20)}, {"latency_ns", sourced(30)}, {"burst_bits", 256}, {"request_bits", 1024}}},
      {"energy",
       sourced_members(
           {{"mac_pj", 1}, {"alu_pj", 2}, {"shared_pj_per_bit", 0.5}, {"l2_pj_per_bit", 0.25}, {"dram_pj_per_bit", 10}, {"static_w", 3}})}};
}

}  // namespace dyad::testing_support
