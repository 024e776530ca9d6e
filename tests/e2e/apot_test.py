"""APoT from the command line: the authors' checkpoints as integers."""
import sys
import unittest

import program

CIFAR = program.DATA / "cifar10"
MNIST = program.DATA / "mnist"
CHECKPOINT = CIFAR / "apot_res20_4bit.safetensors"
IMPORT = ("--scheme", "apot", "--import", "apot-checkpoint")


class Apot(program.InFolder):
    @unittest.skipUnless(CHECKPOINT.exists(), "needs cifar10/apot_res20_4bit.safetensors under DYAD_DATA")
    def test_resnet20_checkpoint(self):
        out = self.folder / "resnet20.dyad"
        document = program.document("quantize", CHECKPOINT, *IMPORT, "--bits", "W4A4", "--out", out)
        self.assertEqual({layer["w_bits"] for layer in document["layers"]}, {4, 8})
        self.assertEqual(len(document["layers"]), 22)
        result = program.document("run", out, "--data", CIFAR, "--backend", "cpu", "--compare-predictions", CIFAR / "apot_res20_4bit.pred.u8")
        self.assertAlmostEqual(result["top1"], 92.46, delta=0.05)
        self.assertGreaterEqual(result["agreeing"], 9990)
        digests = {program.document("run", out, "--data", CIFAR, "--backend", backend, "--limit", 50)["digest"] for backend in ("scalar", "cpu")}
        self.assertEqual(len(digests), 1)

    @unittest.skipUnless(CHECKPOINT.exists(), "needs cifar10/apot_res20_4bit.safetensors under DYAD_DATA")
    def test_bits_that_disagree_with_the_checkpoint_are_refused(self):
        for bits in ("W5A5", "W4A5", "W4A8"):
            finished = program.run("quantize", CHECKPOINT, *IMPORT, "--bits", bits, "--out", self.folder / "no.dyad")
            self.assertEqual(finished.returncode, 2, bits)
            self.assertIn("trained at 4 bits", finished.stderr)
            self.assertIn("hint:", finished.stderr)
        self.assertFalse((self.folder / "no.dyad").exists())

    @unittest.skipUnless((CIFAR / "apot_res20_32bit.safetensors").exists(), "needs cifar10/apot_res20_32bit.safetensors under DYAD_DATA")
    def test_a_float_checkpoint_is_refused(self):
        finished = program.run("quantize", CIFAR / "apot_res20_32bit.safetensors", *IMPORT, "--bits", "W4A4", "--out", self.folder / "no.dyad")
        self.assertEqual(finished.returncode, 2)
        self.assertIn("no clipping thresholds", finished.stderr)

    @unittest.skipUnless((MNIST / "apot_resnet10_4bit.safetensors").exists(), "needs mnist/apot_resnet10_4bit.safetensors under DYAD_DATA")
    def test_mnist_checkpoint(self):
        out = self.folder / "resnet10.dyad"
        program.document("quantize", MNIST / "apot_resnet10_4bit.safetensors", *IMPORT, "--bits", "W4A4", "--out", out)
        result = program.document("run", out, "--data", MNIST, "--backend", "cpu")
        self.assertAlmostEqual(result["top1"], 98.77, delta=0.05)


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False, verbosity=2)))
