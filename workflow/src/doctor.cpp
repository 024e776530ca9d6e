#include "dyad/workflow/doctor.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "dyad/base/parallel.hpp"
#include "dyad/kernels/backends.hpp"
#include "dyad/training/training.hpp"
#include "process.hpp"

namespace dyad::workflow {
namespace fs = std::filesystem;
namespace {

constexpr const char* kFashionMnist = "/usr/share/datasets/fashion-mnist";

/// The first line that `words` prints, or nothing when it can't run.
std::string first_line_of(const std::vector<std::string>& words) {
  constexpr int kSeconds = 20;
  const auto result = run_command({words, fs::path("/"), kSeconds, {}});
  if (!result || result->exit_status != 0) return {};
  return result->output.substr(0, result->output.find('\n'));
}

DoctorCheck program(const std::string& name, const std::string& package, const std::string& version_flag, const std::string& needed_for) {
  DoctorCheck check{name, require_program(name, package).has_value(), "", needed_for, "apt-get install " + package};
  if (check.found) {
    check.detail = first_line_of({name, version_flag});
    check.hint.clear();
  }
  return check;
}

DoctorCheck processor() {
  std::string names;
  for (const kernels::CpuIsa isa : kernels::available_cpu_isas()) names += (names.empty() ? "" : ", ") + std::string(to_string(isa));
  return {"integer kernels", true, fmt::format("{}; {} threads", names, thread_count()), "run --backend cpu", ""};
}

DoctorCheck training_module() {
  const auto description = training::module_description();
  return {"training module", description.has_value(), description ? *description : description.error().message,
          "train, search --method hawq and hmq, sensitivity --metric hessian", description ? "" : description.error().hint};
}

DoctorCheck rtl(bool has_rtl) {
  return {"Verilated cores", has_rtl, has_rtl ? "built in" : "this build has none", "run --backend rtl, verify rtl",
          has_rtl ? "" : "install Verilator and configure with -DDYAD_WITH_RTL=ON"};
}

DoctorCheck embedded_images() {
  std::error_code ignored;
  const bool found = fs::is_directory(kFashionMnist, ignored);
  return {"Fashion-MNIST", found, found ? kFashionMnist : "", "./dev demo, --data for the embedded network",
          found ? "" : "apt-get install dataset-fashion-mnist"};
}

DoctorCheck gpu() {
  DoctorCheck check = program("nvidia-smi", "nvidia-smi", "-L", "measuring a GPU; the fits of published times need none");
  if (!check.found) check.hint = "install NVIDIA's driver where there is such a card";
  return check;
}

}  // namespace

std::vector<DoctorCheck> examine(bool has_rtl) {
  return {processor(),
          training_module(),
          rtl(has_rtl),
          embedded_images(),
          program("yosys", "yosys", "-V", "verify formal"),
          program("z3", "z3", "--version", "verify formal"),
          program("cadical", "cadical", "--version", "verify formal"),
          program("npm", "npm", "--version", "data fetch cifar10"),
          program("mpirun", "openmpi-bin", "--version", "work on several processes"),
          gpu()};
}

OrderedJson doctor_document(const std::vector<DoctorCheck>& checks) {
  OrderedJson list = OrderedJson::array();
  for (const DoctorCheck& check : checks)
    list.push_back(
        {{"name", check.name}, {"found", check.found}, {"detail", check.detail}, {"needed_for", check.needed_for}, {"hint", check.hint}});
  return OrderedJson{{"schema", "dyad.doctor/1"}, {"version", DYAD_VERSION}, {"checks", std::move(list)}};
}

std::string doctor_text(const std::vector<DoctorCheck>& checks) {
  std::string text;
  for (const DoctorCheck& check : checks) {
    text += fmt::format("{:<4} {:<18} {}\n", check.found ? "yes" : "no", check.name, check.detail);
    if (!check.found) text += fmt::format("{:<4} {:<18} needed for: {}\n{:<4} {:<18} {}\n", "", "", check.needed_for, "", "", check.hint);
  }
  return text;
}

}  // namespace dyad::workflow
