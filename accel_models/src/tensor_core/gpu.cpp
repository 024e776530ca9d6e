#include "dyad/accel_models/tensor_core/gpu.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <tuple>

namespace dyad::accel_models::tensor_core {
namespace {

Result<void> read_integers(const JsonReader& reader,
                           std::initializer_list<std::tuple<const char*, std::int64_t*, std::int64_t, std::int64_t>> members) {
  for (const auto& [key, member, lowest, highest] : members) {
    DYAD_TRY(*member, read_sourced_integer(reader, key, lowest, highest));
  }
  return {};
}

Error wrong_member(const JsonReader& reader, std::string_view key, std::string message, std::string hint) {
  const auto node = reader.member(key);
  return node ? node->error(std::move(message), std::move(hint)) : node.error();
}

Result<MmaInstruction> read_instruction(const JsonReader& reader, std::int64_t sub_cores) {
  MmaInstruction x;
  DYAD_TRY(x.bits, reader.integer("bits", 1, 8));
  if (x.bits != 1 && x.bits != 4 && x.bits != 8) return wrong_member(reader, "bits", "expected 1, 4 or 8", "bits of both operands");
  DYAD_TRY(const std::string path, reader.string("path"));
  if (path != "mma.sync" && path != "wgmma") return wrong_member(reader, "path", "no path '" + path + "'", "known paths: mma.sync, wgmma");
  x.path = path == "wgmma" ? MmaPath::kWgmma : MmaPath::kMmaSync;
  if (x.path == MmaPath::kWgmma && sub_cores != 4)
    return wrong_member(reader, "path", "a warpgroup has four warps, one on each of four sub-cores", "sub_cores 4, or path mma.sync");
  DYAD_TRY(x.m, reader.integer("m", 1, 256));
  DYAD_TRY(x.n, reader.integer("n", 1, 256));
  DYAD_TRY(x.k, reader.integer("k", 1, 4096));
  DYAD_TRY(x.interval_cycles, read_sourced_positive(reader, "interval_cycles"));
  DYAD_TRY(x.latency_cycles, read_sourced_positive(reader, "latency_cycles"));
  if (reader.has("alu_instructions")) {
    DYAD_TRY(const Sourced alu, read_sourced(reader, "alu_instructions"));
    x.alu_instructions = alu.value;
  }
  if (x.bits == 1) {
    DYAD_TRY(const std::string operation, reader.string("operation"));
    if (operation != "and" && operation != "xor")
      return wrong_member(reader, "operation", "no operation '" + operation + "'", "known operations: and, xor");
    x.ands_bits = operation == "and";
  }
  DYAD_TRY(x.source, reader.string("source"));
  DYAD_CHECK(reader.finish());
  return x;
}

Result<Tile> read_tile(const JsonReader& reader, const Gpu& gpu) {
  Tile tile;
  DYAD_TRY(tile.m, reader.integer("m", 1, 1024));
  DYAD_TRY(tile.n, reader.integer("n", 1, 1024));
  DYAD_TRY(tile.k_bits, reader.integer("k_bits", 8, 8192));
  DYAD_TRY(tile.stages, reader.integer("stages", 1, 16));
  DYAD_TRY(tile.warps_m, reader.integer("warps_m", 1, 32));
  DYAD_TRY(tile.warps_n, reader.integer("warps_n", 1, 32));
  if (reader.has("cluster")) {
    DYAD_TRY(tile.cluster, reader.integer("cluster", 1, 16));
  }
  DYAD_CHECK(reader.finish());
  if (tile.warps() > std::min<std::int64_t>(32, gpu.max_warps))
    return wrong_member(reader, "warps_m", "a CTA of " + std::to_string(tile.warps()) + " warps does not run on this SM",
                        "at most 32 warps, and max_warps");
  if (tile.k_bits % 8 != 0) return wrong_member(reader, "k_bits", "expected a multiple of 8", "for example 512");
  return tile;
}

Result<void> read_card(const JsonReader& reader, Gpu& gpu) {
  DYAD_CHECK(read_integers(reader, {{"sms", &gpu.sms, 1, 4096},
                                    {"sub_cores", &gpu.sub_cores, 1, 16},
                                    {"alu_lanes", &gpu.alu_lanes, 1, 4096},
                                    {"shared_bytes", &gpu.shared_bytes, 1, 1 << 24},
                                    {"registers", &gpu.registers, 1, 1 << 24},
                                    {"max_ctas", &gpu.max_ctas, 1, 256},
                                    {"max_warps", &gpu.max_warps, 1, 256},
                                    {"l2_bytes", &gpu.l2_bytes, 1, std::int64_t{1} << 40},
                                    {"l2_latency_cycles", &gpu.l2_latency_cycles, 1, 100000}}));
  DYAD_TRY(gpu.shared_bytes_per_cycle, read_sourced_positive(reader, "shared_bytes_per_cycle"));
  DYAD_TRY(gpu.l2_port_bytes_per_cycle, read_sourced_positive(reader, "l2_port_bytes_per_cycle"));
  DYAD_TRY(gpu.l2_bytes_per_cycle, read_sourced_positive(reader, "l2_bytes_per_cycle"));
  DYAD_TRY(const JsonReader list, reader.member("instructions"));
  DYAD_TRY(const std::vector<JsonReader> instructions, list.elements());
  for (const JsonReader& each : instructions) {
    DYAD_TRY(MmaInstruction instruction, read_instruction(each, gpu.sub_cores));
    gpu.instructions.push_back(std::move(instruction));
  }
  bool eight = false;
  for (const MmaInstruction& each : gpu.instructions) eight = eight || each.bits == 8;
  if (!eight) return list.error("no instruction of 8 bits", "layers of 5 to 8 bits need one");
  return reader.finish();
}

Result<void> read_kernel(const JsonReader& reader, Gpu& gpu) {
  DYAD_CHECK(reader.string("tiles_source"));
  DYAD_TRY(const JsonReader list, reader.member("tiles"));
  DYAD_TRY(const std::vector<JsonReader> tiles, list.elements());
  for (const JsonReader& each : tiles) {
    DYAD_TRY(const Tile tile, read_tile(each, gpu));
    gpu.tiles.push_back(tile);
  }
  if (gpu.tiles.empty()) return list.error("a kernel without a tile", "at least one, for example m 64, n 64");
  DYAD_CHECK(read_integers(reader, {{"max_split_k", &gpu.max_split_k, 1, 1024},
                                    {"thread_registers", &gpu.thread_registers, 1, kMaxRegistersOfThread},
                                    {"element_outputs", &gpu.element_outputs, 1, 1 << 20},
                                    {"element_warps", &gpu.element_warps, 1, std::min<std::int64_t>(32, gpu.max_warps)}}));
  if (kWarpThreads * gpu.element_warps * gpu.thread_registers > gpu.registers)
    return wrong_member(reader, "thread_registers", "not one CTA of element_warps warps fits into the registers of an SM",
                        "fewer of either");
  for (const KernelParameter& parameter : kernel_parameters()) {
    DYAD_TRY(const Sourced number, read_sourced(reader, parameter.name));
    if (number.value > parameter.largest || (parameter.positive && number.value <= 0)) {
      DYAD_TRY(const JsonReader node, reader.member(parameter.name));
      DYAD_TRY(const JsonReader value, node.member("value"));
      return value.error(
          "expected a number " + std::string(parameter.positive ? "above 0" : "from 0") + " to " + Json(parameter.largest).dump(),
          parameter.largest == 1 ? "a share, for example 0.8" : "docs/accel_models/tensor_core.md says what it is");
    }
    gpu.kernel.*parameter.member = number.value;
  }
  return reader.finish();
}

}  // namespace

const std::vector<KernelParameter>& kernel_parameters() {
  using P = KernelParameters;
  constexpr double kMany = 1e6;
  static const std::vector<KernelParameter> all{{"launch_cycles", &P::launch_cycles, false, kMany},
                                                {"cta_cycles", &P::cta_cycles, false, kMany},
                                                {"prologue_cycles", &P::prologue_cycles, false, kMany},
                                                {"step_cycles", &P::step_cycles, false, kMany},
                                                {"step_instructions", &P::step_instructions, false, kMany},
                                                {"window_instructions", &P::window_instructions, false, kMany},
                                                {"epilogue_instructions", &P::epilogue_instructions, false, kMany},
                                                {"residual_instructions", &P::residual_instructions, false, kMany},
                                                {"direct_instructions", &P::direct_instructions, true, kMany},
                                                {"elementwise_instructions", &P::elementwise_instructions, true, kMany},
                                                {"overlap", &P::overlap, false, 1},
                                                {"mma_efficiency", &P::mma_efficiency, true, 1},
                                                {"alu_efficiency", &P::alu_efficiency, true, 1},
                                                {"shared_efficiency", &P::shared_efficiency, true, 1},
                                                {"l2_efficiency", &P::l2_efficiency, true, 1},
                                                {"dram_efficiency", &P::dram_efficiency, true, 1},
                                                {"l2_warm", &P::l2_warm, false, 1}};
  return all;
}

double Gpu::peak_macs_per_cycle(const MmaInstruction& x) const {
  const double units = x.path == MmaPath::kWgmma ? 1 : static_cast<double>(sub_cores);
  return static_cast<double>(sms) * units * static_cast<double>(x.macs()) / x.interval_cycles;
}

Result<Gpu> read_gpu(const JsonReader& accelerator) {
  Gpu gpu;
  DYAD_TRY(const JsonReader card, accelerator.member("gpu"));
  DYAD_CHECK(read_card(card, gpu));
  DYAD_TRY(const JsonReader kernel, accelerator.member("kernel"));
  DYAD_CHECK(read_kernel(kernel, gpu));
  DYAD_TRY(const JsonReader energy, accelerator.member("energy"));
  Energies& e = gpu.energies;
  DYAD_CHECK(read_sourced(energy, {{"mac_pj", &e.mac_pj},
                                   {"alu_pj", &e.alu_pj},
                                   {"shared_pj_per_bit", &e.shared_pj_per_bit},
                                   {"l2_pj_per_bit", &e.l2_pj_per_bit},
                                   {"dram_pj_per_bit", &e.dram_pj_per_bit},
                                   {"static_w", &e.static_w}}));
  DYAD_CHECK(energy.finish());
  return gpu;
}

}  // namespace dyad::accel_models::tensor_core
