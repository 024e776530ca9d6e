"""Vectors for others' RTL: the generated bench passes around a right module and fails around a wrong one, in Verilator and in Icarus;
`verify vectors` accepts the generated file and finds the one wrong number of a damaged one."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import program

RTL = program.SOURCE / "rtl"
REQUANTIZER = ("dyadic_requantizer.sv", "dyadic_round.sv", "dyadic_clamp.sv", "saturating_shift.sv")
ROUNDINGS = ("half_up", "half_even", "half_away", "floor", "gemmlowp")


class Vectors(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)

    def tearDown(self):
        self.scratch.cleanup()

    def need(self, tool):
        if not shutil.which(tool):
            self.skipTest(f"needs {tool}")

    def generate(self, *words):
        return program.document("vectors", "generate", *words)

    def bench(self, module="dyadic_requantizer", *words, name="bench"):
        folder = self.folder / name
        self.generate("--format", "memh", "--module", module, "-o", folder, *words)
        return folder

    def sources(self, patch=None, names=REQUANTIZER):
        """Copies of RTL files; `patch`: (file, text, other text), the text occurring once. Icarus 11 reads neither parameters of type
        `int unsigned` nor $error at elaboration, so the copies are without."""
        for name in names:
            if not (RTL / name).exists():
                self.skipTest(f"needs rtl/{name}")
        folder = self.folder / ("patched" if patch else "right")
        folder.mkdir(exist_ok=True)
        for name in names:
            text = (RTL / name).read_text()
            text = re.sub(r"\bint unsigned\b", "int", text)
            text = re.sub(r"^\s*\$error\(.*\);\n", "", text, flags=re.M)
            if patch and patch[0] == name:
                self.assertEqual(text.count(patch[1]), 1, f"'{patch[1]}' is not in {name} once")
                text = text.replace(patch[1], patch[2])
            (folder / name).write_text(text)
        return [folder / name for name in names]

    def run_in(self, folder, *words):
        return subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True, timeout=250, check=False)

    def icarus(self, folder, sources, module="dyadic_requantizer"):
        built = self.run_in(folder, "iverilog", "-g2012", "-s", f"{module}_tb", "-o", "tb.vvp", f"{module}_tb.sv", *sources)
        self.assertEqual((built.returncode, built.stderr), (0, ""))
        return self.run_in(folder, "vvp", "tb.vvp")

    def verilator(self, folder, sources, module="dyadic_requantizer"):
        built = self.run_in(folder, "verilator", "--binary", "--timing", "-Wno-fatal", "--top-module", f"{module}_tb", f"{module}_tb.sv", *sources)
        self.assertEqual(built.returncode, 0, built.stderr)
        return self.run_in(folder, f"obj_dir/V{module}_tb")

    def passes(self, finished, results):
        text = finished.stdout + finished.stderr
        self.assertEqual(finished.returncode, 0, text)
        self.assertEqual([line for line in text.splitlines() if line.startswith(("PASS", "FAIL"))], [f"PASS: {results} results"], text)

    def fails(self, finished, mismatches=None):
        text = finished.stdout + finished.stderr
        self.assertNotEqual(finished.returncode, 0, text)
        self.assertIn("FAIL: ", text)
        self.assertNotIn("PASS", text)
        if mismatches:
            self.assertIn(f"FAIL: {mismatches} mismatches", text)

    WRONG_TIES = ("dyadic_round.sv", "assign increment = guard;", "assign increment = guard & sticky;")

    def test_icarus_every_rounding(self):
        self.need("iverilog")
        for index, rounding in enumerate(ROUNDINGS):
            folder = self.bench("dyadic_requantizer", "--rounding", rounding, "--parameter", f"Rounding={index}", "--cases", 2000, name=rounding)
            self.passes(self.icarus(folder, self.sources()), 2000)
        # The module of another rounding is found out.
        folder = self.bench("dyadic_requantizer", "--rounding", "half_even", "--cases", 2000, name="other")
        self.fails(self.icarus(folder, self.sources()), mismatches=10)

    def test_icarus_unsigned_and_wrong(self):
        self.need("iverilog")
        folder = self.bench("dyadic_requantizer", "--unsigned", "--out-bits", 4, "--cases", 2000, name="unsigned")
        self.passes(self.icarus(folder, self.sources()), 2000)
        self.fails(self.icarus(folder, self.sources(self.WRONG_TIES)), mismatches=10)

    def test_icarus_handshake(self):
        """A module that loses its result when the sink stalls, and one that changes it."""
        self.need("iverilog")
        folder = self.bench("dyadic_requantizer", "--cases", 1000)
        lost = ("dyadic_requantizer.sv", "assign clamped_ready = ~clamped_valid_q | out_ready_i;", "assign clamped_ready = 1'b1;")
        self.fails(self.icarus(folder, self.sources(lost)))

    def test_icarus_residual_adder(self):
        self.need("iverilog")
        folder = self.bench("residual_adder", "--op", "residual_add", "--rounding", "half_even", "--parameter", "Rounding=1", "--cases", 2000)
        self.passes(self.icarus(folder, self.sources(names=("residual_adder.sv", *REQUANTIZER[1:])), "residual_adder"), 2000)

    def test_icarus_average_pool(self):
        self.need("iverilog")
        names = ("average_pool.sv", "average_divider.sv", "dyadic_clamp.sv")
        for index, rounding in enumerate(("half_up", "half_away", "floor", "hawq")):
            folder = self.bench("average_pool", "--op", "average_pool", "--rounding", rounding, "--parameter", f"Rounding={index}", "--cases", 500,
                                "--in-bits", 8, "--out-bits", 8, name=rounding)
            self.passes(self.icarus(folder, self.sources(names=names), "average_pool"), 500)
        # half_up's module differs from half_away at negative ties (floor is half_up with offset 0, an operand).
        folder = self.bench("average_pool", "--op", "average_pool", "--rounding", "half_away", "--cases", 500, name="other")
        self.fails(self.icarus(folder, self.sources(names=names), "average_pool"), mismatches=10)

    def test_verilator(self):
        self.need("verilator")
        folder = self.bench("dyadic_requantizer", "--cases", 10000)
        self.passes(self.verilator(folder, self.sources()), 10000)

    def test_verilator_wrong(self):
        self.need("verilator")
        folder = self.bench("dyadic_requantizer", "--cases", 10000)
        self.fails(self.verilator(folder, self.sources(self.WRONG_TIES)), mismatches=10)

    def test_other_ports(self):
        """A combinational module with names of its own, without back-pressure and bounds, a reset active high, 8-bit ports."""
        self.need("iverilog")
        (self.folder / "mine.sv").write_text("""
