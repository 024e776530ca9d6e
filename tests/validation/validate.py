#!/usr/bin/python3
"""Runs every check of checks.json and writes docs/validation.md: outside numbers, goals, measured values; and the validation tables of
the accelerator families' pages, with the differences of their tiers.

usage: validate.py --build FOLDER --data FOLDER [--only ID,...] [--pages [NAME ...]] [--out FILE] [--documents FOLDER]
A check runs commands of `dyad`, or a test program of the build whose case records a property. --pages measures only what the pages of
families (all, or those named) show. Exit status 1 when a goal is missed. A check whose data or program is absent is listed as not run.
"""
import argparse
import functools
import json
import operator
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
from family_pages import measure_tiers, write_pages  # noqa: E402
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


@functools.lru_cache(maxsize=None)
def run_case(program, case, data, scratch):
    """What a case of a test program recorded; None when it failed."""
    out = pathlib.Path(scratch, "case.json")
    out.unlink(missing_ok=True)
    subprocess.run([program, f"--gtest_filter={case}", f"--gtest_output=json:{out}"], capture_output=True, check=False,
                   env={**os.environ, "DYAD_DATA": str(pathlib.Path(data).resolve())})
    cases = [each for suite in json.loads(out.read_text())["testsuites"] for each in suite["testsuite"]]
    if len(cases) != 1:
        raise RuntimeError(f"{program}: {len(cases)} cases are called {case}")
    return None if "failures" in cases[0] else cases[0]


def program_of(check, build):
    return pathlib.Path(build, "tests", check["program"])


def measure_case(check, build, data, scratch):
    case = run_case(str(program_of(check, build)), check["case"], str(data), scratch)
    if case is None:
        return None
    value = float(case[check["property"]])
    return round(value, check["digits"]) if check.get("digits") else int(value)


def measure(check, build, data, scratch):
    """Runs the check's commands in order; the last one prints the document that holds the value. None: its test failed."""
    if "program" in check:
        return measure_case(check, build, data, scratch)
    program = str(pathlib.Path(build, "tools", "dyad"))
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


def command_text(check):
    if "program" in check:
        return f"`{check['program']} --gtest_filter={check['case']}`: {check['property']}"
    return "<br>".join(f"`{each}`" for each in check["commands"]).replace("|", "\\|")


def missing_part(check, build, data):
    """What the check needs and is not here: data, or a program of an optional part of the build."""
    for need in check.get("needs", []):
        if not (data / need).exists():
            return need
    if "program" in check and not program_of(check, build).exists():
        return check["program"]
    return None


def run_checks(chosen, build, data):
    """(check, goal, measured, verdict) of every check."""
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for check in chosen:
            missing = missing_part(check, build, data)
            if missing:
                measured, verdict = "not run", f"needs {missing}"
            else:
                value = measure(check, build, data, scratch)
                measured = "failed" if value is None else value
                verdict = "yes" if value is not None and met(check, value) else "**no**"
            print(f"{check['id']}: {measured} (goal {goal_text(check)}) {verdict}", file=sys.stderr, flush=True)
            results.append((check, goal_text(check), measured, verdict))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--pages", nargs="*")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--documents", type=pathlib.Path, help="folder of the family pages")
    arguments = parser.parse_args()
    checks = json.loads((HERE / "checks.json").read_text())["checks"]
    chosen = [check for check in checks if not arguments.only or check["id"] in arguments.only.split(",")]
    if arguments.pages is not None:
        chosen = [check for check in chosen if set(check.get("pages", [])) & set(arguments.pages or check.get("pages", []))]
    results = run_checks(chosen, arguments.build, arguments.data)
    if arguments.out:
        lines = ["# Validation", "",
                 "Every outside number that Dyad answers to, measured. Written by `./dev validate` from",
                 "`tests/validation/checks.json`; do not edit. `$DATA` is the folder of the test data, `$TMP` a scratch folder.", "",
                 "| what | source | goal | measured | met | command |", "|---|---|---|---|---|---|"]
        lines += [f"| {check['what']} | {check['source']} | {goal} | {measured} | {verdict} | {command_text(check)} |"
                  for check, goal, measured, verdict in results]
        arguments.out.write_text("\n".join(lines) + "\n")
    if arguments.documents:
        tier_rows = measure_tiers(arguments.build / "tests" / "validation" / "tier_differences", HERE / "results" / "tier_differences.json")
        for page in write_pages(arguments.documents, results, tier_rows, arguments.pages):
            print(f"{page} does not exist: its table was not written", file=sys.stderr)
    return 1 if any(verdict == "**no**" for *_, verdict in results) else 0


if __name__ == "__main__":
    sys.exit(main())
