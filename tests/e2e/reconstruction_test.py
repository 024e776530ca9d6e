"""Block reconstruction of ResNet-20 from the command line: accuracy at three bits, and what an interruption leaves."""
import json
import signal
import subprocess
import sys
import time
import unittest

import program

CIFAR = program.DATA / "cifar10"
MODEL = CIFAR / "resnet20.onnx"


@unittest.skipUnless(MODEL.exists(), "needs cifar10/resnet20.onnx under DYAD_DATA")
class Reconstruction(program.InFolder):
    def reconstructed(self, bits, *flags):
        out = self.folder / f"{bits}-learned.dyad"
        words = ("quantize", MODEL, "--bits", bits, "--calibrate", CIFAR, "--reconstruct", *flags, "--out", out)
        finished = program.run(*words, "--json")
        if finished.returncode == 2 and "no training module" in finished.stderr:
            self.assertFalse(out.exists())
            self.skipTest("this build has no training module")
        self.assertEqual(finished.returncode, 0, finished.stderr)
        return out, json.loads(finished.stdout)

    def test_reconstruction_of_three_bits(self):
        # Without reconstruction 87.6 %; 256 images and 60 iterations a block are a quarter of the default's work.
        out, document = self.reconstructed("W3A4", "--iterations", 60, "--reconstruction-images", 256)
        learned = document["reconstruction"]
        self.assertEqual((learned["images"], learned["granularity"]), (256, "block"))
        self.assertEqual(len(learned["blocks"]), 11)  # stem, nine residual blocks, classifier
        self.assertEqual([name for block in learned["blocks"] for name in block["layers"]], [layer["name"] for layer in document["layers"]])
        for block in learned["blocks"]:
            self.assertLessEqual(block["error_after"], block["error_before"], block["target"])
        self.assertGreaterEqual(program.document("run", out, "--data", CIFAR, "--backend", "cpu")["top1"], 88.8)

    def test_interrupted_reconstruction_writes_nothing(self):
        out = self.folder / "interrupted.dyad"
        process = subprocess.Popen([program.PROGRAM, "quantize", MODEL, "--bits", "W3A4", "--calibrate", CIFAR, "--reconstruct", "--iterations", "100000",
                                    "--out", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(8)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        if b"no training module" in errors:
            self.skipTest("this build has no training module")
        self.assertEqual(process.returncode, 130, errors)
        self.assertEqual([path.name for path in self.folder.glob("interrupted*")], [])


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False)))
