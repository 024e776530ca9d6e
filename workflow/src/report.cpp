// The page: a template with style, scripts and data put in, each escaped for where it stands.
#include "dyad/workflow/report.hpp"

#include <string_view>
#include <utility>

#include "dyad/base/files.hpp"

namespace dyad::embedded {
std::string_view report_page_html();
std::string_view report_style_css();
std::string_view report_chart_js();
std::string_view report_format_js();
std::string_view report_figures_js();
std::string_view report_svg_js();
std::string_view report_plot_js();
std::string_view report_words_js();
std::string_view report_tables_js();
std::string_view report_training_js();
std::string_view report_page_js();
}  // namespace dyad::embedded

namespace dyad::workflow {
namespace {

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else
      escaped += c;
  }
  return escaped;
}

/// JSON inside a <script> element: '<', '>' and '&' stand only in strings, where their \u form means the same,
/// so no text of a document can close the element or open a comment.
std::string json_for_script(const Json& value) {
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (c == '<')
      escaped += "\\u003c";
    else if (c == '>')
      escaped += "\\u003e";
    else if (c == '&')
      escaped += "\\u0026";
    else
      escaped += c;
  }
  return escaped;
}

/// What stands for `{{name}}` in the template.
using Parts = std::vector<std::pair<std::string_view, std::string>>;

/// One pass over the template: text that was put in is not searched again.
std::string fill(std::string_view page, const Parts& parts) {
  std::string filled;
  std::size_t at = 0;
  for (std::size_t open; (open = page.find("{{", at)) != std::string_view::npos;) {
    const std::size_t close = page.find("}}", open);
    DYAD_EXPECT(close != std::string_view::npos, "the template has an open {{");
    const std::string_view name = page.substr(open + 2, close - open - 2);
    filled += page.substr(at, open - at);
    bool known = false;
    for (const auto& [key, text] : parts)
      if (key == name) {
        filled += text;
        known = true;
      }
    DYAD_EXPECT(known, "the template asks for an unknown part: " + std::string(name));
    at = close + 2;
  }
  return filled += page.substr(at);
}

std::string title_of(const std::vector<NamedDocument>& documents) {
  const Json& first = documents.front().document;
  std::string title = first["model"].get<std::string>();
  if (first.contains("accelerator")) title += " on " + first["accelerator"]["name"].get<std::string>();
  if (documents.size() > 1) title += " and " + std::to_string(documents.size() - 1) + " more";
  return title + " · Dyad report";
}

}  // namespace

Result<std::string> render_report(const std::vector<NamedDocument>& documents) {
  if (documents.empty()) return Error{"report", "there is no result document", "give at least one file, for example search.json"};
  Json data = Json::array();
  for (const NamedDocument& document : documents) {
    DYAD_CHECK(check_result_document(document));
    data.push_back({{"name", document.name}, {"document", document.document}});
  }
  return fill(embedded::report_page_html(), {{"title", escape_html(title_of(documents))},
                                             {"version", DYAD_VERSION},
                                             {"style.css", std::string(embedded::report_style_css())},
                                             {"data.json", json_for_script(data)},
                                             {"chart.js", std::string(embedded::report_chart_js())},
                                             {"format.js", std::string(embedded::report_format_js())},
                                             {"figures.js", std::string(embedded::report_figures_js())},
                                             {"svg.js", std::string(embedded::report_svg_js())},
                                             {"plot.js", std::string(embedded::report_plot_js())},
                                             {"words.js", std::string(embedded::report_words_js())},
                                             {"tables.js", std::string(embedded::report_tables_js())},
                                             {"training.js", std::string(embedded::report_training_js())},
                                             {"page.js", std::string(embedded::report_page_js())}});
}

Result<void> write_report(const std::vector<std::filesystem::path>& files, const std::filesystem::path& out) {
  std::vector<NamedDocument> documents;
  for (const auto& file : files) {
    DYAD_TRY(Json document, read_json(file));
    documents.push_back({file.string(), std::move(document)});
  }
  DYAD_TRY(const std::string page, render_report(documents));
  return write_text(out, page);
}

}  // namespace dyad::workflow
