#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Planted faults: proves that the tests of the machine can fail.

    plant.py list                      the names of the faults, with x_init ones marked
    plant.py table                     the faults as rows of docs/verification_plan.md
    plant.py apply NAME RTL OUT        copies folder RTL to OUT with the fault NAME planted ("control": unchanged)
    plant.py expect NAME PROGRAM       runs the fault's test on PROGRAM: exit 0 only if it is caught as faults.toml says

A text that is not found exactly once is an error: sources move on, and a fault that no longer applies must not pass as caught.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

TABLE = pathlib.Path(__file__).resolve().parent / "faults.toml"
KEYS = {"name", "what", "edits", "test", "args", "status", "shows", "x_init"}
# Wall time that a run may take; simulated time is bounded by the platform's own hang limit.
TIMEOUT_S = 240


class FaultError(Exception):
    """The fault, or its outcome, is not as described."""


def faults():
    table = tomllib.loads(TABLE.read_text())["fault"]
    for fault in table:
        unknown = set(fault) - KEYS
        if unknown:
            raise FaultError(f"{TABLE.name}: {fault.get('name')}: unknown keys {sorted(unknown)}")
    return {fault["name"]: fault for fault in table}


def find(name):
    # The control is the same machinery without a fault: its test must pass.
    control = {"name": "control", "what": "nothing", "edits": [], "test": "gemm_uint8_asymmetric", "status": 0, "shows": "PASS"}
    known = {"control": control, **faults()}
    if name not in known:
        raise FaultError(f"no fault named {name} (known: {', '.join(known)})")
    return known[name]


def apply(name, source, target):
    fault = find(name)
    texts = {path.relative_to(source): path.read_text() for path in sorted(source.rglob("*.sv"))}
    for edit in fault["edits"]:
        path = pathlib.Path(edit["file"])
        count = texts.get(path, "").count(edit["find"])
        if count != 1:
            raise FaultError(f"{name}: the text to replace is found {count} times in {path}; bring tests/faults/faults.toml up to "
                             f"date: {edit['find']}")
        texts[path] = texts[path].replace(edit["find"], edit["put"])
    for path, text in texts.items():
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists() or copy.read_text() != text:
            copy.write_text(text)


def expect(name, program):
    with tempfile.TemporaryDirectory(prefix="systole-fault-") as folder:
        expect_in(pathlib.Path(folder), name, program)


def expect_in(folder, name, program):
    fault = find(name)
    report = folder / "result.json"
    report.write_text('{"pass": true, "stale": true}')  # of an earlier run: it must not outlive this one
    command = [program, "sim", fault["test"], "--config", "4x4-int8", *fault.get("args", []), "--json", str(report)]
    print(f"{name}: {fault['what']}\n$ {' '.join(command)}", flush=True)
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S, check=False,
                              errors="replace")
    except subprocess.TimeoutExpired as error:
        raise FaultError(f"{name}: no result within {TIMEOUT_S} s") from error
    print(done.stdout)
    if done.returncode != fault["status"]:
        raise FaultError(f"{name}: {'NOT CAUGHT' if done.returncode == 0 else 'wrong outcome'}: exit status {done.returncode}, "
                         f"expected {fault['status']}")
    if not re.search(fault["shows"], done.stdout):
        raise FaultError(f"{name}: caught, but the diagnosis does not say /{fault['shows']}/")
    result = json.loads(report.read_text())
    if "stale" in result or result["pass"] is not (fault["status"] == 0):
        raise FaultError(f"{name}: exit status {done.returncode}, but the JSON report says {result}")
    if fault["status"] == 3 and "hang" not in result.get("error", ""):
        raise FaultError(f"{name}: hangs, but the JSON report does not say so: {result}")
    print(f"{name}: {'passed' if fault['status'] == 0 else 'caught'} by {fault['test']}")


def main(arguments):
    match arguments:
        case ["list"]:
            for name, fault in faults().items():
                print(name + (":x_init" if fault.get("x_init") else ""))
        case ["table"]:
            for name, fault in faults().items():
                places = ", ".join(dict.fromkeys("rtl/" + edit["file"] for edit in fault["edits"]))
                print(f"| {name}: {fault['what']} | {places} | {' '.join([fault['test'], *fault.get('args', [])])} |")
        case ["apply", name, source, target]:
            apply(name, pathlib.Path(source), pathlib.Path(target))
        case ["expect", name, program]:
            expect(name, program)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except FaultError as error:
        print(f"plant: {error}", file=sys.stderr)
        sys.exit(1)
