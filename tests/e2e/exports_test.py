"""An integer ResNet-20 exported: ONNX Runtime executes it with the same classes, and every file is read back to the same integers.

DYAD_ONNXRUNTIME names a folder in which `npm install --ignore-scripts onnxruntime-node` was run; without it, or without node, the
test that needs it is skipped.
"""
import array
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import program

CIFAR = program.DATA / "cifar10"
MODEL = CIFAR / "resnet20.onnx"
RUNTIME = os.environ.get("DYAD_ONNXRUNTIME")
IMAGES = 1000
CLASSES = 10


def argmax(logits):
    rows = [logits[i:i + CLASSES] for i in range(0, len(logits), CLASSES)]
    return [max(range(CLASSES), key=lambda c, row=row: row[c]) for row in rows]


def header(network):
    """The document of a .dyad file."""
    data = network.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(json.loads(data[8:8 + length])["__metadata__"]["dyad"])


@unittest.skipUnless(MODEL.exists(), "needs cifar10/resnet20.onnx under DYAD_DATA")
class Exports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        cls.network = cls.folder / "net.dyad"
        program.document("quantize", MODEL, "--bits", "W4A4", "--calibrate", CIFAR, "--images", "128", "--out", cls.network)
        cls.onnx = cls.folder / "net.onnx"
        program.document("export", cls.network, "--format", "onnx", "-o", cls.onnx)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_every_file_is_read_back_to_the_same_bytes(self):
        expected = program.document("run", self.network, "--data", CIFAR, "--limit", "100")["digest"]
        for name, ending in (("onnx", ".onnx"), ("safetensors", ".safetensors"), ("int4", ".safetensors"), ("int4-hawq", ".safetensors")):
            file, again = self.folder / f"{name}{ending}", self.folder / f"{name}.dyad"
            program.document("export", self.network, "--format", name, "-o", file)
            self.assertEqual(program.document("run", file, "--data", CIFAR, "--limit", "100")["digest"], expected, name)
            program.document("export", file, "--format", "dyad", "-o", again)
            self.assertEqual(again.read_bytes(), self.network.read_bytes(), name)
        sizes = {name: (self.folder / f"{name}.safetensors").stat().st_size for name in ("safetensors", "int4", "int4-hawq")}
        self.assertLess(sizes["int4"], 0.75 * sizes["safetensors"])

    def test_bit_lists_give_the_same_network(self):
        for name in ("bits", "hawq-bits"):
            file, again = self.folder / f"{name}.json", self.folder / f"{name}.dyad"
            program.document("export", self.network, "--format", name, "-o", file)
            program.document("quantize", MODEL, "--bits", file, "--calibrate", CIFAR, "--images", "128", "--out", again)
            self.assertEqual(again.read_bytes(), self.network.read_bytes(), name)

    def test_an_ending_that_readers_do_not_know_is_refused(self):
        finished = program.run("export", self.network, "--format", "onnx", "-o", self.folder / "net.bin")
        self.assertEqual(finished.returncode, 2)
        self.assertIn(".onnx", finished.stderr)

    def test_compare_finds_a_rounding(self):
        same = program.document("compare", self.network, self.onnx, "--backend-b", "scalar", "--data", CIFAR, "--limit", "16")
        self.assertIsNone(same["first_diverging"])
        other = program.document("compare", self.network, "--rounding-b", "floor", "--data", CIFAR, "--limit", "16", status=1)
        self.assertEqual(other["first_diverging"], other["layers"][0]["name"])
        quantized = program.document("compare", MODEL, self.network, "--data", CIFAR, "--limit", "16")
        self.assertGreater(quantized["layers"][0]["sqnr_db"], 30)
        self.assertGreater(quantized["layers"][-1]["sqnr_db"], 5)
        self.assertLess(quantized["predictions_differing"], 4)

    @unittest.skipUnless(RUNTIME and shutil.which("node"), "needs node and DYAD_ONNXRUNTIME")
    def test_onnx_runtime_predicts_the_same_classes(self):
        integers = self.folder / "integers.bin"
        run = program.document("run", self.network, "--data", CIFAR, "--limit", IMAGES, "--dump-outputs", integers)
        ours = array.array("i", integers.read_bytes())
        step = header(self.network)["output_scales"][0]
        labels = (CIFAR / "test_batch.bin").read_bytes()[0:IMAGES * 3073:3073]
        for level in ("disabled", "all"):
            out = self.folder / f"{level}.bin"
            finished = subprocess.run(["node", pathlib.Path(__file__).with_name("run_onnx.js"), self.onnx, CIFAR / "test_batch.bin",
                                       str(IMAGES), ".485,.456,.406", ".229,.224,.225", level, out],
                                      capture_output=True, text=True, timeout=600, check=False)
            self.assertEqual(finished.returncode, 0, finished.stderr)
            theirs = array.array("f", out.read_bytes())
            self.assertEqual(len(theirs), len(ours))
            largest = max(abs(value) for value in theirs)
            differences = [abs(a - b * step) / largest for a, b in zip(theirs, ours)]
            equal = sum(max(differences[i:i + CLASSES]) < 1e-6 for i in range(0, len(ours), CLASSES))
            agree = sum(a == b for a, b in zip(argmax(theirs), argmax(ours)))
            top1 = 100 * sum(a == b for a, b in zip(argmax(theirs), labels)) / IMAGES
            print(f"ONNX Runtime, optimization {level}: top-1 {top1:.2f} % (Dyad {run['top1']:.2f} %), {agree} of {IMAGES} classes agree, "
                  f"all logits within 1e-6 of the largest on {equal} images, largest difference {max(differences):.2e} of it")
            self.assertGreaterEqual(agree, 0.995 * IMAGES)
            self.assertGreaterEqual(equal, 0.8 * IMAGES)
            self.assertAlmostEqual(top1, run["top1"], delta=0.3)


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False, verbosity=2)))
