// render_report OUT.html RESULT.json…: the report page as the library makes it, for the browser test.
#include <iostream>

#include "dyad/workflow/report.hpp"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: render_report OUT.html RESULT.json...\n";
    return 2;
  }
  const auto written = dyad::workflow::write_report({argv + 2, argv + argc}, argv[1]);
  if (written) return 0;
  std::cerr << written.error().place << ": " << written.error().message << " (" << written.error().hint << ")\n";
  return 2;
}
