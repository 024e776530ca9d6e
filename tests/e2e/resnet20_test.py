"""The main job on a real network: ResNet-20 on CIFAR-10 from float to integers, search and report."""
import json
import sys
import unittest

import program

CIFAR = program.DATA / "cifar10"
MODEL = CIFAR / "resnet20.onnx"


@unittest.skipUnless(MODEL.exists(), "needs cifar10/resnet20.onnx under DYAD_DATA")
class ResNet20(program.InFolder):
    def test_float_network_predicts_what_pytorch_does(self):
        result = program.document("run", MODEL, "--data", CIFAR, "--compare-predictions", CIFAR / "resnet20.pred.u8")
        self.assertEqual(result["images"], 10000)
        self.assertAlmostEqual(result["top1"], 91.73, delta=0.02)
        self.assertGreaterEqual(result["agreeing"], 9998)

    def quantized(self, bits):
        out = self.folder / f"{bits}.dyad"
        document = program.document("quantize", MODEL, "--scheme", "dyadic", "--bits", bits, "--calibrate", CIFAR, "--out", out)
        self.assertEqual(document["out"], str(out))
        for layer in document["layers"]:
            self.assertLessEqual({"name", "w_bits", "a_bits", "mse"}, set(layer))
        return out

    def test_post_training_accuracy(self):
        for bits, goal in (("W8A8", 91.5), ("W6A6", 91.3), ("W4A8", 90.7), ("W4A4", 89.5)):
            result = program.document("run", self.quantized(bits), "--data", CIFAR, "--backend", "cpu")
            self.assertGreaterEqual(result["top1"], goal, bits)

    def test_backends_and_thread_counts_give_the_same_digest(self):
        network = self.quantized("W4A4")
        digests = {program.document("run", network, "--data", CIFAR, "--backend", backend, "--limit", 200)["digest"] for backend in ("scalar", "cpu")}
        for threads in ("1", "3"):
            finished = program.run("run", network, "--data", CIFAR, "--limit", 200, "--json", environment={"DYAD_THREADS": threads})
            digests.add(json.loads(finished.stdout)["digest"])
        self.assertEqual(len(digests), 1)

    def test_quantization_is_reproducible_to_the_byte(self):
        first = self.quantized("W3A5").read_bytes()
        self.assertEqual(first, self.quantized("W3A5").read_bytes())

    def search(self, *flags, status=0):
        return program.document("search", MODEL, "--data", CIFAR, "--accelerator", "bismo-cloud", *flags, status=status)

    def test_search_under_a_latency_limit(self):
        out = self.folder / "search.dyad"
        result = self.search("--method", "exact", "--limit-ratio", "latency=0.5", "--out", out, "--sweep", "0.6")
        self.assertGreaterEqual(result["top1"], 91.0)
        self.assertEqual(result["status"], "optimal")
        self.assertLessEqual(result["cost"]["ratio"]["latency"], 0.5)
        self.assertTrue(result["verified"])
        check = result["cycle_check"]
        self.assertLessEqual(check["mean_layer_error"], 0.01)
        self.assertLessEqual(check["worst_layer_error"], 0.05)
        self.assertLessEqual(result["best_uniform"]["latency_us"], result["limits"][0]["absolute"] * (1 + 1e-12))
        self.assertEqual(program.document("run", out, "--data", CIFAR)["digest"], result["digest"])
        document = self.folder / "search.json"
        document.write_text(json.dumps(result))
        page = self.folder / "report.html"
        self.assertEqual(program.run("report", document, "-o", page).returncode, 0)
        self.assertGreater(page.stat().st_size, 100000)

    def test_search_at_the_cost_of_uniform_w4a4(self):
        uniform = program.document("simulate", MODEL, "--accelerator", "bismo-cloud", "--bits", "W4A4", "--tier", "analytic")
        result = self.search("--limit", f"latency={uniform['totals']['latency_us']!r}", "--sweep", "0.6")
        w4a4 = next(point for point in result["pareto"] if point["label"] == "W4A4")
        self.assertLessEqual(result["cost"]["latency_us"], w4a4["latency_us"] * (1 + 1e-12))
        self.assertLessEqual(result["logits_mse"], 0.7 * w4a4["logits_mse"])

    def test_an_infeasible_limit_is_an_honest_no(self):
        result = self.search("--limit-ratio", "latency=0.01", "--sensitivity-images", "16", status=1)
        self.assertEqual(result["status"], "infeasible")
        self.assertEqual(result["conflicts"][0]["name"], "latency")

    def test_tiers_agree(self):
        totals = {tier: program.document("simulate", MODEL, "--accelerator", "bismo-edge", "--bits", "W4A6", "--tier", tier)["totals"]
                  for tier in ("analytic", "cycle")}
        self.assertAlmostEqual(totals["analytic"]["cycles"] / totals["cycle"]["cycles"], 1, delta=0.01)


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False, verbosity=2)))
