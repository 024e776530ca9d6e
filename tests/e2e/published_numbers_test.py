"""Numbers that others published: sizes and BOPS of the model zoo, and HAWQ-V3's nine bit lists of ResNet-18."""
import json
import pathlib
import sys
import tempfile
import time
import unittest

import program


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


def choices_of(data, network):
    """HAWQ-V3's integer program as dyad.choices/1: loss = trace * |dW|^2; bit operations of 8 bits are MACs / 16, of 4 bits MACs / 64."""
    inputs = data["inputs"][network]
    layers = []
    for i, name in enumerate(data["layers"][network]):
        trace = inputs["Hutchinson_trace"][i]
        layers.append({"name": name, "choices": [
            {"w": b, "a": b, "loss": trace * inputs[f"delta_weights_{b}bit_square"][i],
             "costs": {"size": inputs["parameters"][i] * b / 8, "bops": inputs["bops"][i] / (64 if b == 4 else 16),
                       "latency": inputs[f"latency_int{b}"][i]}} for b in (4, 8)]})
    names = data["layers"][network]
    return {"schema": "dyad.choices/1", "layers": layers,
            "ties": [[names[i] for i in tie] for tie in data["equality_constraints"][network]]}


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


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False, verbosity=2)))
