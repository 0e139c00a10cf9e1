#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the tool says of planted faults: the diagnosis leads to the faulty block, and the waves that it leaves hold the cycle.

    planted_test.py PROGRAM VIEW_CHECK PLANTS.TOML NAME     PROGRAM is systole-planted
    planted_test.py PROGRAM VIEW_CHECK PLANTS.TOML none     asleep, no fault is seen; an unknown name is refused
    planted_test.py PROGRAM VIEW_CHECK PLANTS.TOML draw     draws the picture of a hang in docs/debugging.md anew
"""
import csv
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree

# Of each fault: the tests to run, the port at which data first go wrong, what the report must say and what it must not.
EXPECTED = {
    "array_element": [
        ("gemm_uint8_asymmetric", "accumulator", [r"element     \[2\]\[1\]", r"actual .*, bit 5$"], []),
        ("gemm_fp16_special", "accumulator", [r"element     \[2\]\[1\]"], []),
        ("gemm_mixed", "accumulator", [r"element     \[2\]\[1\]"], []),
    ],
    "dma_rotator": [
        ("gemm_float_stress", "load", [r"DMA read", r"bit 3 of byte 5 of the written chunk"], [r"right  "]),
        ("gemm_uint8_asymmetric", "load", [r"DMA read", r"bit 3 of byte 5 of the written chunk"], [r"right  "]),
    ],
    "token": [
        ("gemm_uint8_asymmetric", "token",
         [r"stopped     error 9 TOKEN", r"too early   #\d+ took ACT_FULL in cycle .*, but #\d+, which gives it, (ended in cycle|had not ended|never began)",
          r"look at     control, tokens"], [r"element"]),
    ],
    "epilogue": [("requant_fixed", "result", [r"all in lane 1, bit 6", r"C\[\d+\]\[\d+\] of product 0", r"right  .*accumulator writes"], [r"element"])],
    "write_rotator": [
        ("gemm_int8_stress", "memory", [r"DMA write", r"STORE", r"bit 2 of byte 1 of the beat"], [r"element"]),
        ("gemm_int8_ragged", "memory", [r"DMA write", r"STORE"], [r"element"]),
        ("gemm_mixed", "memory", [r"DMA write", r"STORE"], [r"element"]),
    ],
    "seed": [("gemm_uint8_asymmetric", "accumulator", [r"element     none", r"wrong  .*, all in column 2,"], [r"element     \["])],
    "accumulator_read": [("gemm_uint8_asymmetric", "read", [r"first wrong .* column 3 in cycle", r"actual .*, bit 4$"], [r"element"])],
    "early_token": [(test, "accumulator", [r"too early   #\d+ gave \w+_FULL in cycle .*, but ended in cycle", r"look at     load engine"], [r"element"])
                    for test in ("gemm_uint8_asymmetric", "gemm_float_stress", "gemm_int8_stress", "requant_float")],
}
# What all the wrong values of C have in common, as the summary says.
IN_COMMON = {"array_element": {"gemm_uint8_asymmetric": r"column 1 of the array, only bit 5"},
             "epilogue": {"requant_fixed": r"lane 1 of the epilogue, only bit 6"},
             "seed": {"gemm_uint8_asymmetric": r"column 2 of the array"},
             "accumulator_read": {"gemm_uint8_asymmetric": r"column 3 of the array"}}
# Of each fault that ends in a hang: the test to run, what the report must say and what it must not.
HANGS = {
    "deadlock": ("requant_fixed",
                 [r"^  compute +#\d+ MATMUL .* waits for token ACC_FREE \(0 there; #\d+ STORE gives it, which ended at .*: the token was LOST\)$",
                  r"^    ACC_FREE: the RTL holds 0", r"^  dispatch #\d+ .* waits for a place in (load|compute|store)'s queue",
                  r"^    queues: load \d of 4, compute \d of 4, store \d of 4;", r"^  bus      0 read bursts and 0 write bursts outstanding$"],
                 [r"they agree", r"^    (read|write) ID"]),
    "r_stall": ("gemm_int8",
                [r"^  load +#40 LOAD .* began at .*: does not take the data that R offers .*: the burst at (0x[0-9a-f]+), [1-9]\d* of 12 beats",
                 r"^  bus      [1-9]\d* read bursts and 0 write bursts outstanding$", r"^    read ID 0 at (0x[0-9a-f]+): [1-9]\d* of 12 beats",
                 r"^    pins: .* R valid, not ready"], [r"LOST", r"^    write ID"]),
    "b_stall": ("gemm_int8",
                [r"^  store +#\d+ STORE .* began at .*: does not take the response that B offers .*: the burst at (0x[0-9a-f]+), 20 of 20 beats",
                 r"^  load .* behind #\d+ in dispatch, which waits for the oldest of 32 dispatched commands to end$",
                 r"^  bus      0 read bursts and [1-9]\d* write bursts outstanding$", r"^    write ID 0 at (0x[0-9a-f]+): 20 of 20 beats",
                 r"^    pins: .* B valid, not ready$"], [r"LOST", r"^    read ID"]),
}
PORTS = {"row": {"array_element": 2}, "column": {"array_element": 1, "seed": 2, "accumulator_read": 3}}
IMAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "images" / "timeline_deadlock.svg"
IMAGE_TOP = "<!-- SPDX-License-Identifier: Apache-2.0; made by tests/planted/planted_test.py draw -->\n"
# Which trace of the view's first group shows what is wrong, by port.
SHOWN = {"load": r"data byte \d+", "accumulator": r"acc \d+ sum", "read": r"read data, lane \d+", "result": r"result, lane \d+",
         "memory": r"wdata_o byte \d+"}
LARGEST_WAVES = 1_000_000  # bytes


def run(program, plant, test, folder, *more):
    env = {**os.environ, "SYSTOLE_PLANT": plant}
    return subprocess.run([program, "sim", test, "--json", folder / "result.json", *more], env=env, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=240)


def fst_range(path):
    """First and last cycle of an FST file: its header block has them behind its type and length."""
    kind, _, start, end = struct.unpack(">BQQQ", path.read_bytes()[:25])
    assert kind == 0, f"{path} does not begin with a header"
    return start, end


def bits_of(text):
    """The bits in "-51 (0xcd)"."""
    return int(re.fullmatch(r"\S+ \(0x([0-9a-f]+)\)", text)[1], 16)


def first_group(view):
    """The comments of the group behind the clock, which is open, and the labels of its traces."""
    text = view.read_text()
    found = re.search(r"clk_i\n@800200\n-first wrong\n(.*?)@1000200\n-first wrong\n", text, re.DOTALL)
    assert found and text.count("clk_i\n@") == 1, f"{view} does not begin with the group"
    group = found[1]
    return re.findall(r"^@200\n-(.*)$", group, re.MULTILINE), re.findall(r"^[+#]\{([^}]*)\}", group, re.MULTILINE)


def shown_at(view_check, view, cycle):
    """What the first group's traces show in a cycle, by the FST file: (text, bits) by label."""
    done = subprocess.run([view_check, view, "--at", str(cycle)], text=True, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return {label: (text, int(digits, 16)) for label, text, digits in lines}


def expect_group(view_check, view, plant, found, said):
    """The view shows the finding first, in words and in traces that hold it."""
    comments, labels = first_group(view)
    print(*comments, *labels, sep="\n  ")
    assert comments[0] == found["place"], comments
    assert re.fullmatch(rf"#{found['command']} [A-Z ]+", comments[1]) and comments[2] == f"marker C: cycle {found['cycle']}", comments
    shown = shown_at(view_check, view, found["cycle"])
    assert list(shown) == labels, (shown, labels)
    expected, actual = (next(line.partition(" ")[2] for line in comments if line.startswith(word)) for word in ("expected ", "actual "))
    if found["port"] == "token":
        assert expected.startswith("ACT_FULL from #1") and actual == f"ACT_FULL taken in cycle {found['cycle']}", comments
        assert shown["compute takes"][0] == shown["tokens there"][0] == "ACT_FULL", shown
        return
    bits = re.search(r"expected (.*)  actual (\S+ \(\w+\)), (bits? .*)", said)
    assert bits.groups() == (expected, actual, next(line[7:] for line in comments if line.startswith("wrong: "))), comments
    if plant == "early_token":
        token, cycle = re.search(r"^(\w+) given in cycle (\d+), marker D$", "\n".join(comments), re.MULTILINE).groups()
        assert token in shown_at(view_check, view, cycle)["load gives"][0].split(), f"load does not give {token} in cycle {cycle}"
    label = next(label for label in labels if re.fullmatch(SHOWN[found["port"]], label))
    assert shown[label][1] == bits_of(actual) != bits_of(expected), f"{label} shows {shown[label]}, not {actual}"
    if found["port"] == "accumulator":
        assert label == f"acc {found['column']} sum" and shown[f"acc {found['column']} written"][1] == 1, shown
        rows = [f"row {row} sum {way}, column {found['column']}" for row in range(4) for way in ("in", "out")]
        assert [label for label in labels if label.startswith("row ")] == rows, labels
    if plant == "array_element":
        cycle = int(re.search(r"element \[2\]\[1\], marker D: cycle (\d+)", "\n".join(comments))[1])
        assert re.search(rf"^\*(\S+ ){{5}}{VIEW_UNITS * cycle} ", view.read_text(), re.MULTILINE), f"no marker on {cycle}"
        right, wrong = (next(line[len(word):] for line in comments if line.startswith(word)) for word in ("its sum expected ", "its sum actual "))
        shown = shown_at(view_check, view, cycle)
        leaves, enters = (shown[f"row {row}, column 1"][1] for row in ("2 sum out", "3 sum in"))
        assert (leaves, enters) == (bits_of(right), bits_of(wrong)) and enters ^ leaves == 1 << 5, f"{leaves:#x} {enters:#x} in cycle {cycle}"


def expect(program, view_check, plant, where):
    for test, port, shows, lacks in EXPECTED[plant]:
        with tempfile.TemporaryDirectory(prefix="systole-planted-") as name:
            folder = pathlib.Path(name)
            done = run(program, plant, test, folder, "--trace", folder / "trace.csv")
            print(done.stdout, done.stderr)
            assert done.returncode == 1, f"{plant}: exit status {done.returncode}"
            said = done.stdout[done.stdout.index("where it went wrong"):]
            for pattern in [*shows, re.escape(where)]:
                assert re.search(pattern, said, re.MULTILINE), f"{plant}, {test}: the report does not say /{pattern}/"
            common = IN_COMMON.get(plant, {}).get(test, "")
            assert re.search(common, done.stdout[:done.stdout.index("where it went wrong")]), f"{plant}, {test}: the summary does not say /{common}/"
            for pattern in lacks:
                assert not re.search(pattern, said), f"{plant}, {test}: the report says /{pattern}/"
            found = json.loads((folder / "result.json").read_text())["first_wrong"]
            assert found["port"] == port, f"{plant}, {test}: port {found['port']}"
            for key, values in PORTS.items():
                if plant in values:
                    assert found[key] == values[plant], f"{plant}, {test}: {key} {found[key]}"
            command, cycle = found["command"], found["cycle"]
            if port in ("token", "error"):
                stopped(folder)
            else:
                lines = (folder / "trace.csv").read_text().splitlines()[1:]
                engine = {"load": "load", "accumulator": "compute"}.get(port, "store")
                assert any(line.split(",")[1] == str(command) and line.split(",")[3] == engine for line in lines), f"{plant}: #{command}"
            waves = folder / "mismatch.fst"
            assert found["waves"] == str(waves), found["waves"]
            assert f"planted fault {plant}:" in done.stdout
            assert done.stdout.rstrip().splitlines()[-1].startswith(f"  again with   SYSTOLE_PLANT={plant} systole-planted sim {test} ")
            assert waves.stat().st_size < LARGEST_WAVES, f"{waves.stat().st_size} bytes of waves"
            start, end = fst_range(waves)
            units = UNITS * found["cycle"]
            assert start <= units <= end, f"{plant}, {test}: the waves hold {start} to {end}, not {units}"
            view = waves.with_suffix(".gtkw").read_text()
            marker = VIEW_UNITS * found["cycle"]
            assert re.search(rf"^\*-?[0-9.]+ {marker}\b", view, re.MULTILINE), f"{plant}, {test}: the view has no marker on {marker}"
            expect_group(view_check, waves.with_suffix(".gtkw"), plant, found, said)


def stopped(folder):
    """A machine that has stopped with an error completed no product: there are no figures of one."""
    report = json.loads((folder / "result.json").read_text())
    for case in report.get("cases", []) + [report]:
        if not case["pass"]:
            assert "cases" in report or case["cycles"] > 0, case
            assert all(case[key] is None for key in ("mismatches", "utilisation", "counters", "read_bytes", "write_bursts")), case


UNITS, VIEW_UNITS = 10, 1000  # of the waves' time and of the view's a cycle


def asleep(program):
    with tempfile.TemporaryDirectory(prefix="systole-planted-") as name:
        folder = pathlib.Path(name)
        done = run(program, "", "gemm_mixed", folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads((folder / "result.json").read_text())["first_wrong"] is None
        done = run(program, "epilogue", "gemm_mixed", folder, "--engine", "model")
        assert done.returncode == 2 and "SYSTOLE_PLANT" in done.stderr, done.stderr
        done = run(program, "nonsense", "gemm_mixed", folder)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and "nonsense" in done.stderr, done.stderr
        # A diagnosis can be told not to be made.
        done = run(program, "epilogue", "requant_fixed", folder, "--no-diagnosis")
        assert done.returncode == 1 and "where it went wrong" not in done.stdout and not (folder / "mismatch.fst").exists()
        # Nothing is written where nothing was named; files of others stay.
        env = {**os.environ, "SYSTOLE_PLANT": "epilogue"}
        (folder / "mismatch.names").mkdir()
        (folder / "mismatch.names" / "mine").write_text("mine")
        done = subprocess.run([program, "sim", "requant_fixed"], env=env, cwd=folder, text=True, check=False, capture_output=True)
        assert done.returncode == 1 and "--mismatch-waves" in done.stdout and not (folder / "mismatch.fst").exists(), done.stdout
        done = run(program, "epilogue", "requant_fixed", folder)
        assert done.returncode == 1 and (folder / "mismatch.fst").exists() and (folder / "mismatch.names" / "mine").exists()
        # The user's own waves show the finding, too, if they hold its cycle.
        cycle = json.loads((folder / "result.json").read_text())["first_wrong"]["cycle"]
        for window, holds in ((f"{cycle}:{cycle}", True), (f"{cycle + 1}:{cycle + 9}", False)):
            done = run(program, "epilogue", "requant_fixed", folder, "--waves", folder / "own.fst", "--waves-window", window)
            view = (folder / "own.gtkw").read_text()
            assert done.returncode == 1 and ("-first wrong" in view, f" {VIEW_UNITS * cycle} " in view) == (holds, holds), window
        for file in folder.glob("own.*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        # The user's own product: the waves lie beside C, which is not written.
        (folder / "own").mkdir()
        env = {**os.environ, "SYSTOLE_PLANT": "array_element"}
        operands = pathlib.Path(__file__).parent.parent / "sim"
        done = subprocess.run([program, "gemm", "--a", operands / "a.npy", "--b", operands / "b.npy", "--out", folder / "own" / "c.npy"], env=env,
                              text=True, check=False, capture_output=True)
        assert done.returncode == 1 and (folder / "own" / "mismatch.fst").exists() and not (folder / "own" / "c.npy").exists(), done.stdout
        assert re.search(r"^    element     \[2\]\[1\]", done.stdout, re.MULTILINE), done.stdout
        assert "again with   SYSTOLE_PLANT=array_element systole-planted gemm --a " in done.stdout, done.stdout
        for options in (["--mismatch-waves", folder / "m.fst", "--no-diagnosis"], ["--timeline", folder / "t.svg"], ["--mismatch-waves", folder],
                        ["--waves", folder / "w.fst", "--waves-scope", "systole.nonsense"], ["--waves-scope", "systole"],
                        ["--waves", folder / "w.fst", "--waves-window", "9:3"]):
            done = run(program, "", "requant_fixed", folder, *options)
            assert done.returncode == 2 and done.stderr.count("\n") == 1, (options, done.returncode, done.stderr)
        assert not (folder / "w.fst").exists()


def hang(program, plant, where):
    test, shows, lacks = HANGS[plant]
    with tempfile.TemporaryDirectory(prefix="systole-planted-") as name:
        folder = pathlib.Path(name)
        done = run(program, plant, test, folder, "--hang-limit", "5000", "--trace", folder / "trace.csv", "--timeline",
                   folder / "timeline.json")
        print(done.stderr)
        assert done.returncode == 3, f"exit status {done.returncode}"
        lines = done.stderr.splitlines()
        assert len(lines) <= 45, "the report is longer than a screen"
        assert max(len(line) for line in lines if str(folder) not in line) <= 132, "a line of the report is too long"
        said = re.sub(r"\n {11}", " ", done.stderr)  # lines as they were before they were wrapped
        for pattern in shows:
            assert re.search(pattern, said, re.MULTILINE), f"the report does not say /{pattern}/"
        for pattern in lacks:
            assert not re.search(pattern, said, re.MULTILINE), f"the report says /{pattern}/"
        if plant != "deadlock":  # a lost token leads to its two engines, a handshake to its source
            assert where in said, f"the report does not name {where}"
        # The oldest burst is the one that the engine's line names.
        bursts = {re.search(pattern, said, re.MULTILINE)[1] for pattern in shows if "0x" in pattern}
        assert len(bursts) == (plant != "deadlock"), f"the engine waits for another burst than the bus: {bursts}"
        since, now = (int(text.replace(",", "")) for text in re.search(r"since cycle ([\d,]+) .*now it is ([\d,]+)", said).groups())
        assert 5000 <= now - since <= 5000 + 4 * 40 + 1000, f"ended {now - since} cycles after the last move"
        hang_timeline(folder, said)
        # Waves around the last move were left, and the report says so.
        waves = folder / "hang.fst"
        assert f"  waves    {waves}, view {folder / 'hang.gtkw'}:" in said, "the report does not say where the waves are"
        start, end = fst_range(waves)
        assert start <= UNITS * since <= end < UNITS * now, f"the waves hold {start} to {end}, the last move is at {UNITS * since}"
        assert waves.stat().st_size < LARGEST_WAVES, f"{waves.stat().st_size} bytes of waves"
        marked(waves.with_suffix(".gtkw"), since)
        assert json.loads((folder / "result.json").read_text())["error"] in done.stderr
        # A run that writes waves by itself has the mark there, if they hold it, and no others are left; nor without a diagnosis.
        waves.unlink()
        done = run(program, plant, test, folder, "--hang-limit", "5000", "--waves", folder / "own.fst")
        assert done.returncode == 3 and f"  waves    {folder / 'own.fst'}, view" in done.stderr, done.stderr
        marked(folder / "own.gtkw", since)
        assert not waves.exists()
        done = run(program, plant, test, folder, "--hang-limit", "5000", "--no-diagnosis")
        assert done.returncode == 3 and "  waves" not in done.stderr and not waves.exists(), done.stderr


def hang_timeline(folder, said):
    """What was done until then is not lost: the trace has the commands that ended, the timeline also those under way."""
    with (folder / "trace.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["begin"]]
    ended = {row["index"]: (int(row["begin"]), int(row["end"])) for row in rows if row["end"]}
    open_ = {row["index"] for row in rows if not row["end"]}
    moved = int(re.search(r"\(([\d,]+) of the job\)", said)[1].replace(",", ""))
    assert len(ended) > 10 and max(end for _, end in ended.values()) <= moved, (len(ended), moved)
    events = json.loads((folder / "timeline.json").read_text())["traceEvents"]
    slices = {str(event["args"]["index"]): event for event in events if event["ph"] == "X"}
    assert {key: (event["ts"], event["ts"] + event["dur"]) for key, event in slices.items() if "unfinished" not in event["args"]} == ended
    assert {key for key, event in slices.items() if "unfinished" in event["args"]} == open_
    # The long wait at the end does not push the rest together.
    last = max(event["ts"] + event.get("dur", 0) for event in events)
    assert moved <= last <= moved * 5 / 4 + 100, (moved, last)
    assert "ended early" in xml.etree.ElementTree.parse(folder / "timeline.svg").getroot().findtext(".//{http://www.w3.org/2000/svg}text")


def hang_picture(program):
    with tempfile.TemporaryDirectory(prefix="systole-planted-") as name:
        folder = pathlib.Path(name)
        assert run(program, "deadlock", "gemm_int8", folder, "--timeline", folder / "timeline.json").returncode == 3
        return IMAGE_TOP + (folder / "timeline.svg").read_text()


def marked(view, cycle):
    """The primary marker and marker C, which is named, stand on the cycle."""
    text, marker = view.read_text(), VIEW_UNITS * cycle
    assert re.search(rf"^\*-?[0-9.]+ {marker} \d+ -?\d+ {marker} ", text, re.MULTILINE), f"{view.name} has no markers on {marker}"
    assert "\n[markername] Chang\n" in text, f"{view.name}: marker C has no name"


def main(program, view_check, table, plant):
    plants = {entry["name"]: entry for entry in tomllib.loads(pathlib.Path(table).read_text())["plant"]}
    missing = set(plants) - set(EXPECTED) - set(HANGS)
    assert not missing, f"plants that no test expects: {missing}"
    if plant == "none":
        asleep(program)
    elif plant == "draw":
        IMAGE.write_text(hang_picture(program))
    elif plant in HANGS:
        hang(program, plant, plants[plant]["where"])
        if plant == "deadlock":
            assert IMAGE.read_text() == hang_picture(program), f"{IMAGE} is stale: planted_test.py PROGRAM VIEW_CHECK PLANTS.TOML draw"
    else:
        expect(program, view_check, plant, plants[plant]["where"])


if __name__ == "__main__":
    main(*sys.argv[1:])
