// Words of the HMQ options; the module holds a copy of its own.
#include "dyad/training/hmq.hpp"

namespace dyad::training {
namespace {

template <typename Enum>
std::optional<Enum> from_name(std::string_view name, std::initializer_list<Enum> all) {
  for (const Enum each : all)
    if (name == to_string(each)) return each;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(HmqActivations activations) { return activations == HmqActivations::kRule ? "rule" : "gradient"; }
std::string_view to_string(HmqStart start) { return start == HmqStart::kPublished ? "published" : "balanced"; }
std::string_view to_string(HmqTeacher teacher) { return teacher == HmqTeacher::kLabels ? "labels" : "float"; }

std::optional<HmqActivations> hmq_activations_from_name(std::string_view name) {
  return from_name(name, {HmqActivations::kGradient, HmqActivations::kRule});
}
std::optional<HmqStart> hmq_start_from_name(std::string_view name) { return from_name(name, {HmqStart::kBalanced, HmqStart::kPublished}); }
std::optional<HmqTeacher> hmq_teacher_from_name(std::string_view name) {
  return from_name(name, {HmqTeacher::kFloat, HmqTeacher::kLabels});
}

}  // namespace dyad::training
