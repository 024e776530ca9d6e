/// \file The data files inside the binary, by the names that users give.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace dyad::accel_models {

using NamedText = std::pair<std::string_view, std::string_view>;

const std::vector<NamedText>& embedded_accelerators();
/// Of families whose size is part of the name: "systolic-os" stands for systolic-RxC-os.
const std::vector<NamedText>& embedded_templates();
const std::vector<NamedText>& embedded_technologies();
const std::vector<NamedText>& embedded_memories();
const std::vector<NamedText>& embedded_sram_tables();

}  // namespace dyad::accel_models
