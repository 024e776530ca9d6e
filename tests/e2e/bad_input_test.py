"""Bad usage and bad files: one error line that names the place, one hint, exit status 2, nothing half-written."""
import json
import pathlib
import random
import struct
import sys
import tempfile
import unittest

import program


class BadInput(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)

    def tearDown(self):
        self.scratch.cleanup()

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def refused(self, *words, place):
        """The command is refused with status 2; the error names `place`; stdout is empty; no file appears or changes."""
        before = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        finished = program.run(*words)
        text = f"{words}\nstatus {finished.returncode}\n{finished.stdout}\n{finished.stderr}"
        self.assertEqual(finished.returncode, 2, text)
        self.assertEqual(finished.stdout, "", text)
        errors = [line for line in finished.stderr.splitlines() if line.startswith("error:")]
        hints = [line for line in finished.stderr.splitlines() if line.startswith("hint:")]
        self.assertEqual((len(errors), len(hints)), (1, 1), text)
        self.assertIn(place, errors[0], text)
        after = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        self.assertEqual(before, after, text)

    def test_usage(self):
        self.refused(place="command line")
        self.refused("inspekt", place="command line")
        self.refused("inspect", place="command line")
        self.refused("inspect", "resnet18", "--bitz", "W4A4", place="command line")
        self.refused("simulate", "resnet18", "--accelerator", "bismo-edge", "--bits", "W8A8", "--tier", "guess", place="tier")

    def test_models(self):
        self.refused("inspect", "resnet19", place="resnet19")
        self.refused("inspect", self.folder / "missing.onnx", place="missing.onnx")
        self.refused("inspect", self.folder, place=str(self.folder))
        self.refused("inspect", self.file("net.pt", "PK"), place="net.pt")
        for name in ("empty.onnx", "empty.safetensors"):
            self.refused("inspect", self.file(name, b""), place=name)
        self.refused("inspect", self.file("text.onnx", "not a network"), place="text.onnx")
        self.refused("inspect", self.file("huge.safetensors", b"\xff" * 64), place="huge.safetensors")
        self.refused("run", self.file("empty.dyad", b""), "--data", self.folder, "--backend", "cpu", place="empty.dyad")

    def test_reconstruction(self):
        words = ("quantize", "embedded", "--bits", "W4A4", "--calibrate", self.folder, "--out", self.folder / "n.dyad")
        self.refused(*words, "--iterations", 10, place="command line")
        self.refused(*words, "--reconstruct", "--iterations", -1, place="command line")
        self.refused(*words, "--reconstruct", "--granularity", "channel", place="command line")

    def test_bits(self):
        for bits in ("W0A4", "W4A17", "W4", "4/4", "WA"):
            self.refused("inspect", "resnet20", "--bits", bits, place="--bits")
        self.refused("inspect", "resnet20", "--bits", self.file("a.json", "{"), place="a.json")
        self.refused("inspect", "resnet20", "--bits", self.file("b.json", '{"schema":"dyad.bits/2","layers":{}}'), place="b.json:/schema")
        self.refused("inspect", "resnet20", "--bits", self.file("c.json", '{"schema":"dyad.bits/1","layers":{"conv9":{"w":4,"a":4}}}'),
                     place="c.json:/layers")
        self.refused("inspect", "resnet20", "--bits", self.file("d.json", '{"schema":"dyad.bits/1","layers":{"conv1":{"w":40,"a":4}}}'),
                     place="d.json:/layers/conv1/w")
        self.refused("inspect", "resnet20", "--bits", self.file("e.json", '{"schema":"dyad.bits/1","layers":{"conv1":{"w":4,"a":4}}}'),
                     place="e.json:/layers")

    def test_accelerators(self):
        self.refused("simulate", "resnet20", "--accelerator", "tpu9", "--bits", "W8A8", "--tier", "analytic", place="tpu9")
        self.refused("simulate", "resnet20", "--accelerator", self.file("a.json", '{"schema":"dyad.accelerator/1","colck":1}'), "--bits", "W8A8",
                     "--tier", "analytic", place="a.json")
        self.refused("simulate", "resnet20", "--accelerator", "bismo-cloud", "--bits", "W4A4", "--compat", "haq", "--tier", "cycle", place="--compat")
        self.refused("simulate", "resnet20", "--accelerator", "bismo-cloud", "--bits", "W4A4", "--compat", "scalesim", place="--compat")
        self.refused("simulate", "resnet20", "--accelerator", "systolic-8x8-os", "--bits", "W4A4", "--im2col", place="--im2col")
        self.refused("simulate", "--gemm", "1,2", "--accelerator", "bismo-edge", "--bits", "W8A8", "--tier", "analytic", place="--gemm")
        self.refused("simulate", "--gemm", "0,2,3", "--accelerator", "bismo-edge", "--bits", "W8A8", "--tier", "analytic", place="--gemm")
        self.refused("simulate", "--conv", "kernel=3", "--accelerator", "bismo-edge", "--bits", "W8A8", "--tier", "analytic", place="--conv")

    def test_conventions_and_reports_of_simulate(self):
        one = ("simulate", "--conv", "kernel=1,output=56,stride=1,in=256,out=64", "--accelerator", "bitfusion-eyeriss", "--bits", "W4A4")
        self.refused(*one, "--isca2018-outputs", "requantized", place="--isca2018-outputs")
        self.refused(*one, "--compat", "isca2018", "--isca2018-outputs", "8bit", place="command line")
        self.refused("simulate", "resnet20", "--accelerator", "bismo-edge", "--table", "--shadow-prices", place="--shadow-prices")
        self.refused("simulate", "resnet20", "--accelerator", "bismo-edge", "--table", "--csv", self.folder / "x.csv", place="--csv")
        self.refused(*one, "--csv", self.folder / "absent" / "x.csv", place="x.csv")
        self.refused(*one, "--tier", "measured", place="--tier")

    def test_measured_times(self):
        """`calibrate fit` takes times of three shapes or more, of layers that the GPU can run."""
        header = "# source: a test\nname,batch,kernel,output,stride,in,out,groups,w,a,latency_us\n"
        rows = "".join(f"c{k},8,1,{k},1,64,64,1,8,8,{10 * k}\n" for k in (7, 14, 28))
        out = self.folder / "fitted.json"

        def refuse(times, place, *words, accelerator="t4"):
            self.refused("calibrate", "fit", times, "--accelerator", accelerator, "--out", out, *words, place=place)
            self.assertFalse(out.exists())

        good = self.file("times.csv", header + rows)
        result = program.document("calibrate", "fit", good, "--accelerator", "t4", "--parameters", "launch_cycles", "--out", out)
        self.assertEqual((result["shapes"], result["rows_fitted"], list(result["parameters"])), (3, 3, ["launch_cycles"]))
        simulated = program.document("simulate", "resnet20", "--accelerator", out, "--bits", "W8A8")
        self.assertEqual(simulated["accelerator"]["name"], "fitted")
        out.unlink()

        refuse(self.folder / "absent.csv", "absent.csv")
        refuse(self.file("t.csv", rows), "t.csv:1")
        refuse(self.file("t.csv", header), "t.csv")
        refuse(self.file("t.csv", header + rows + "c,8,1,7,1,64,64,1,8,8,zero\n"), "t.csv:6")
        refuse(self.file("t.csv", header + rows + "c,8,1,7,1,64,64,1,9,9,5\n"), "c")
        refuse(self.file("t.csv", header + rows.splitlines()[0] + "\n"), "measurements", "--parameters", "launch_cycles")
        refuse(self.file("t.json", "{}"), "t.json")
        refuse(good, "--parameters", "--parameters", "speed")
        refuse(good, "--batch", "--batch", "8")
        refuse(good, "bismo-edge", accelerator="bismo-edge")

    def test_tables(self):
        """A user's own table of ResNet-20: [layer][w - 1][a - 1], int64."""
        def npy(shape, values, dtype="<i8", code="q"):
            header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
            return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack(f"<{len(values)}{code}", *values)

        def refuse(spelled, place, *words):
            self.refused("simulate", "resnet20", "--accelerator", f"table:{spelled}", "--bits", "W4A4", *words, place=place)

        layers = [one["name"] for one in program.document("inspect", "resnet20")["layers"] if "w" in one or one["kind"] in ("conv", "linear")]
        points = len(layers) * 64
        good = self.file("good.npy", npy(f"({len(layers)}, 8, 8)", range(1, points + 1)))
        result = program.document("simulate", "resnet20", "--accelerator", f"table:{good},unit=us,batch=4", "--bits", "W4A4", "--all-layers")
        self.assertEqual((result["tier"], result["batch"]), ("measured", 4))
        self.assertEqual([one["latency_us"] for one in result["layers"] if "w" in one], [64 * k + 28 for k in range(len(layers))])
        self.assertTrue(any("Layers without weights" in note for note in result["notes"]))

        refuse(self.folder / "absent.npy", "absent.npy")
        refuse(self.file("t.txt", "1"), "t.txt")
        refuse(self.file("t.npy", b""), "t.npy")
        refuse(self.file("t.npy", good.read_bytes()[:-1]), "t.npy")
        refuse(self.file("t.npy", npy("(4, 8)", range(1, 33))), "t.npy")
        refuse(self.file("t.npy", npy("(1, 8, 2, 4)", range(1, 65))), "t.npy")
        refuse(self.file("t.npy", npy("(1, 8, 8)", range(1, 65))), "table:t.npy")
        refuse(self.file("t.npy", npy("(1, 1, 1)", [7], dtype=">i8")), "t.npy")
        refuse(self.file("t.npy", npy(f"({len(layers)}, 8, 8)", [-1] + [5] * (points - 1))), "t.npy:/0/0/0")
        refuse(self.file("t.npy", npy(f"({len(layers)}, 8, 8)", [5.0] * (points - 1) + [float("nan")], "<f8", "d")), f"t.npy:/{len(layers) - 1}/7/7")
        refuse(self.file("t.npy", npy(f"({len(layers)}, 3, 3)", [5] * (len(layers) * 9))), layers[0])  # no 4 bits (the first layer has 8)
        refuse(self.file("t.csv", "layer,bits,cycles\n"), "t.csv:1")
        refuse(self.file("t.csv", "layer,w,a,cycles\nconv9,4,4,12\n"), "t.csv")
        refuse(self.file("t.csv", f"layer,w,a,cycles\n{layers[0]},4,4,x\n"), "t.csv:2")
        refuse(self.file("t.json", '{"schema": "dyad.cost_table/1", "layer_names": ["a"], "table": [[[-3]]]}'), "t.json:/table/0/0/0")
        refuse(f"{good},unit=hours", "unit=hours")
        refuse(good, "--tier", "--tier", "cycle")
        refuse(good, "--batch", "--batch", "3")
        refuse(good, "--compat", "--compat", "haq")
        self.refused("search", "resnet20", "--data", "/nowhere", "--accelerator", f"table:{good}", "--tier", "analytic", place="--tier")

    def test_outputs_are_checked_before_the_work(self):
        for words in (("search", "embedded", "--data", "/nowhere", "--accelerator", "bismo-edge"), ("train", "resnet8-fmnist", "--data", "/nowhere"),
                      ("quantize", "embedded", "--bits", "W8A8", "--calibrate", "/nowhere")):
            self.refused(*words, "--out", self.folder / "absent" / "x", place=str(self.folder / "absent" / "x"))
            self.refused(*words, "--out", self.folder, place=str(self.folder))

    def test_choices(self):
        layer = {"name": "a", "choices": [{"w": 4, "a": 4, "loss": 1.0, "costs": {"size": 1.0}}]}
        good = {"schema": "dyad.choices/1", "layers": [layer]}
        path = self.file("good.json", json.dumps(good))
        self.assertEqual(program.run("allocate", path, "--limit", "size=1").returncode, 0)
        infeasible = program.run("allocate", path, "--limit", "size=0.5", "--json")
        self.assertEqual(infeasible.returncode, 1)
        self.assertEqual(json.loads(infeasible.stdout)["status"], "infeasible")
        self.refused("allocate", path, "--limit", "latency=1", place="good.json")
        self.refused("allocate", path, "--limit", "size=big", place="--limit")
        self.refused("allocate", path, "--limit-ratio", "size", place="--limit-ratio")
        self.refused("allocate", self.file("no.json", json.dumps({"schema": "dyad.choices/1", "layers": []})), place="no.json")
        broken = dict(good, ties=[["a", "b"]])
        self.refused("allocate", self.file("tie.json", json.dumps(broken)), place="tie.json:/ties")
        text = json.dumps(good)
        for length in range(0, len(text), 7):
            self.refused("allocate", self.file("cut.json", text[:length]), place="cut.json")

    def test_data(self):
        if not (program.DATA / "cifar10" / "resnet20.onnx").exists():
            self.skipTest("needs cifar10 under DYAD_DATA")
        model = program.DATA / "cifar10" / "resnet20.onnx"
        self.refused("run", model, "--data", self.folder / "missing", place="missing")
        for words in (("run", "resnet20", "--data"), ("quantize", "resnet20", "--bits", "W4A4", "--out", self.folder / "x", "--calibrate")):
            self.refused(*words, program.DATA / "cifar10", place="resnet20: has no weights")
        self.refused("run", model, "--data", self.folder, place=str(self.folder))
        batch = (program.DATA / "cifar10" / "test_batch.bin").read_bytes()[:3073 * 2]
        self.refused("run", model, "--data", self.file("short.bin", batch[:-1]), place="short.bin")
        self.refused("run", model, "--data", self.file("label.bin", b"\x63" + batch[1:]), place="label.bin")
        idx = self.file("t10k-images-idx3-ubyte", b"\0\0\x08\x03\0\0\0\x01\0\0\0\x1c\0\0\0\x1c" + bytes(783))
        self.refused("run", model, "--data", idx, place="t10k-images-idx3-ubyte")
        self.refused("quantize", model, "--bits", "W9A4", "--calibrate", program.DATA / "cifar10", "--out", self.folder / "x.dyad", "--images", "8",
                     place="bits:/layers")
        self.refused("quantize", model, "--bits", "W8A8", "--calibrate", program.DATA / "cifar10", "--images", "8",
                     "--out", self.folder / "no" / "x.dyad", place="x.dyad")

    def test_damaged_models_are_refused_or_read_but_never_crash(self):
        if not (program.DATA / "cifar10" / "resnet20.onnx").exists():
            self.skipTest("needs cifar10 under DYAD_DATA")
        seed = 20261120
        print("seed", seed)
        chooser = random.Random(seed)
        for name in ("resnet20.onnx", "resnet20.safetensors"):
            whole = (program.DATA / "cifar10" / name).read_bytes()
            for _ in range(12):
                damaged = bytearray(whole[:chooser.randrange(len(whole))] if chooser.random() < 0.5 else whole)
                if len(damaged) == len(whole):
                    for _ in range(4):
                        damaged[chooser.randrange(2000)] = chooser.randrange(256)
                words = ["resnet20", "--weights", self.file("d.safetensors", bytes(damaged))] if name.endswith("s") else [self.file("d.onnx", bytes(damaged))]
                finished = program.run("inspect", *words)
                self.assertIn(finished.returncode, (0, 2), finished.stderr)


if __name__ == "__main__":
    sys.exit(program.finish(unittest.main(exit=False, verbosity=2)))
