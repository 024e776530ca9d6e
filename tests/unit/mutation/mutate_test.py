"""rtl/mutation/mutate.py: which changes it makes, which it leaves, and the file that holds them. Argument: the path of Verilator."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(SOURCE / "rtl" / "mutation"))
import mutate  # noqa: E402
import operators  # noqa: E402
import verilog_source  # noqa: E402

VERILATOR = sys.argv.pop(1) if len(sys.argv) > 1 else "verilator"

HEADER = """module sample #(
    /// Bits.
    parameter int unsigned Width = 8
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic [Width-1:0] a_i,
    input  logic [Width-1:0] b_i,
    output logic [Width-1:0] c_o
);
"""


def module(body):
    return verilog_source.Module(HEADER + body + "\nendmodule\n")


def changes(body):
    """{(kind, changed line before, and after)}."""
    return {(m.change.kind, m.before, m.after) for m in mutate.candidates(module(body))}


def afters(body, kind=None):
    return {after for found, _, after in changes(body) if kind in (None, found)}


class Reader(unittest.TestCase):
    def test_comments_strings_and_formal_parts_are_not_seen(self):
        text = 'a // b + c\n/* d + e */ "f + g" `ifdef FORMAL\nh + i\n`else\nj\n`endif\n'
        self.assertEqual([t.text for t in verilog_source.tokens_of(text)], ["a", '"f + g"', "j"])
        self.assertEqual([t.line for t in verilog_source.tokens_of(text)], [1, 2, 5])

    def test_constants_and_operators_are_single_tokens(self):
        for text in ("8'hFF", "'0", "1'b1", "64'h5555_5555", "4'sd3", "32'd 7", ">>>", "<<<", "+:", "==", "pkg::type_t"):
            self.assertEqual([t.text for t in verilog_source.tokens_of(text)], [text])
        self.assertEqual([t.text for t in verilog_source.tokens_of("W'(x)")], ["W", "'", "(", "x", ")"])

    def test_ports_and_parameters(self):
        found = module("")
        self.assertEqual((found.name, found.parameters), ("sample", ["Width"]))
        self.assertEqual([(p.direction, p.shape, p.name) for p in found.ports][2:4],
                         [("input", "logic [Width-1:0]", "a_i"), ("input", "logic [Width-1:0]", "b_i")])

    def test_a_port_list_can_be_in_a_file_of_its_own(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "ports.svh").write_text("// Ports.\ninput logic clk_i,\noutput logic [3:0] c_o\n")
            found = verilog_source.Module('module m (\n`include "ports.svh"\n);\nendmodule\n', path)
            self.assertEqual([p.name for p in found.ports], ["clk_i", "c_o"])

    def test_what_is_not_understood_is_refused(self):
        for text in ("module a; endmodule module b; endmodule", "module a (logic b); endmodule", "module a (input logic b); assign c = (d;\nendmodule",
                     "module a (input logic b); `what\nendmodule", "module a (input logic b); `ifdef X\nendmodule"):
            with self.assertRaises(verilog_source.SourceError, msg=text):
                verilog_source.Module(text)


class Operators(unittest.TestCase):
    def test_assignment_is_told_from_comparison(self):
        body = "logic q; always_ff @(posedge clk_i) q <= a_i <= b_i;"
        self.assertEqual(afters(body, "off by one"), {"logic q; always_ff @(posedge clk_i) q <= a_i < b_i;"})
        self.assertEqual(afters(body, "comparison"), {"logic q; always_ff @(posedge clk_i) q <= a_i > b_i;"})

    def test_binary_operators_are_swapped(self):
        for before, after in (("a_i + b_i", "a_i - b_i"), ("a_i & b_i", "a_i | b_i"), ("a_i >>> b_i", "a_i >> b_i"), ("a_i << b_i", "a_i >> b_i"),
                              ("a_i && b_i", "a_i || b_i"), ("a_i == b_i", "a_i != b_i"), ("a_i ^ b_i", "a_i & b_i"), ("a_i < b_i", "a_i <= b_i")):
            self.assertIn(f"assign c_o = {after};", afters(f"assign c_o = {before};"), before)

    def test_unary_operators_are_dropped_or_swapped(self):
        self.assertEqual(afters("assign c_o = ~a_i;"), {"assign c_o = a_i;"})
        self.assertEqual(afters("assign c_o = !(a_i);"), {"assign c_o = (a_i);"})
        self.assertEqual(afters("assign c_o = -a_i;"), {"assign c_o = a_i;"})
        self.assertEqual(afters("assign c_o = &a_i;"), {"assign c_o = |a_i;"})

    def test_constants(self):
        for text, others in (("0", ["1"]), ("1", ["0"]), ("5", ["4", "6"]), ("1'b0", ["1'b1"]), ("'0", ["'1"]), ("'1", ["'0"]), ("8'hff", ["8'hfe", "8'h0"]),
                             ("4'd9", ["4'd8", "4'd10"]), ("32'sd0", ["32'sd1"]), ("4'bx", [])):
            self.assertEqual(operators.other_constants(text), others, text)

    def test_widths_of_declarations_casts_and_selects(self):
        self.assertEqual(afters("logic [Width:0] sum;", "width"), set())  # widening only
        self.assertEqual(afters("logic [Width-1:0] sum;"), {"logic [Width-2:0] sum;"})
        self.assertEqual(afters("logic [7:0] mem_q [Width];"), {"logic [6:0] mem_q [Width];"})
        self.assertEqual(afters("assign c_o = Width'(a_i);"), {"assign c_o = (Width - 1)'(a_i);"})
        self.assertEqual(afters("assign c_o = 8'(a_i);"), {"assign c_o = 7'(a_i);"})
        self.assertEqual(afters("assign c_o = (Width + 1)'(a_i);"), {"assign c_o = ((Width + 1) - 1)'(a_i);"})
        self.assertEqual(afters("assign c_o = (Width + 1)'(1);"), {"assign c_o = (Width + 1)'(0);"})
        self.assertEqual(afters("assign c_o = a_i[6:2];"), {"assign c_o = a_i[5:2];", "assign c_o = a_i[6:2 + 1];"})
        self.assertIn("assign c_o = a_i[0+:Width - 1];", afters("assign c_o = a_i[0+:Width];"))

    def test_signs(self):
        self.assertEqual(afters("assign c_o = $signed(a_i);"), {"assign c_o = (a_i);"})
        self.assertEqual(afters("logic signed [3:0] s;", "sign"), {"logic [3:0] s;"})

    def test_ternaries(self):
        found = afters("assign c_o = a_i ? b_i : c_i;")
        self.assertEqual(found, {"assign c_o = a_i ? c_i : b_i;", "assign c_o = 1'b0 ? b_i : c_i;", "assign c_o = 1'b1 ? b_i : c_i;"})
        nested = afters("assign c_o = a_i ? b_i : d_i ? e_i : f_i;", "condition")
        self.assertIn("assign c_o = a_i ? b_i : 1'b1 ? e_i : f_i;", nested)
        self.assertIn("assign c_o = 1'b1 ? b_i : d_i ? e_i : f_i;", nested)

    def test_resets(self):
        body = "always_ff @(posedge clk_i) begin\nif (!rst_ni) begin\nq <= 1'b0;\nend else q <= 1'b1;\nend"
        self.assertEqual(afters(body, "reset"), {"if (rst_ni) begin", "if (1'b0) begin"})
        self.assertEqual(afters(body, "reset value"), {"q <= 1'b1;"})
        self.assertEqual(afters(body, "constant"), {"end else q <= 1'b0;"})
        self.assertEqual(afters(body, "dropped assignment"), {"end else ;"})
        self.assertIn("assign q = 1'b1 && a_i;", afters("assign q = rst_ni && a_i;", "reset"))

    def test_states(self):
        body = "typedef enum logic [1:0] {Idle, Busy, Done} state_e;\nstate_e state_d;\nassign state_d = Busy;"
        self.assertEqual(afters(body), {"assign state_d = Done;"})

    def test_connections_of_instances(self):
        found = afters("inner #(.Width(8)) u_inner (.clk_i(clk_i), .rst_ni(rst_ni), .a_i(a_i), .b_i(b_i + 1), .c_o(c_o));")
        self.assertEqual({a.split("u_inner")[1] for a in found if "Width(8)" in a}, {
            " (.clk_i(clk_i), .rst_ni(rst_ni), .a_i('0), .b_i(b_i + 1), .c_o(c_o));",
            " (.clk_i(clk_i), .rst_ni(rst_ni), .a_i(a_i), .b_i(b_i - 1), .c_o(c_o));",
            " (.clk_i(clk_i), .rst_ni(rst_ni), .a_i(a_i), .b_i(b_i + 0), .c_o(c_o));"})

    def test_what_is_left_alone(self):
        for body in ("// a + b", "`ifdef FORMAL\nassign c_o = a_i + 1;\n`endif", "if (Width < 1) begin : gen_bad\n$error(\"Width + 1\");\nend",
                     "if (Width < 1) $error(\"no\");", "typedef logic [7:0] byte_t;", "initial assert (Width > 0);", "always_ff @(posedge clk_i) if (rst_ni) a_ok: assert (a_i < b_i);",
                     "always_ff @(posedge clk_i) if (rst_ni) begin\na_ok: assert (a_i < b_i);\nend"):
            self.assertEqual(changes(body), set(), body)
        self.assertEqual(changes("logic unused_ready; assign unused_ready = a_i | b_i;"), set())
        self.assertEqual(afters("assign c_o = a_i[Width-1];"), {"assign c_o = a_i[Width-0];"})

    def test_loops(self):
        found = afters("for (genvar i = 0; i < Width; i = i + 1) begin : gen_bit\nassign c_o[i] = a_i[i];\nend")
        self.assertEqual(found, {"for (genvar i = 1; i < Width; i = i + 1) begin : gen_bit", "for (genvar i = 0; i < Width - 1; i = i + 1) begin : gen_bit"})

    def test_every_change_is_what_its_record_says(self):
        for name in ("stream_skid", "dyadic_requantizer"):
            found = verilog_source.Module((SOURCE / "rtl" / f"{name}.sv").read_text(), SOURCE / "rtl")
            for mutant in mutate.candidates(found):
                change = mutant.change
                text = found.text[:change.start] + change.text + found.text[change.end:]
                self.assertNotEqual(mutant.before, mutant.after)
                self.assertIn(mutant.after, mutate.squeezed(text))
                self.assertEqual(mutant.line, found.text[:change.start].count("\n") + 1)


class Choice(unittest.TestCase):
    def setUp(self):
        text = (SOURCE / "rtl" / "dyadic_requantizer.sv").read_text()
        self.pool = mutate.candidates(verilog_source.Module(text))

    def test_is_deterministic_and_bounded(self):
        first, again, other = (mutate.spread(self.pool, 20, seed) for seed in (1, 1, 2))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        self.assertEqual(len(first), 20)
        self.assertEqual(len(mutate.spread(self.pool, 10_000, 1)), len(self.pool))

    def test_spreads_over_kinds_and_lines(self):
        chosen = mutate.spread(self.pool, 25, 3)
        self.assertEqual({m.change.kind for m in chosen}, {m.change.kind for m in self.pool})
        self.assertGreaterEqual(len({m.line for m in chosen}), 20)


class Program(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)

    def tearDown(self):
        self.scratch.cleanup()

    def run_it(self, text, *words, name="sample"):
        path = self.folder / f"{name}.sv"
        path.write_text(text)
        return subprocess.run([sys.executable, "-B", str(SOURCE / "rtl/mutation/mutate.py"), str(path), "-o", str(self.folder / "out"), "--verilator", VERILATOR,
                               *map(str, words)], capture_output=True, text=True, check=False)

    def mutants(self):
        return json.loads((self.folder / "out" / "mutants.json").read_text())["mutants"]

    def test_latches_and_loops_are_no_mutants(self):
        body = HEADER + """  logic [Width-1:0] x, y;
  always_comb begin
    x = a_i;
    if (b_i[0]) x = y;
  end
  assign y = 1'b0 ? x : a_i;
  assign c_o = x;
