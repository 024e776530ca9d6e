#!/usr/bin/python3
"""Runs every command of checks.json and writes docs/validation.md: outside numbers, goals, measured values.

usage: validate.py --dyad PROGRAM --data FOLDER [--only ID,...] [--out FILE]
Exit status 1 when a goal is missed. A check whose data is absent is listed as not run.
"""
import argparse
import json
import operator
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from hawq_choices import choices_of  # noqa: E402

TESTS = {">=": operator.ge, "<=": operator.le, "==": operator.eq}


def write_choices(data, scratch):
    """HAWQ-V3's choices of ResNet-18 as $TMP/resnet18.json."""
    inputs = json.loads((data / "hawq" / "ilp_inputs.json").read_text())
    pathlib.Path(scratch, "resnet18.json").write_text(json.dumps(choices_of(inputs, "resnet18")))


def equal_bits(document, check, data):
    """Layers whose bits are those of the published list."""
    inputs = json.loads((data / "hawq" / "ilp_inputs.json").read_text())
    published = inputs["published_bits"][check["published_bits"]]
    names = inputs["layers"]["resnet18"]
    return sum(document["assignment"][name]["w"] == bits for name, bits in zip(names, published))


def value_at(document, pointer):
    """The value at a JSON pointer; '~1' stands for '/'."""
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def measure(check, program, data, scratch):
    """Runs the check's commands in order; the last one prints the document that holds the value."""
    document = None
    if "published_bits" in check:
        write_choices(data, scratch)
    for command in check["commands"]:
        words = [word.replace("$DATA", str(data)).replace("$TMP", scratch) for word in command.split()]
        assert words[0] == "dyad", command
        run = subprocess.run([program] + words[1:], capture_output=True, text=True, check=False)
        if run.returncode not in (0, 1):
            raise RuntimeError(f"{command}: exit status {run.returncode}: {run.stderr.strip().splitlines()[-2:]}")
        document = json.loads(run.stdout) if "--json" in words else None
    value = equal_bits(document, check, data) if "published_bits" in check else value_at(document, check["value"])
    value *= check.get("scale", 1)
    return round(value, check["digits"]) if "digits" in check else value


def goal_text(check):
    if "within" in check:
        return f"{check['published']} ± {check['within']}"
    return f"{check['test']} {check['goal']}"


def met(check, value):
    if "within" in check:
        return abs(value - check["published"]) <= check["within"] + 1e-12
    return TESTS[check["test"]](value, check["goal"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dyad", required=True)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    checks = json.loads((HERE / "checks.json").read_text())["checks"]
    chosen = [check for check in checks if not arguments.only or check["id"] in arguments.only.split(",")]
    lines = ["# Validation", "",
             "Every outside number that Dyad answers to, measured. Written by `./dev validate` from",
             "`tests/validation/checks.json`; do not edit. `$DATA` is the folder of the test data, `$TMP` a scratch folder.", "",
             "| what | source | goal | measured | met | command |", "|---|---|---|---|---|---|"]
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        for check in chosen:
            missing = [need for need in check.get("needs", []) if not (arguments.data / need).exists()]
            if missing:
                measured, verdict = "not run", f"needs {missing[0]}"
            else:
                measured = measure(check, arguments.dyad, arguments.data, scratch)
                verdict = "yes" if met(check, measured) else "**no**"
                failures += verdict != "yes"
            print(f"{check['id']}: {measured} (goal {goal_text(check)}) {verdict}", file=sys.stderr, flush=True)
            command = "<br>".join(f"`{each}`" for each in check["commands"]).replace("|", "\\|")
            lines.append(f"| {check['what']} | {check['source']} | {goal_text(check)} | {measured} | {verdict} | {command} |")
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
