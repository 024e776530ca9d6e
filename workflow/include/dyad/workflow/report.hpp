/// \file Result documents as one HTML page that needs no network, and as a short text for a terminal.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"

namespace dyad::workflow {

/// A result document and the name under which readers know it (its file).
struct NamedDocument {
  std::string name;
  Json document;
};

/// Checks a document of schema `dyad.search/1`, `dyad.simulation/1` or `dyad.training/1` field by field.
/// Error: `name:/pointer` of the first field that is missing, unknown or of the wrong kind.
Result<void> check_result_document(const NamedDocument& document);

/// One self-contained page about one or more documents, in the order given. Same documents, same bytes.
/// Error: no document, or what check_result_document finds.
Result<std::string> render_report(const std::vector<NamedDocument>& documents);

/// Reads the documents, renders the page and writes it whole or not at all.
Result<void> write_report(const std::vector<std::filesystem::path>& files, const std::filesystem::path& out);

/// Plain text: a table of layers (bits, latency, energy, utilization), the totals, and for a search the accuracy,
/// the limits and the best uniform network; for a training run its epochs. Ends with a newline. Error: what check_result_document finds.
Result<std::string> summarize(const NamedDocument& document);

}  // namespace dyad::workflow
