"""Bits by gradient on the embedded network: limits, the integer network, resume."""
import pathlib
import sys
import time
import unittest

import program

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
QUICK = ("--epochs", 2, "--epoch-images", 1000, "--hmq-batch", 50, "--evaluation-images", 2000, "--calibration-images", 200,
         "--sensitivity-images", 32, "--sweep-images", 200, "--choices", "2,4,8")


def has_training():
    finished = program.run("search", "embedded", "--data", DATA, "--accelerator", "bismo-edge", "--method", "hmq", "--epochs", 2,
                           "--limit-ratio", "latency=0.0001", "--calibration-images", 8, "--sensitivity-images", 8, "--json")
    return "training module" not in finished.stderr


@unittest.skipUnless(DATA.exists(), "needs Debian's dataset-fashion-mnist")
class Hmq(program.InFolder):
    @classmethod
    def setUpClass(cls):
        if not has_training():
            raise unittest.SkipTest("this build has no training module")
        super().setUpClass()

    def search(self, *flags, status=0):
        return program.document("search", "embedded", "--data", DATA, "--accelerator", "bismo-edge", "--method", "hmq", *QUICK, *flags,
                                status=status)

    def test_search_gives_a_network_within_its_limit(self):
        start = time.monotonic()
        out = self.folder / "hmq.dyad"
        result = self.search("--limit-ratio", "latency=0.4", "--out", out)
        print(f"hmq on the embedded network: top-1 {result['top1']} %, {time.monotonic() - start:.1f} s", file=sys.stderr)
        self.assertLessEqual(result["cost"]["latency_us"], result["limits"][0]["absolute"])
        self.assertGreaterEqual(result["top1"], 85)  # float 93.5
        self.assertTrue(result["verified"])
        self.assertEqual([epoch["phase"] for epoch in result["hmq"]["epochs"]], ["search", "final"])
        ran = program.document("run", out, "--data", DATA, "--backend", "cpu", "--limit", 2000)
        self.assertEqual(ran["digest"], result["digest"])

    def test_a_limit_nobody_keeps_is_an_honest_negative(self):
        self.assertEqual(self.search("--limit-ratio", "latency=0.01", status=1)["status"], "infeasible")

    def test_a_checkpoint_of_another_run_is_named(self):
        checkpoint = self.folder / "run.safetensors"
        self.search("--limit-ratio", "latency=0.5", "--checkpoint", checkpoint)
        finished = program.run("search", "embedded", "--data", DATA, "--accelerator", "bismo-edge", "--method", "hmq", *QUICK,
                               "--limit-ratio", "latency=0.45", "--checkpoint", checkpoint, "--json")
        self.assertEqual(finished.returncode, 2)
        self.assertIn("belongs to a run with other options", finished.stderr)
        self.assertIn("hint:", finished.stderr)


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False)))
