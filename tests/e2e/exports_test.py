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


CASES = os.environ.get("DYAD_ONNX_CASES")
needs_runtime = unittest.skipUnless(RUNTIME and shutil.which("node"), "needs node and DYAD_ONNXRUNTIME")


def run_onnx(model, images, shape, level, out):
    """Logits of a model in ONNX Runtime."""
    finished = subprocess.run(["node", pathlib.Path(__file__).with_name("run_onnx.js"), model, images, *map(str, shape), level, out],
                              capture_output=True, text=True, timeout=600, check=False)
    assert finished.returncode == 0, finished.stderr
    return array.array("f", out.read_bytes())


def rounded(value):
    """To float32, as the program computes."""
    return struct.unpack("f", struct.pack("f", value))[0]


def write_normalized(path, mean, std):
    """The first test images of CIFAR-10, (u8 / 255 - mean) / std in float32."""
    tables = [[rounded(rounded(rounded(v / 255) - rounded(m)) / rounded(s)) for v in range(256)] for m, s in zip(mean, std)]
    data = (CIFAR / "test_batch.bin").read_bytes()
    values = array.array("f")
    for i in range(IMAGES):
        for c in range(3):
            begin = i * 3073 + 1 + c * 1024
            values.extend(tables[c][v] for v in data[begin:begin + 1024])
    path.write_bytes(values.tobytes())


def argmax(logits):
    rows = [logits[i:i + CLASSES] for i in range(0, len(logits), CLASSES)]
    return [max(range(CLASSES), key=lambda c, row=row: row[c]) for row in rows]


def header(network):
    """The document of a .dyad file."""
    data = network.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(json.loads(data[8:8 + length])["__metadata__"]["dyad"])


@unittest.skipUnless(MODEL.exists(), "needs cifar10/resnet20.onnx under DYAD_DATA")
class Exports(program.InFolder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = cls.folder / "net.dyad"
        program.document("quantize", MODEL, "--bits", "W4A4", "--calibrate", CIFAR, "--images", "128", "--out", cls.network)
        cls.onnx = cls.folder / "net.onnx"
        program.document("export", cls.network, "--format", "onnx", "-o", cls.onnx)

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

    def refused(self, *words, place):
        finished = program.run(*words)
        self.assertEqual(finished.returncode, 2, finished.stderr)
        errors = [line for line in finished.stderr.splitlines() if line.startswith("error:")]
        hints = [line for line in finished.stderr.splitlines() if line.startswith("hint:")]
        self.assertEqual((len(errors), len(hints)), (1, 1), finished.stderr)
        self.assertIn(place, errors[0])

    def test_bad_input(self):
        out = self.folder / "bad.json"
        self.refused("export", MODEL, "--format", "bits", "-o", out, place="resnet20.onnx:/metadata_props/dyad")
        self.refused("export", self.folder / "none.dyad", "--format", "bits", "-o", out, place="none.dyad")
        self.refused("export", self.network, "--format", "tflite", "-o", out, place="--format")
        self.refused("export", self.network, "--format", "bits", "-o", self.folder / "none" / "bits.json", place="bits.json")
        self.refused("compare", self.network, "--data", CIFAR, place="compare")
        self.refused("compare", MODEL, "--rounding-b", "floor", "--data", CIFAR, place="--rounding-b")
        self.refused("compare", self.network, "--backend-b", "none", "--data", CIFAR, place="none")
        cut = self.folder / "cut.onnx"
        cut.write_bytes(self.onnx.read_bytes()[:50000])
        self.refused("run", cut, "--data", CIFAR, place="cut.onnx")
        self.assertFalse(out.exists())

    def test_compare_finds_a_rounding(self):
        same = program.document("compare", self.network, self.onnx, "--backend-b", "scalar", "--data", CIFAR, "--limit", "16")
        self.assertIsNone(same["first_diverging"])
        other = program.document("compare", self.network, "--rounding-b", "floor", "--data", CIFAR, "--limit", "16", status=1)
        self.assertEqual(other["first_diverging"], other["layers"][0]["name"])
        quantized = program.document("compare", MODEL, self.network, "--data", CIFAR, "--limit", "16")
        self.assertGreater(quantized["layers"][0]["sqnr_db"], 30)
        self.assertGreater(quantized["layers"][-1]["sqnr_db"], 5)
        self.assertLess(quantized["predictions_differing"], 4)

    @needs_runtime
    def test_onnx_runtime_predicts_the_same_classes(self):
        integers = self.folder / "integers.bin"
        run = program.document("run", self.network, "--data", CIFAR, "--limit", IMAGES, "--dump-outputs", integers)
        ours = array.array("i", integers.read_bytes())
        step = header(self.network)["output_scales"][0]
        labels = (CIFAR / "test_batch.bin").read_bytes()[0:IMAGES * 3073:3073]
        images = self.folder / "images.bin"
        write_normalized(images, (.485, .456, .406), (.229, .224, .225))
        for level in ("disabled", "all"):
            out = self.folder / f"{level}.bin"
            theirs = run_onnx(self.onnx, images, (3, 32, 32), level, out)
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


class SmallNetworks(unittest.TestCase):
    """Residual, depthwise, branching and convolutional networks; every average rounding; zero points."""

    @needs_runtime
    @unittest.skipUnless(CASES, "needs DYAD_ONNX_CASES, the program write_onnx_cases")
    def test_onnx_runtime_computes_the_same_logits(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            listed = subprocess.run([CASES, folder], capture_output=True, text=True, timeout=300, check=True).stdout
            for line in listed.splitlines():
                name, channels, size, classes = line.split()
                classes = int(classes)
                expected = array.array("f", (folder / f"{name}.logits").read_bytes())
                found = run_onnx(folder / f"{name}.onnx", folder / f"{name}.images", (channels, size, size), "all", folder / f"{name}.out")
                self.assertEqual(len(found), len(expected), name)
                largest = max(abs(value) for value in expected)
                differences = [abs(a - b) / largest for a, b in zip(found, expected)]
                images = len(expected) // classes
                equal = sum(max(differences[i * classes:(i + 1) * classes]) < 1e-5 for i in range(images))
                print(f"{name}: logits equal on {equal} of {images} images, largest difference {max(differences):.2e} of the largest logit")
                self.assertGreaterEqual(equal, 0.75 * images, name)
                self.assertLess(max(differences), 0.2, name)


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False, verbosity=2)))
