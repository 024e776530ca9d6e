#!/usr/bin/env python3
"""Makes single-point mutants of one SystemVerilog module and one file that holds them all.

mutate.py MODULE.sv -o DIR writes DIR/<module>_mutants.sv: the module and every mutant of it as renamed copies, and the module
<module>_mutants with the original's parameters and ports and the input mutant_i, which chooses the copy whose outputs leave
(0: the original). The other copies see zeros and no clock. DIR/mutants.json lists them (docs/rtl/mutation.md).
With --inside the wrapper takes the module's own name and ports, so that it stands inside other modules, and the simulator's argument
+mutant=N chooses.
A change that Verilator rejects, or to which it objects with LATCH, UNOPTFLAT, SELRANGE or the like, is no mutant.
"""
import argparse
import collections
import hashlib
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from operators import Mutator  # noqa: E402
from verilog_source import Module, SourceError  # noqa: E402

# What Verilator calls a fault of the structure rather than of style: such a copy would not be synthesized at all.
FAULTS = frozenset("LATCH UNOPTFLAT UNOPT SELRANGE MULTIDRIVEN BLKANDNBLK COMBDLY NOLATCH ALWCOMBORDER LITENDIAN ASCRANGE INFINITELOOP".split())
REFUSALS = frozenset(("USERERROR", "USERFATAL"))  # $error and $fatal of elaboration checks
MESSAGE = re.compile(r"%(?P<severity>Error|Warning)(?:-(?P<kind>\w+))?: (?:(?P<file>[^:\s]+):(?P<line>\d+):)?(?P<rest>.*)")


def squeezed(text):
    return " ".join(text.split())


def whole_lines(text, start, end):
    """The lines of `text` that hold [start, end), as one line; and where they begin."""
    begin = text.rfind("\n", 0, start) + 1
    finish = text.find("\n", end)
    return begin, len(text) if finish < 0 else finish


class Mutant:
    """One change of the module with the lines it touches, before and after."""

    def __init__(self, module, change, lines):
        self.change = change
        text = module.text
        begin, finish = whole_lines(text, change.start, change.end)
        self.line = text.count("\n", 0, change.start) + 1
        self.before = squeezed(text[begin:finish])
        self.after = squeezed(text[begin:change.start] + change.text + text[change.end:finish])
        self.occurrence = sum(1 for other in lines[:self.line] if squeezed(other) == self.before) or 1

    def record(self, number, file):
        change = self.change
        return {"id": number, "file": file, "line": self.line, "kind": change.kind, "before": self.before, "after": self.after,
                "occurrence": self.occurrence, "start": change.start, "end": change.end, "text": change.text}


def candidates(module):
    lines = module.text.split("\n")
    return [Mutant(module, change, lines) for change in Mutator(module).all_changes()]


def spread(mutants, limit, seed):
    """At most `limit` of them, spread over kinds and lines, listed in source order. The seed chooses, by hashes of the changes, so that an edit
    elsewhere in the module leaves most of the choice."""
    rest = sorted(mutants, key=lambda m: hashlib.sha256(repr((seed, m.change.kind, m.before, m.after, m.occurrence)).encode()).digest())
    kinds, lines, chosen = collections.Counter(), collections.Counter(), []
    while rest and len(chosen) < limit:
        best = min(range(len(rest)), key=lambda i: (kinds[rest[i].change.kind] > 0, kinds[rest[i].change.kind] + 2 * lines[rest[i].line]))
        mutant = rest.pop(best)
        kinds[mutant.change.kind] += 1
        lines[mutant.line] += 1
        chosen.append(mutant)
    return sorted(chosen, key=lambda m: (m.change.start, m.change.end, m.change.text))


# ---- the file that holds all copies

def copy_of(module, number, changes):
    """The module's text with the changes, renamed."""
    name = f"{module.name}_mutant_{number}"
    edits = [(c.start, c.end, c.text) for c in changes]
    edits += [(module.tokens[i].start, module.tokens[i].end, name) for i in module.name_tokens]
    text = module.text
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text.rstrip("\n") + "\n"


def wrapper(module, count, nested):
    """The module that holds copy 0 … count and lets mutant_i choose. `nested`: it takes the module's own name and ports, so that it can stand
    inside others, and the simulator's argument +mutant=N chooses."""
    inputs = [port for port in module.ports if port.direction == "input"]
    outputs = [port for port in module.ports if port.direction == "output"]
    parameters = ", ".join(f".{name}({name})" for name in module.parameters)
    ports = module.port_text.rstrip()
    if nested:
        lines = [f"module {module.name} {module.parameter_text} (", ports, ");", "  int unsigned mutant_i;",
                 '  initial if (!$value$plusargs("mutant=%d", mutant_i)) mutant_i = 0;']
    else:
        lines = [f"module {module.name}_mutants {module.parameter_text} (", ports + ",",
                 "    /// Which copy's outputs leave: 0 the original, else the mutant of that number.",
                 "    input logic [7:0] mutant_i", ");"]
    for number in range(count + 1):
        lines.append(f"  logic selected_{number};")
        lines.append(f"  assign selected_{number} = mutant_i == {number};")
        lines += [f"  {port.shape} {port.name}_{number};" for port in outputs]
        connections = [f".{port.name}({port.name} & {{$bits({port.name}){{selected_{number}}}}})" for port in inputs]
        connections += [f".{port.name}({port.name}_{number})" for port in outputs]
        lines.append(f"  {module.name}_mutant_{number} #({parameters}) u_mutant_{number} ({', '.join(connections)});")
    lines.append("  always_comb begin")
    lines.append("    case (mutant_i)")
    for number in [*range(1, count + 1), 0]:
        lines.append(f"      {number or 'default'}: begin")
        lines += [f"        {port.name} = {port.name}_{number};" for port in outputs]
        lines.append("      end")
    lines += ["    endcase", "  end", "endmodule"]
    return "\n".join(lines) + "\n"


