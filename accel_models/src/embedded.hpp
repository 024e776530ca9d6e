/// \file The data files inside the binary, by the names that users give.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dyad/accel_models/document.hpp"
#include "dyad/base/result.hpp"

namespace dyad::accel_models {

using NamedText = std::pair<std::string_view, std::string_view>;

const std::vector<NamedText>& embedded_accelerators();
/// Of families whose size is part of the name: "systolic-os" stands for systolic-RxC-os.
const std::vector<NamedText>& embedded_templates();
const std::vector<NamedText>& embedded_technologies();
const std::vector<NamedText>& embedded_memories();
const std::vector<NamedText>& embedded_sram_tables();

/// A built-in document by name, or the file of that name. Error: neither; it says `what` was looked for ("memory") and lists the names.
Result<Document> find_document(const std::vector<NamedText>& built_in, const std::string& name_or_file, const std::string& what);
/// `name` in the folder of the document at `place` where such a file is, else as it stands.
std::string beside(const std::string& place, const std::string& name);

}  // namespace dyad::accel_models
