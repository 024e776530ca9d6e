"""Whole networks through the Verilated cores: the logits of the scalar backend and the cycles of the cycle tier."""
import json
import pathlib
import sys
import unittest

import program

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
CIFAR = program.DATA / "cifar10"


class RtlRun(program.InFolder):
    def quantized(self, model, data, bits, *flags):
        out = self.folder / f"{pathlib.Path(model).stem}_{pathlib.Path(bits).stem}{''.join(flags)}.dyad".replace("--", "_")
        program.document("quantize", model, "--bits", bits, "--calibrate", data, "--images", 256, "--out", out, *flags)
        return out

    def mixed(self, model):
        """A bit list in which neighbours differ, 2 to 8 bits of either operand."""
        layers = [layer["name"] for layer in program.document("inspect", model)["layers"] if layer["kind"] in ("conv", "linear")]
        bits = {name: {"w": 2 + 3 * i % 7, "a": 2 + (5 * i + 6) % 7} for i, name in enumerate(layers)}
        file = self.folder / "mixed.json"
        file.write_text(json.dumps({"schema": "dyad.bits/1", "layers": bits}))
        return file

    def assert_same(self, network, data, images, accelerator="bismo-edge"):
        rtl = program.document("run", network, "--data", data, "--backend", "rtl", "--limit", images, "--accelerator", accelerator)
        scalar = program.document("run", network, "--data", data, "--backend", "scalar", "--limit", images)
        self.assertEqual(rtl["images"], images)
        self.assertEqual(rtl["digest"], scalar["digest"])
        self.assertEqual(rtl["cycles"], rtl["cycle_tier_cycles"])
        for layer in rtl["layers"]:
            self.assertEqual(layer["cycles"], layer["cycle_tier_cycles"], layer["name"])
        return rtl

    @unittest.skipUnless(FASHION.exists(), "needs Debian's dataset-fashion-mnist")
    def test_embedded_network(self):
        for bits in ("W8A8", "W4A6", "W2A3"):
            self.assert_same(self.quantized("embedded", FASHION, bits), FASHION, 2)

    @unittest.skipUnless((CIFAR / "resnet20.onnx").exists(), "needs cifar10/resnet20.onnx under DYAD_DATA")
    def test_resnet20(self):
        for bits in ("W4A4", "W8A8"):
            rtl = self.assert_same(self.quantized(CIFAR / "resnet20.onnx", CIFAR, bits), CIFAR, 4)
            simulated = program.document("simulate", CIFAR / "resnet20.onnx", "--bits", bits, "--accelerator", "bismo-edge", "--tier", "cycle")
            self.assertEqual(rtl["cycles"], 4 * simulated["totals"]["cycles"], bits)

    @unittest.skipUnless(FASHION.exists(), "needs Debian's dataset-fashion-mnist")
    def test_mixed_bits_through_three_cores(self):
        network = self.quantized("embedded", FASHION, self.mixed("embedded"))
        for accelerator in ("bismo-edge", "mma-8x8", "systolic-16x16-os"):
            self.assert_same(network, FASHION, 2, accelerator)

    @unittest.skipUnless((CIFAR / "resnet20.onnx").exists(), "needs cifar10/resnet20.onnx under DYAD_DATA")
    def test_resnet20_with_mixed_bits_through_three_cores(self):
        network = self.quantized(CIFAR / "resnet20.onnx", CIFAR, self.mixed(CIFAR / "resnet20.onnx"))
        for accelerator in ("bismo-edge", "mma-8x8", "systolic-16x16-os"):
            self.assert_same(network, CIFAR, 4, accelerator)

    @unittest.skipUnless(FASHION.exists(), "needs Debian's dataset-fashion-mnist")
    def test_waves(self):
        network, waves = self.quantized("embedded", FASHION, "W2A2"), self.folder / "core.fst"
        program.document("run", network, "--data", FASHION, "--backend", "rtl", "--limit", 1, "--waves", waves)
        self.assertGreater(waves.stat().st_size, 10000)

    @unittest.skipUnless(FASHION.exists(), "needs Debian's dataset-fashion-mnist")
    def test_what_the_core_cannot_do_is_named(self):
        network = self.quantized("embedded", FASHION, "W2A2")
        run = ("run", network, "--data", FASHION, "--limit", 1)
        for arguments, words in (
            ((*run, "--backend", "rtl", "--accelerator", "bismo-cloud"), ("no build of bit_serial_core", "bit_serial_core_8x8x256")),
            ((*run, "--backend", "cpu", "--accelerator", "bismo-edge"), ("--accelerator", "--backend rtl")),
            ((*run, "--waves", self.folder / "w.fst"), ("--waves", "--backend rtl")),
            ((*run, "--backend", "rtl", "--waves", "/nonexistent/w.fst"), ("/nonexistent/w.fst",)),
            (("run", self.quantized("embedded", FASHION, "W4A4", "--rounding", "half_even"), *run[2:], "--backend", "rtl"), ("conv1", "half_even", "half_up")),
        ):
            finished = program.run(*arguments)
            self.assertEqual(finished.returncode, 2, arguments)
            for word in words:
                self.assertIn(word, finished.stderr)


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False, verbosity=2)))