def whole_file(module, mutants, nested):
    """The text, and for each copy its first line."""
    parts, first_lines, line = [], [], 1
    for number, changes in enumerate([[]] + [[mutant.change] for mutant in mutants]):
        text = copy_of(module, number, changes)
        parts.append(text)
        first_lines.append(line)
        line += text.count("\n")
    first_lines.append(line)
    return "".join(parts) + wrapper(module, len(mutants), nested), first_lines


# ---- what Verilator accepts

class Linter:
    """Runs Verilator over a file of copies, once for each set of parameters."""

    def __init__(self, verilator, includes, sources, parameter_sets, inside):
        self.words = [verilator, "--lint-only", "-Wno-fatal", "-Wno-WIDTH", *(f"-I{folder}" for folder in includes)]
        self.sources, self.parameter_sets, self.inside = sources, parameter_sets or [""], inside

    def messages(self, file, top):
        """[(severity, kind, line or None, text)] of all sets of parameters; a line only when it is in `file`."""
        found = []
        for parameters in self.parameter_sets:
            words = [*self.words, "--top-module", top, *(f"-G{p}" for p in parameters.split()), *self.sources, str(file)]
            finished = subprocess.run(words, capture_output=True, text=True, check=False)
            for line in finished.stderr.splitlines():
                match = MESSAGE.match(line)
                if match and not match["rest"].startswith("Exiting due to"):
                    inside = match["file"] is not None and pathlib.Path(match["file"]).name == file.name
                    found.append((match["severity"], match["kind"], int(match["line"]) if inside else None, line))
            if finished.returncode and not any(severity == "Error" for severity, *_ in found):
                found.append(("Error", None, None, finished.stderr.strip() or f"{words[0]} ended with status {finished.returncode}"))
        return found

    def rejected(self, module, mutants, folder):
        """Indices of the mutants that Verilator objects to. An error in the original is a SourceError."""
        text, first_lines = whole_file(module, mutants, self.inside is not None)
        file = folder / f"{module.name}_mutants.sv"
        file.write_text(text)
        found, unplaced = set(), False
        for severity, kind, line, message in self.messages(file, self.inside or f"{module.name}_mutants"):
            if severity == "Warning" and kind not in FAULTS | REFUSALS:
                continue
            copy = None if line is None else sum(1 for first in first_lines if first <= line) - 1
            if copy is None or copy > len(mutants):
                unplaced = unplaced or severity == "Error" or kind in REFUSALS
            elif copy == 0:
                raise SourceError(f"Verilator objects to the module itself: {message}")
            else:
                found.add(copy - 1)
        if unplaced and not found:  # the message names another file: look at each copy alone
            if not mutants:
                raise SourceError(f"Verilator rejects the file: {message}")
            if len(mutants) == 1:
                return {0}
            half = len(mutants) // 2
            found = self.rejected(module, mutants[:half], folder)
            found |= {half + i for i in self.rejected(module, mutants[half:], folder)}
        return found


def accepted(module, limit, seed, linter, folder):
    """The chosen mutants, none of which Verilator rejects."""
    linter.rejected(module, [], folder)
    pool = candidates(module)
    while True:  # Verilator stops at errors before it looks for other faults, so that a set is good only when nothing is found
        chosen = spread(pool, limit, seed)
        bad = {id(chosen[i]) for i in linter.rejected(module, chosen, folder)}
        if not bad:
            return chosen
        pool = [mutant for mutant in pool if id(mutant) not in bad]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", type=pathlib.Path, help="the module's file")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, metavar="DIR", help="folder for the two files")
    parser.add_argument("--seed", type=int, default=1, help="chooses which mutants (default 1)")
    parser.add_argument("--limit", type=int, default=40, help="at most so many, up to 255 (default 40)")
    parser.add_argument("--list", action="store_true", help="print every possible change and write nothing")
    parser.add_argument("--inside", metavar="MODULE", help="the module around it that is simulated; its files are --submodule too")
    parser.add_argument("--submodule", action="append", default=[], metavar="FILE", help="another file that is needed; repeatable")
    parser.add_argument("--parameters", action="append", default=[], metavar="'A=1 B=2'", help="a set it must elaborate with; repeatable")
    parser.add_argument("--verilator", default="verilator")
    options = parser.parse_args()
    if not 1 <= options.limit <= 255:
        parser.error("--limit must be between 1 and 255")
    try:
        module = Module(options.source.read_text(), options.source.parent)
        if options.list:
            for mutant in candidates(module):
                print(f"{options.source.name}:{mutant.line}: {mutant.change.kind}: {mutant.before}  ->  {mutant.after}")
            return 0
        options.output.mkdir(parents=True, exist_ok=True)
        linter = Linter(options.verilator, [options.source.parent], options.submodule, options.parameters, options.inside)
        mutants = accepted(module, options.limit, options.seed, linter, options.output)
    except (SourceError, OSError, UnicodeDecodeError) as failure:
        print(f"error: {options.source}: {failure}", file=sys.stderr)
        return 2
    records = [mutant.record(number, options.source.name) for number, mutant in enumerate(mutants, 1)]
    chosen = {(mutant.before, mutant.after, mutant.occurrence) for mutant in mutants}
    others = [mutant for mutant in candidates(module) if (mutant.before, mutant.after, mutant.occurrence) not in chosen]
    document = {"schema": "dyad.mutants/1", "module": module.name, "seed": options.seed, "mutants": records,
                "left_out": [{"before": m.before, "after": m.after, "occurrence": m.occurrence} for m in others]}
    (options.output / "mutants.json").write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