endmodule
"""
        finished = self.run_it(body)
        self.assertEqual(finished.returncode, 0, finished.stderr)
        afters_kept = {m["after"] for m in self.mutants()}
        self.assertNotIn(";", afters_kept)  # x = a_i left out: a latch
        self.assertFalse(any("1'b1 ? x" in after for after in afters_kept))  # y depends on x and x on y
        self.assertIn("if (b_i[0]) ;", afters_kept)

    def test_every_set_of_parameters_must_elaborate(self):
        body = HEADER + "  localparam int unsigned Half = Width - 1;\n  if (Half == 0) $error(\"too narrow\");\n  assign c_o = a_i + b_i;\nendmodule\n"
        self.assertEqual(self.run_it(body, "--parameters", "Width=8").returncode, 0)
        wide = {m["after"] for m in self.mutants()}
        self.assertEqual(self.run_it(body, "--parameters", "Width=8", "--parameters", "Width=2").returncode, 0)
        self.assertIn("localparam int unsigned Half = Width - 0;", wide)
        self.assertEqual({m["after"] for m in self.mutants()}, wide)
        refused = self.run_it(body, "--parameters", "Width=1")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("too narrow", refused.stderr)

    def test_wrapper_chooses_and_is_deterministic(self):
        body = HEADER + "  assign c_o = a_i + b_i;\nendmodule : sample\n"
        self.assertEqual(self.run_it(body).returncode, 0)
        first = (self.folder / "out" / "sample_mutants.sv").read_text()
        self.assertEqual([(m["id"], m["kind"], m["after"]) for m in self.mutants()], [(1, "operator", "assign c_o = a_i - b_i;")])
        self.assertIn("module sample_mutant_0", first)
        self.assertIn("endmodule : sample_mutant_1", first)
        self.assertIn("input logic [7:0] mutant_i", first)
        self.assertEqual(self.run_it(body).returncode, 0)
        self.assertEqual(first, (self.folder / "out" / "sample_mutants.sv").read_text())

    def test_inside_another_module(self):
        outer = self.folder / "outer.sv"
        outer.write_text(HEADER.replace("module sample", "module outer") +
                         "  sample #(.Width(Width)) u_sample (.clk_i, .rst_ni, .a_i, .b_i, .c_o);\nendmodule\n")
        finished = self.run_it(HEADER + "  assign c_o = a_i & b_i;\nendmodule\n", "--inside", "outer", "--submodule", outer)
        self.assertEqual(finished.returncode, 0, finished.stderr)
        text = (self.folder / "out" / "sample_mutants.sv").read_text()
        self.assertIn("module sample #(", text)
        self.assertIn("$value$plusargs", text)
        self.assertNotIn("input logic [7:0] mutant_i", text)

    def test_errors_are_said(self):
        self.assertEqual(self.run_it("module sample (input logic a_i); assign b_o = (a_i;\nendmodule").returncode, 2)
        self.assertEqual(self.run_it(HEADER + "  assign c_o = nothing_i + 1;\nendmodule\n").returncode, 2)
        self.assertEqual(self.run_it(HEADER + "endmodule\n", "--limit", 256).returncode, 2)

    def test_list_writes_nothing(self):
        finished = self.run_it(HEADER + "  assign c_o = a_i + b_i;\nendmodule\n", "--list")
        self.assertEqual(finished.returncode, 0)
        self.assertIn("assign c_o = a_i + b_i;  ->  assign c_o = a_i - b_i;", finished.stdout)
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
