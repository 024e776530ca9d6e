#!/usr/bin/env python3
"""Writes the table and the arguments of docs/rtl/mutation.md from the report of a whole run.

page.py REPORT.json PAGE.md --command TEXT --date TEXT --cost TEXT
REPORT.json is what `dyad verify mutants --json` printed. What stands between the page's two markers is replaced.
"""
import argparse
import json
import pathlib
import sys

BEGIN, END = "<!-- measured: ./dev mutants writes what follows -->", "<!-- end of what is measured -->"
COLUMNS = [("mutants", "mutants"), ("killed_by_simulation", "killed by simulation"), ("killed_by_proof", "killed by a proof"),
           ("equivalent", "equivalent"), ("survivors", "survived")]


def code(text):
    """Text as code in a table's cell or a list, whatever it holds."""
    return "``" + (" " if text.startswith("`") else "") + text + (" " if text.endswith("`") else "") + "``"


def table(modules):
    lines = ["| module | " + " | ".join(title for _, title in COLUMNS) + " | CPU s |", "|---|" + "---:|" * (len(COLUMNS) + 1)]
    for module in modules:
        lines.append(f"| `{module['name']}` | " + " | ".join(str(module[key]) for key, _ in COLUMNS) + f" | {module['seconds']:.1f} |")
    sums = " | ".join(str(sum(module[key] for module in modules)) for key, _ in COLUMNS)
    lines.append(f"| all | {sums} | {sum(module['seconds'] for module in modules):.1f} |")
    return lines


def arguments(equivalent):
    lines, last = [], None
    for mutant in equivalent:
        if mutant["module"] != last:
            last = mutant["module"]
            lines += ["", f"### `{last}`"]
        lines += ["", f"* line {mutant['line']}, {mutant['kind']}: {code(mutant['before'])} becomes {code(mutant['after'])}. {mutant['argument']}"]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--command", required=True)
    parser.add_argument("--date", required=True)
    parser.add_argument("--cost", required=True, help="what the whole run cost, in words")
    options = parser.parse_args()
    report = json.loads(options.report.read_text())
    if report.get("schema") != "dyad.verify/1" or report["sample"] is not None:
        print(f"error: {options.report}: this is no report of all mutants", file=sys.stderr)
        return 2
    text = options.page.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        print(f"error: {options.page}: the two markers are not there", file=sys.stderr)
        return 2
    mutants = report["mutants"]
    lines = [BEGIN, "", "## Result", "", f"`{options.command}` on {options.date}: {options.cost}.", "", *table(mutants["modules"]), "",
             "CPU s: simulation and proofs, without the build.", "",
             "## Equivalent mutants", "", f"{len(mutants['equivalent'])}, argued one by one.", *arguments(mutants["equivalent"]), "", END]
    options.page.write_text(text[:text.index(BEGIN)] + "\n".join(lines) + text[text.index(END) + len(END):])
    return 0


if __name__ == "__main__":
    sys.exit(main())
