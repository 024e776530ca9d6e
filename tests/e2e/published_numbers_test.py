"""Numbers that others published: sizes and BOPS of the model zoo, and HAWQ-V3's nine bit lists of ResNet-18."""
import json
import pathlib
import sys
import tempfile
import time
import unittest

import program

sys.path.insert(0, str(program.SOURCE / "tests" / "support"))
from hawq_choices import choices_of  # noqa: E402


class ModelZoo(unittest.TestCase):
    """HAWQ-V3's model zoo: float BOPS count convolutions and fully connected layers only."""

    def totals(self, model, *flags):
        return program.document("inspect", model, *flags)["totals"]

    def test_resnet18(self):
        totals = self.totals("resnet18")
        self.assertAlmostEqual(totals["macs"] / 1e9, 1.814, delta=0.0005)
        self.assertAlmostEqual(totals["params"] / 1e6, 11.68, delta=0.005)
        for bits, bops, size in (("W8A8", 116.1, 11.14), ("W4A4", 34.7, 5.82)):
            totals = self.totals("resnet18", "--bits", bits)
            self.assertAlmostEqual(totals["bops_g"], bops, delta=0.05)
            self.assertAlmostEqual(totals["size_mib"], size, delta=0.005)

    def test_others(self):
        for model, flags, bops in (("resnet50", ("--bits", "W8A8"), 246.9), ("resnet50", ("--bits", "W4A4"), 67.5), ("inceptionv3", (), 5850.3),
                                   ("resnet101", (), 7751.9), ("resnet101b", (), 7988.6)):
            self.assertAlmostEqual(self.totals(model, *flags)["bops_g"], bops, delta=0.05, msg=model)

    def test_every_layer_has_the_promised_fields(self):
        for layer in program.document("inspect", "mobilenetv2")["layers"]:
            for field in ("name", "kind", "macs", "params", "input_shape", "output_shape"):
                self.assertIn(field, layer)


    def test_zoo_prints_every_row(self):
        zoo = program.document("zoo")
        self.assertEqual(zoo["schema"], "dyad.zoo/1")
        self.assertEqual(len(zoo["rows"]), 27)
        self.assertLess(zoo["largest_difference_percent"]["speedup"], 10)
        for row in zoo["rows"]:
            if row["scheme"] in ("float", "W8A8", "W4A4") and row["model"] in ("resnet18", "resnet50", "inceptionv3"):
                self.assertIn(row["bops_g"]["agreement"], ("rounded", "truncated"), row)


class BitLists(unittest.TestCase):
    def test_nine_lists_of_resnet18(self):
        source = program.DATA / "hawq" / "ilp_inputs.json"
        if not source.exists():
            self.skipTest("needs hawq/ilp_inputs.json under DYAD_DATA")
        data = json.loads(source.read_text())
        seconds = []
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "choices.json"
            path.write_text(json.dumps(choices_of(data, "resnet18")))
            for cost, published in (("size", "modelsize"), ("bops", "bops"), ("latency", "latency")):
                for fraction in (0.75, 0.5, 0.25):
                    begin = time.perf_counter()
                    result = program.document("allocate", path, "--limit-fraction", f"{cost}={fraction}")
                    seconds.append(time.perf_counter() - begin)
                    self.assertEqual(result["status"], "optimal")
                    bits = [result["assignment"][name]["w"] for name in data["layers"]["resnet18"]]
                    self.assertEqual(bits, data["published_bits"][f"resnet18_{published}_{fraction}"], (cost, fraction))
        print("seconds of each process:", " ".join(f"{each:.3f}" for each in seconds))


class BitFusionOutputs(unittest.TestCase):
    def test_published_cycles_and_requantized_outputs(self):
        layer = ("simulate", "--conv", "kernel=1,output=56,stride=1,in=256,out=64,batch=1", "--accelerator", "bitfusion-eyeriss", "--compat", "isca2018")
        for bits, published, least in (("W4A4", 83969, 25088), ("W2A2", 75435, 10624)):  # least: max of computing and moving, by hand
            for words in ((), ("--isca2018-outputs", "32bit")):
                self.assertEqual(program.document(*layer, "--bits", bits, *words)["totals"]["cycles"], published)
            found = program.document(*layer, "--bits", bits, "--isca2018-outputs", "requantized")["layers"][0]
            self.assertTrue(least <= found["cycles"] <= 1.02 * least, found["cycles"])
            self.assertGreater(found["shadow_price"]["w"]["energy_pj"], 0)
            resources = found["resource_cycles"]
            longest = max(cycles for name, cycles in resources.items() if name != "fill")
            self.assertAlmostEqual(longest + resources["fill"], found["cycles"])


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False, verbosity=2)))
