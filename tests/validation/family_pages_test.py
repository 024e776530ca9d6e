#!/usr/bin/python3
"""The generated tables of family pages: what is between the markers is replaced, nothing else; verdicts follow DESIGN's contract."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from family_pages import BEGIN, CONTRACT, END, tier_cells, write_pages  # noqa: E402


def row(memory, mean, largest, differing=3):
    return {"accelerator": "a", "family": "bit_serial", "memory": memory, "points": 9, "differing": differing, "mean": mean, "p90": mean,
            "max": largest, "worst": {"network": "n", "layer": "l", "bits": "W8A8"}, "over_2_percent": 2, "over_5_percent": 1,
            "kendall_tau_mean": 1.0, "kendall_tau_least": 0.5}


class FamilyPages(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.page = pathlib.Path(self.folder.name, "bit_serial.md")
        self.rows = [row("unlimited", 0, 0, 0), row("ideal", 0.001, 0.01), row("described", 0.002, 0.06)]

    def tearDown(self):
        self.folder.cleanup()

    def test_replaces_only_what_is_between_the_markers(self):
        self.page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
        check = {"id": "c", "what": "what", "source": "source", "pages": ["bit_serial"]}
        for _ in range(2):
            self.assertEqual(write_pages(self.folder.name, [(check, "== 1", 1, "yes")], self.rows, None), [])
            text = self.page.read_text()
            self.assertTrue(text.startswith(f"above\n{BEGIN}\n| what") and text.endswith(f"{END}\nbelow\n"), text)
            self.assertNotIn("old", text)
            self.assertEqual(text.count("| what | source | == 1 | 1 | yes |"), 1)
            self.assertEqual(text.count("| `a` | 9 | equal |"), 1)

    def test_a_page_without_markers_is_an_error_and_an_absent_one_is_named(self):
        self.assertEqual(write_pages(self.folder.name, [], self.rows, None), [str(self.page)])
        self.page.write_text("no markers\n")
        with self.assertRaisesRegex(RuntimeError, "no place"):
            write_pages(self.folder.name, [], self.rows, None)

    def test_verdicts(self):
        self.assertEqual(tier_cells(row("unlimited", 0, 0, 0)), ["equal", "yes"])
        self.assertEqual(tier_cells(row("ideal", 0.001, 0.02))[1], "yes")
        self.assertEqual(tier_cells(row("ideal", 0.001, 0.021))[1], "**no**: 2 of 9")
        self.assertEqual(tier_cells(row("described", 0.011, 0.04))[1], "**no**: mean, 1 of 9")
        self.assertEqual(tier_cells(row("described", 0.001, 0.04))[1], "yes")
        self.assertEqual(tier_cells({"memory": "ideal", "not_run": "why"}), ["why", "not run"])

    def test_the_last_run_kept_the_contract_on_every_accelerator(self):
        results = pathlib.Path(__file__).resolve().parent / "results" / "tier_differences.json"
        for each in json.loads(results.read_text())["rows"]:
            mean, largest = CONTRACT[each["memory"]]
            self.assertLessEqual(each["mean"], mean, each)
            self.assertLessEqual(each["max"], largest, each)


if __name__ == "__main__":
    unittest.main()
