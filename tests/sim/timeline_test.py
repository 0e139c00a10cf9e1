#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Timelines as a user gets them: timeline.json is in the Chrome trace-event format, its slices are those of the per-command trace and
its sums the hardware counters; timeline.svg is well formed, self-contained and small; README's picture is not stale.

    timeline_test.py PROGRAM IMAGE.svg FOLDER
    timeline_test.py draw PROGRAM IMAGE.svg     draws the README's picture anew: draw build/bin/systole docs/images/timeline_gemm_int8.svg
"""
import copy
import csv
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

CAUSES = ("compute", "command", "weights", "activations", "hazard", "store", "drain", "idle")
BUS = {"AR": ("AR fetch", "AR load"), "R": ("R",), "AW": ("AW",), "W": ("W",)}
KEYS = {  # by phase: what an event must hold, https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
    "M": {"name", "pid", "tid", "args"},
    "X": {"name", "cat", "pid", "tid", "ts", "dur", "args"},
    "C": {"name", "pid", "ts", "args"},
    "i": {"name", "pid", "tid", "ts", "s"},
}
METADATA = {"process_name", "process_sort_index", "thread_name", "thread_sort_index"}
IMAGE_TOP = "<!-- SPDX-License-Identifier: Apache-2.0; made by tests/sim/timeline_test.py draw -->\n"
SVG_MOST = 200_000  # bytes
WINDOWS_MOST = 2000


class Refused(Exception):
    """The timeline is not what it should be."""


def require(condition, what):
    if not condition:
        raise Refused(what)


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def check_format(trace):
    """The object form of the format: events with the keys of their phase, times in order, tracks without overlaps."""
    require(isinstance(trace, dict) and isinstance(trace.get("traceEvents"), list), "no traceEvents")
    require(trace.get("displayTimeUnit") in ("ms", "ns"), "displayTimeUnit is neither ms nor ns")
    latest, named, used = {}, set(), set()
    for event in trace["traceEvents"]:
        phase = event.get("ph")
        require(phase in KEYS, f"phase of {event}")
        require(KEYS[phase] <= event.keys(), f"{KEYS[phase] - event.keys()} missing in {event}")
        require(isinstance(event["name"], str) and event["name"], f"name of {event}")
        require(all(number(event[key]) and event[key] >= 0 for key in ("pid", "tid", "ts", "dur") if key in event), f"numbers of {event}")
        if phase == "M":
            require(event["name"] in METADATA and len(event["args"]) == 1, f"metadata {event}")
            named.add((event["name"], event["pid"], event["tid"]))
            continue
        track = (phase, event["pid"], event["tid"] if phase == "X" else event["name"])
        require(event["ts"] >= latest.get(track, 0), f"overlaps or goes back in time: {event}")
        latest[track] = event["ts"] + event.get("dur", 0)
        used.add(("process_name", event["pid"], 0))
        if phase in "Xi":
            used.add(("thread_name", event["pid"], event["tid"]))
        if phase == "C":
            require(event["args"] and all(number(value) and value >= 0 for value in event["args"].values()), f"values of {event}")
    require(used <= named, f"unnamed: {used - named}")


def check_slices(trace, commands):
    """A slice a command, with its engine and its times. @param commands  rows of the per-command trace"""
    slices = {}
    for event in trace["traceEvents"]:
        if event["ph"] != "X":
            continue
        key = (event["args"]["product"], event["args"]["index"])
        require(key not in slices, f"two slices of command {key}")
        slices[key] = (event["name"].split()[0], event["cat"], event["ts"], event["ts"] + event["dur"])
    rows = {
        (int(row["product"]), int(row["index"])): (row["command"], row["engine"], int(row["begin"]), int(row["end"])) for row in commands
    }
    require(slices == rows, f"slices differ from the commands: {sorted(slices.items() ^ rows.items())[:4]}")


def check_sums(trace, pid, figures, bus_bytes):
    """The windows' sums are the hardware counters. @param figures  of the product, as in the report"""
    events = [event for event in trace["traceEvents"] if event["pid"] == pid]
    causes = [event for event in events if event["ph"] == "C" and event["name"] == "cycles by cause"]
    require(0 < len(causes) <= WINDOWS_MOST + 1, f"{len(causes)} windows")
    sums = {name: sum(event["args"][name] for event in causes) for name in CAUSES}
    require(sums == figures["counters"], f"causes are {sums}, the counters say {figures['counters']}")
    for now, then in zip(causes, causes[1:]):
        require(sum(now["args"].values()) == then["ts"] - now["ts"], f"not every cycle has a cause in {now}")
    require(causes[-1]["ts"] == figures["cycles"], f"ends at {causes[-1]['ts']}, not at {figures['cycles']}")
    shakes = [event["args"] for event in events if event["ph"] == "C" and event["name"] == "AXI handshakes"]
    sums = {channel: sum(args[name] for args in shakes for name in names) for channel, names in BUS.items()}
    expected = {
        "AR": figures["read_bursts"], "R": figures["read_bytes"] // bus_bytes, "AW": figures["write_bursts"],
        "W": figures["write_bytes"] // bus_bytes
    }
    require(sums == expected, f"handshakes are {sums}, the counters say {expected}")
    require(sum(args["B"] for args in shakes) == figures["write_bursts"], "B differs from AW")
    marks = [(event["name"], event["ts"]) for event in events if event["ph"] == "i"]
    require(marks[0] == ("doorbell", 0) and ("interrupt", figures["cycles"]) in marks, f"doorbell and interrupt: {marks}")


