"""The SystemVerilog modules of rtl/: one a file, of the file's name."""
import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2]
RTL = SOURCE / "rtl"

# Several names may share a declaration; a name stands last on its line, or before a comma, a default, or the end of the list.
_PORT = re.compile(r"^\s*(input|output)\s+(?:logic|wire|reg)?\s*(?:signed\s*)?((?:\[[^;]*?\]\s*)*)(\w+)\s*,?\s*$", re.M)
_PARAMETER = re.compile(r"^\s*parameter\s+int(?:\s+unsigned)?\s+(\w+)", re.M)


def names():
    return sorted(path.stem for path in RTL.glob("*.sv"))


def text(module):
    """The module's source with its includes, without what only formal tools see."""
    source = (RTL / f"{module}.sv").read_text()
    source = re.sub(r"`ifdef FORMAL.*?`endif", "", source, flags=re.S)
    return re.sub(r'`include "(\w+\.svh)"', lambda found: (RTL / found[1]).read_text(), source)


def header(module):
    """From the module's name to the end of its ports."""
    found = re.search(rf"\bmodule {module}\b.*?\n\);", text(module), re.S)
    return found[0] if found else ""


def ports(module):
    return [found[3] for found in _PORT.finditer(header(module))]


def parameters(module):
    return _PARAMETER.findall(header(module))


def is_clocked(module):
    return "clk_i" in ports(module)


def has_core_ports(module):
    return '`include "core_ports.svh"' in (RTL / f"{module}.sv").read_text()
