#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Planted faults: proves that the tests of the machine can fail.

    plant.py list                      name:config of each program, with :x_init where it applies
    plant.py table                     the faults as rows of docs/verification_plan.md
    plant.py apply NAME RTL OUT        copies folder RTL to OUT with the fault NAME planted (a control: unchanged)
    plant.py expect NAME PROGRAM       runs the fault's test on PROGRAM: exit 0 only if it is caught as faults.toml says

control-CONFIG is the same machinery without a fault: every test that catches a fault of that configuration must pass there.
A text that is not found exactly once is an error: sources move on, and a fault that no longer applies must not pass as caught.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

DEFAULT_CONFIG = "4x4-int8"
BENCHES = ("epilogue", "link", "uart", "axi_mux", "axi_mem", "system_parity", "sweep")  # of a block or a further machine
TABLE = pathlib.Path(__file__).resolve().parent / "faults.toml"
KEYS = {"name", "what", "edits", "config", "test", "gtest", "args", "status", "shows", "lacks", "passes", "x_init"}
CONTROL = "control-"
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
        fault.setdefault("config", DEFAULT_CONFIG)
        if ("gtest" in fault) != (fault["config"] in BENCHES) or ("test" in fault) == ("gtest" in fault):
            raise FaultError(f"{TABLE.name}: {fault.get('name')}: either test, or gtest with config {', '.join(BENCHES)}")
    return {fault["name"]: fault for fault in table}


def programs():
    """Faults by name, the controls first: one a configuration. A bench is its own control: it is one of the tests."""
    known = {}
    for fault in faults().values():
        if "gtest" in fault or fault.get("x_init"):
            continue
        name = CONTROL + fault["config"]
        known.setdefault(name, {"name": name, "what": "nothing", "edits": [], "config": fault["config"], "status": 0, "shows": "PASS",
                                "runs": []})
        run = {key: fault[key] for key in ("test", "args") if key in fault}
        if run not in known[name]["runs"]:
            known[name]["runs"].append(run)
    return {**known, **faults()}


def find(name):
    known = programs()
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
    fault = find(name)
    for run in fault.get("runs", [fault]):
        with tempfile.TemporaryDirectory(prefix="systole-fault-") as folder:
            expect_run(pathlib.Path(folder), fault, run, program)
    if "passes" in fault:
        with tempfile.TemporaryDirectory(prefix="systole-fault-") as folder:
            passing = {**fault, "status": 0, "shows": "PASS", "lacks": "FAIL"}
            expect_run(pathlib.Path(folder), passing, {"test": fault["passes"]}, program)


def expect_run(folder, fault, run, program):
    name, report = fault["name"], folder / "result.json"
    if "gtest" in run:
        caught_by = run["gtest"]
        command = [program, f"--gtest_filter={run['gtest']}", *run.get("args", [])]
    else:
        caught_by = run["test"]
        report.write_text('{"pass": true, "stale": true}')  # of an earlier run: it must not outlive this one
        command = [program, "sim", run["test"], "--config", fault["config"], *run.get("args", []), "--json", str(report)]
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
    said = re.sub(r"\n {11}", " ", done.stdout)  # a hang report's lines in one piece
    if not re.search(fault["shows"], said):
        raise FaultError(f"{name}: caught, but the diagnosis does not say /{fault['shows']}/")
    if "lacks" in fault and re.search(fault["lacks"], said):
        raise FaultError(f"{name}: caught, but the output says /{fault['lacks']}/, too")
    if "gtest" not in run:
        result = json.loads(report.read_text())
        if "stale" in result or result["pass"] is not (fault["status"] == 0):
            raise FaultError(f"{name}: exit status {done.returncode}, but the JSON report says {result}")
        if fault["status"] == 3 and "hang" not in result.get("error", ""):
            raise FaultError(f"{name}: hangs, but the JSON report does not say so: {result}")
    print(f"{name}: {'passed' if fault['status'] == 0 else 'caught'} by {caught_by}", flush=True)


def main(arguments):
    match arguments:
        case ["list"]:
            for name, fault in programs().items():
                print(":".join([name, fault["config"], *(["x_init"] if fault.get("x_init") else [])]))
        case ["table"]:
            for name, fault in faults().items():
                places = ", ".join(dict.fromkeys("rtl/" + edit["file"] for edit in fault["edits"]))
                test = fault.get("gtest") or " ".join([fault["test"], *fault.get("args", [])])
                print(f"| {name}: {fault['what']} | {places} | {fault['config']} | {test} |")
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
