"""Runs the dyad program for the end-to-end tests.

DYAD_PROGRAM names the program; DYAD_DATA the data folder (default: ../shared/data beside the source when it exists).
"""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ["DYAD_PROGRAM"]
DATA = pathlib.Path(os.environ.get("DYAD_DATA") or SOURCE.parent / "shared" / "data")
SKIPPED = 77


def run(*words, environment=None):
    """The finished process; text output. `environment`: variables beside those of this process."""
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=600, check=False,
                          env={**os.environ, **(environment or {})})


def document(*words, status=0):
    """The JSON document that the command prints; the exit status must be `status`."""
    finished = run(*words, "--json")
    assert finished.returncode == status, f"{words}: exit status {finished.returncode}\n{finished.stderr}"
    return json.loads(finished.stdout)


class InFolder(unittest.TestCase):
    """Tests that share a folder of their own, removed after the last."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()


def finish(unittest_program):
    """Exit status of a test program: 77 when every test was skipped, 1 when one failed or none ran."""
    result = unittest_program.result
    if not result.wasSuccessful() or result.testsRun == 0:
        return 1
    return SKIPPED if len(result.skipped) == result.testsRun else 0
