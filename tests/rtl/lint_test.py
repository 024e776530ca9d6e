"""Verilator's lint with all warnings finds nothing in any module taken as the top; waivers, with their reasons, are in rtl/lint."""
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import pathlib

import modules


def lint(module, rtl=modules.RTL):
    waivers = sorted((rtl / "lint").glob("*.vlt")) + sorted((rtl / "verilator").glob("*.vlt"))
    words = ["verilator", "--lint-only", "-Wall", f"-I{rtl}", "-y", rtl, *waivers, "--top-module", module, rtl / f"{module}.sv"]
    finished = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=100, check=False)
    return finished.stdout + finished.stderr if finished.returncode or finished.stderr.strip() else ""


def finds_a_fault():
    """A lint that finds nothing in a module with a signal that nobody reads would say nothing about the others."""
    with tempfile.TemporaryDirectory() as folder:
        rtl = pathlib.Path(folder)
        source = (modules.RTL / "stream_skid.sv").read_text()
        (rtl / "stream_skid.sv").write_text(source.replace("endmodule", "  wire nobody_reads_this = clk_i;\nendmodule"))
        return "UNUSEDSIGNAL" in lint("stream_skid", rtl)


def main():
    if not shutil.which("verilator"):
        print("skipped: needs verilator")
        return 77
    names = modules.names()
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        complaints = list(pool.map(lint, names))
    for name, complaint in zip(names, complaints):
        if complaint:
            print(f"{name}:\n{complaint}")
    if not finds_a_fault():
        print("a signal that nobody reads was not found")
        return 1
    print(f"{len(names)} modules, {sum(map(bool, complaints))} with complaints")
    return 1 if any(complaints) or len(names) < 30 else 0


if __name__ == "__main__":
    sys.exit(main())
