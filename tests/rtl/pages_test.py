"""Every module of rtl/ has a page docs/rtl/MODULE.md with a table of its ports, its parameters, a timing diagram when it is clocked, and
what is proved of it; and a reference model of the same name. Every port and parameter has a comment."""
import re
import unittest

import modules

PAGES = modules.SOURCE / "docs" / "rtl"
REFERENCES = modules.SOURCE / "hwsim" / "cosim" / "include" / "dyad" / "cosim" / "reference"
# Parts without a check of their own: the model that they belong to.
INSIDE = {"dyadic_round": "dyadic_requantizer", "dyadic_clamp": "dyadic_requantizer", "saturating_shift": "dyadic_requantizer",
          "tile_shell": "tile_core"}


def table(page, heading):
    """The lines of the tables whose heading begins with this cell."""
    lines, inside = [], False
    for line in page.splitlines():
        if re.match(rf"\| {heading} \|", line):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside:
            lines.append(line)
    return lines


def named(lines):
    """What stands in backquotes in the first cells."""
    return set(re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in lines)))


def faults(module, page, shell_page):
    found = []
    ports, parameters = modules.ports(module), modules.parameters(module)
    # The cores' outer ports are those of tile_shell, whose page their pages point to.
    where = page
    if modules.has_core_ports(module):
        where = shell_page
        if "(tile_shell.md)" not in page:
            found.append("does not point to tile_shell.md, which has its ports")
    missing = sorted(set(ports) - named(table(where, "port")))
    if not ports or missing:
        found.append(f"no line for the ports {', '.join(missing)}" if ports else "no ports were read")
    missing = sorted(set(parameters) - named(table(page, "parameter")))
    if missing:
        found.append(f"no line for the parameters {', '.join(missing)}")
    if modules.is_clocked(module) and not re.search(r"^```\n(?:[^`]*\n)?cycle +0 +1 ", page, re.M):
        found.append("no timing diagram that begins with cycle 0")
    status = page.partition("\n## Status\n")[2]
    for kind in ("Proved", "Neither"):
        if not re.search(rf"\b{kind}\b", status, re.I):
            found.append(f"its status does not say what is {kind.lower()}")
    return found


class Pages(unittest.TestCase):
    def test_modules_are_read(self):
        self.assertGreater(len(modules.names()), 30)
        self.assertEqual(modules.ports("stream_skid"),
                         ["clk_i", "rst_ni", "in_valid_i", "in_ready_o", "in_data_i", "out_valid_o", "out_ready_i", "out_data_o"])
        self.assertEqual(modules.parameters("stream_fifo"), ["Width", "Depth"])
        self.assertIn("par_data_i", modules.ports("mma_core"))
        for module in modules.names():
            header = modules.header(module)
            self.assertEqual(len(modules.ports(module)), len(re.findall(r"^\s*(?:input|output)\b", header, re.M)), module)
            self.assertEqual(len(modules.parameters(module)), len(re.findall(r"^\s*parameter\b", header, re.M)), module)

    def test_every_module_has_its_page(self):
        shell_page = (PAGES / "tile_shell.md").read_text()
        for module in modules.names():
            with self.subTest(module):
                self.assertEqual(faults(module, (PAGES / f"{module}.md").read_text(), shell_page), [])

    def test_a_page_without_a_port_is_found(self):
        page = (PAGES / "stream_skid.md").read_text()
        self.assertIn("no line for the ports in_ready_o", faults("stream_skid", page.replace("`in_ready_o`", "in_ready_o"), ""))
        self.assertIn("no line for the parameters Width", faults("stream_skid", page.replace("| `Width`", "| `Breadth`"), ""))
        self.assertIn("no timing diagram that begins with cycle 0", faults("stream_skid", page.replace("cycle ", "time "), ""))
        self.assertTrue(faults("stream_skid", page.replace("## Status", "## Other"), ""))

    def test_every_page_has_its_module(self):
        pages = {path.stem for path in PAGES.glob("*.md")} - {"proofs", "mutation"}
        self.assertEqual(pages - set(modules.names()), set())

    def test_every_module_has_its_reference_model(self):
        for module in modules.names():
            with self.subTest(module):
                header = REFERENCES / f"{INSIDE.get(module, module)}.hpp"
                self.assertTrue(header.exists(), header)
                if module not in INSIDE:
                    self.assertIn(f"rtl/{module}.sv", header.read_text())

    def test_every_port_and_parameter_has_a_comment(self):
        for module in modules.names():
            with self.subTest(module):
                lines = modules.header(module).splitlines()
                bare = [line.strip() for before, line in zip(lines, lines[1:])
                        if re.match(r"\s*(input|output|parameter|localparam)\b", line) and not before.strip().startswith(("///", "`ifdef"))]
                self.assertEqual(bare, [])


if __name__ == "__main__":
    unittest.main()