def check_svg(text, config):
    root = xml.etree.ElementTree.fromstring(text)
    require(root.tag == "{http://www.w3.org/2000/svg}svg", root.tag)
    require(len(text) < SVG_MOST, f"{len(text)} bytes")
    require("href" not in text and "url(" not in text and "<image" not in text, "refers to something outside")
    words = " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    for word in ("load", "compute", "store", "AXI read", "AXI write", "where the", "utilisation", config):
        require(word in words, f"does not say '{word}'")


def check(trace, commands, report):
    check_format(trace)
    check_slices(trace, commands)
    cases = report.get("cases", [report])
    processes = sorted({event["pid"] for event in trace["traceEvents"]})
    measured = [figures for figures in cases if figures["counters"] is not None]
    require(len(processes) == len(measured), f"{len(processes)} processes, {len(measured)} measured products")
    for pid, figures in zip(processes, measured):
        check_sums(trace, pid, figures, report["config"]["axi_bits"] // 8)


def try_the_checks(trace, commands, report):
    """Each fault in a timeline is refused."""
    slices = [i for i, event in enumerate(trace["traceEvents"]) if event["ph"] == "X"]
    counters = [i for i, event in enumerate(trace["traceEvents"]) if event["ph"] == "C" and event["name"] == "cycles by cause"]
    beats = [i for i, event in enumerate(trace["traceEvents"]) if event["ph"] == "C" and event["name"] == "AXI handshakes"]

    def event(index, **changes):
        def apply(events):
            events[index].update(changes)
        return apply

    def args(index, name, more):
        def apply(events):
            events[index]["args"][name] += more
        return apply

    middle = slices[len(slices) // 2]
    faults = {
        "a dropped slice": lambda events: events.pop(middle),
        "a doubled slice": lambda events: events.insert(middle, copy.deepcopy(events[middle])),
        "a slice a cycle too long": lambda events: event(middle, dur=events[middle]["dur"] + 1)(events),
        "a slice of the wrong engine": event(middle, cat="?"),
        "a slice without a time": lambda events: events[middle].pop("ts"),
        "a time that is text": event(middle, ts="1"),
        "an unnamed track": event(middle, tid=999),
        "an unknown phase": event(middle, ph="Q"),
        "a lost cycle": args(counters[len(counters) // 2], "compute", -1),
        "a lost beat": args(beats[len(beats) // 2], "R", 1),
        "a window too few": lambda events: events.pop(counters[len(counters) // 2]),
    }
    for name, fault in faults.items():
        broken = copy.deepcopy(trace)
        fault(broken["traceEvents"])
        try:
            check(broken, commands, report)
        except Refused as refused:
            print(f"  {name}: refused, {str(refused)[:100]}")
        else:
            raise AssertionError(f"{name} was not noticed")


def run(program, folder, test, *arguments):
    names = {suffix: folder / f"timeline.{suffix}" for suffix in ("json", "svg", "csv")}
    result = folder / "result.json"
    for path in (*names.values(), result):
        path.unlink(missing_ok=True)
    command = [program, "sim", test, *arguments, "--timeline", names["json"], "--trace", names["csv"], "--json", result]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    trace, report = json.loads(names["json"].read_text()), json.loads(result.read_text())
    with names["csv"].open(newline="") as file:
        commands = list(csv.DictReader(file))
    check(trace, commands, report)
    check_svg(names["svg"].read_text(), report["config"]["name"])
    print(f"{test} {' '.join(arguments)}: {len(commands)} commands, {len(trace['traceEvents'])} events, "
          f"{names['svg'].stat().st_size} bytes of SVG", flush=True)
    return trace, commands, report, names["svg"].read_text()


def main(program, image, folder):
    folder = pathlib.Path(folder)
    *timeline, picture = run(program, folder, "gemm_int8")
    try_the_checks(*timeline)
    if pathlib.Path(image).read_text() != IMAGE_TOP + picture:
        raise AssertionError(f"{image} is stale: tests/sim/timeline_test.py draw build/bin/systole {image}")
    run(program, folder, "gemm_int8_ragged", "--config", "4x4-int8")
    run(program, folder, "gemm_int8_ragged", "--config", "4x4-int8", "--stall-seed", "7")
    run(program, folder, "gemm_int8_long", "--config", "8x8")  # many doorbells
    run(program, folder, "gemm_mixed")  # products in one queue
    run(program, folder, "gemm_int8", "--config", "4x4-int8", "--stall-seed", "3")  # thousands of commands


def draw(program, image):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(image).write_text(IMAGE_TOP + run(program, pathlib.Path(folder), "gemm_int8")[-1])


if __name__ == "__main__":
    draw(*sys.argv[2:]) if sys.argv[1] == "draw" else main(*sys.argv[1:])