module mine (input clock, input reset, input go, input signed [23:0] sum, input signed [15:0] factor, input [5:0] places,
             output reg done, output reg signed [7:0] result);
  wire signed [63:0] product = 64'(sum) * 64'(factor);
  wire signed [63:0] rounded = places == 0 ? product : ((product >>> (places - 1)) + 64'sd1) >>> 1;
  always @(posedge clock) begin
    done <= go & ~reset;
    result <= rounded > 127 ? 8'sd127 : rounded < -128 ? -8'sd128 : 8'(rounded);
  end
endmodule
""")
        ports = {"clk": "clock", "rst": "reset", "in_valid": "go", "in_ready": "-", "acc": "sum", "multiplier": "factor", "shift": "places",
                 "zero_point": "-", "lowest": "-", "highest": "-", "out_valid": "done", "out_ready": "-", "out_data": "result"}
        words = [word for signal, port in ports.items() for word in ("--port", f"{signal}={port}")]
        folder = self.bench("mine", "--acc-bits", 24, "--multiplier-bits", 16, "--out-port-bits", 8, "--no-zero-point", "--cases", 2000, *words)
        self.passes(self.icarus(folder, [self.folder / "mine.sv"], "mine"), 2000)

    def test_verify_finds_the_wrong_number(self):
        file = self.folder / "v.json"
        self.assertEqual(self.generate("--rounding", "half_away", "--cases", 500, "-o", file)["cases"], 500)
        right = program.document("verify", "vectors", file)
        self.assertTrue(right["passed"])
        names = [check["name"] for check in right["checks"]]
        self.assertIn("requantize/half_away/definition", names)
        self.assertIn("requantize/half_away/cpu/portable", names)
        self.assertTrue(all(check["cases"] == 500 and check["mismatches"] == 0 for check in right["checks"]))
        text = json.loads(file.read_text())
        text["cases"][321]["expected"][0] += 1
        file.write_text(json.dumps(text))
        wrong = program.document("verify", "vectors", file, status=1)
        self.assertEqual([check["mismatches"] for check in wrong["checks"]], [1] * len(names))
        for check in wrong["checks"]:
            self.assertIn("v.json:/cases/321/expected/0", check["first"])

    def test_bad_input(self):
        def refused(*words, place):
            finished = program.run(*words)
            self.assertEqual(finished.returncode, 2, finished.stderr)
            self.assertIn(place, finished.stderr.splitlines()[0])
            self.assertEqual(finished.stdout, "")
        out = self.folder / "x.json"
        refused("vectors", place="command line")
        refused("vectors", "generate", "--op", "concat", "-o", out, place="--op")
        refused("vectors", "generate", "--rounding", "up", "-o", out, place="--rounding")
        refused("vectors", "generate", "--out-bits", 40, "-o", out, place="--out-bits")
        refused("vectors", "generate", "--module", "m", "-o", out, place="--module")
        refused("vectors", "generate", "--format", "memh", "-o", out, place="--module")
        refused("vectors", "generate", "--format", "memh", "--module", "m", "--port", "acc", "-o", out, place="--port")
        refused("vectors", "generate", "-o", self.folder / "no" / "x.json", place="x.json")
        self.assertEqual(list(self.folder.iterdir()), [])
        refused("verify", "vectors", out, place="x.json")
        out.write_text('{"schema":"dyad.vectors/1","op":"requantize","rounding":"half_up","out_bits":8,"cases":[{"acc":[1.5]}]}')
        refused("verify", "vectors", out, place="x.json:/cases/0/acc/0")
        refused("verify", "kernels", "--backend", "cpu/sse9", place="--backend")
        refused("verify", "kernels", "--layers", 0, place="--layers")


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False, verbosity=2)))
