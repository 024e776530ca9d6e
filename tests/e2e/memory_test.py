"""External memories by name: `simulate --memory`, where the energy goes, and what is said of memories that do not exist."""
import json
import pathlib
import sys
import tempfile
import unittest

import program

SIMULATE = ("simulate", "resnet20", "--accelerator", "bismo-edge", "--bits", "W4A4")


def number(value):
    return {"value": value, "source": "test"}


class Memory(unittest.TestCase):
    def test_presets_replace_the_accelerators_memory(self):
        own = program.document(*SIMULATE)
        stacked = program.document(*SIMULATE, "--memory", "hbm2e")
        self.assertEqual(stacked["accelerator"]["name"], "bismo-edge with hbm2e")
        self.assertAlmostEqual(stacked["accelerator"]["dram_bytes_per_s"], 409.6e9, delta=1e8)
        self.assertLess(stacked["totals"]["cycles"], own["totals"]["cycles"])
        self.assertTrue(stacked["accelerator"]["dram_energy_source"].startswith("3.9 pJ/bit: Accelergy"))
        for document, energy_pj_per_bit in ((own, 70), (stacked, 3.9)):
            for entry in (*document["layers"], document["totals"]):
                parts = entry["energy_breakdown_pj"]
                self.assertAlmostEqual(parts["dram"], energy_pj_per_bit * (entry["dram_read_bits"] + entry["dram_write_bits"]), delta=1e-6 * parts["dram"])
                self.assertAlmostEqual(sum(parts.values()), entry["energy_pj"], delta=1e-9 * entry["energy_pj"])
                self.assertGreater(parts["leakage"], 0)
        self.assertEqual(list(own["totals"]["energy_breakdown_pj"]), ["array", "sram", "dram", "leakage", "idle"])
        # Nobody publishes HBM2E's background: it is not counted, and not shown as 0.
        self.assertEqual(list(stacked["totals"]["energy_breakdown_pj"]), ["array", "sram", "dram", "leakage"])

    def test_every_preset_runs_in_both_tiers(self):
        bandwidths = []
        for preset in ("ddr3", "lpddr4-4266", "ddr4-3200", "gddr6-14", "hbm2e", "hbm3"):
            words = ("simulate", "--gemm", "256,512,512", "--accelerator", "bismo-cloud", "--bits", "W8A8", "--memory", preset)
            analytic, cycle = (program.document(*words, "--tier", tier)["totals"]["cycles"] for tier in ("analytic", "cycle"))
            self.assertLess(abs(analytic - cycle) / cycle, 0.05, preset)
            bandwidths.append(program.document(*words)["accelerator"]["dram_bytes_per_s"])
        self.assertEqual(bandwidths, sorted(bandwidths))

    def test_text_and_tables_show_the_parts(self):
        text = program.run(*SIMULATE)
        self.assertEqual(text.returncode, 0, text.stderr)
        self.assertRegex(text.stdout, r"layer .* leaks   idles  utilized")
        self.assertRegex(text.stdout, r"  of it       [0-9.]+ [mun]J dynamic, [0-9.]+ [mun]J leakage, [0-9.]+ [mun]J idle memory")
        self.assertRegex(text.stdout, r"  DRAM        70.0 pJ/bit: Accelergy")
        stacked = program.run(*SIMULATE, "--memory", "hbm2e")
        self.assertIn("idle memory not counted", stacked.stdout)
        words = ("simulate", "resnet20", "--accelerator", "bismo-edge", "--table")
        header, first, *_ = program.run(*words).stdout.splitlines()
        self.assertEqual(header, "layer,w,a,cycles,energy_pj,leakage_pj,idle_pj")
        table = program.document(*words)
        energy, leakage, idle = map(float, first.split(",")[4:])
        self.assertEqual((energy, leakage, idle), tuple(table[key][0][0][0] for key in ("energy_pj", "leakage_pj", "idle_pj")))
        self.assertGreater(leakage, 0)
        self.assertGreater(energy, leakage + idle)

    def test_files_and_bad_ones(self):
        with tempfile.TemporaryDirectory() as scratch:
            memory = json.loads((program.SOURCE / "accel_models/data/memories/lpddr4-4266.json").read_text())
            memory["channels"] = number(4)
            memory["name"] = "four"
            file = pathlib.Path(scratch) / "four.json"
            file.write_text(json.dumps(memory))
            wide = program.document(*SIMULATE, "--memory", file)
            self.assertEqual(wide["accelerator"]["name"], "bismo-edge with four")
            self.assertAlmostEqual(wide["accelerator"]["dram_bytes_per_s"], 2 * 17.064e9, delta=1e7)
            memory["banks"] = number(7)
            file.write_text(json.dumps(memory))
            for words, place in (((*SIMULATE, "--memory", file), "four.json:/banks/value"), ((*SIMULATE, "--memory", "hbm9"), "hbm9"),
                                 ((*SIMULATE, "--compat", "haq", "--memory", "hbm2e"), "--memory")):
                refused = program.run(*words)
                self.assertEqual((refused.returncode, refused.stdout), (2, ""), refused.stderr)
                errors = [line for line in refused.stderr.splitlines() if line.startswith("error:")]
                self.assertEqual(len(errors), 1, refused.stderr)
                self.assertIn(place, errors[0])
                self.assertIn("\nhint:", refused.stderr)


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False)))
