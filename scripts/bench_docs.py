# SPDX-License-Identifier: Apache-2.0
"""Markdown tables of what scripts/bench and scripts/profile wrote, and the goals that the figures are held against."""

import json
import pathlib
import re
import shutil

from bench_parts import DEFAULT_SEED
from gemm_runs import RunError

# Of the roofline, for random shapes.
MEDIAN_GOAL = 0.95
BEGIN, END = "<!-- bench:{} begin -->", "<!-- bench:{} end -->"


class Results:
    """The JSON files of a folder, read when they are asked for; or those of a run alone: {name: contents}."""

    def __init__(self, folder=None, run=None):
        self.folder, self.files = folder and pathlib.Path(folder), dict(run or {})

    def __call__(self, name):
        """None if there is no such file. RunError if it cannot be read."""
        if name not in self.files:
            self.files[name] = self.read(self.folder / f"{name}.json") if self.folder else None
        return self.files[name]

    @staticmethod
    def read(path):
        try:
            contents = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunError(f"{path}: cannot be read: {error}") from error
        if not isinstance(contents, dict):
            raise RunError(f"{path}: not what the bench writes")
        return contents

    def row(self, name, config, dtype, out_dtype, m, n, k):
        wanted = {"config": config, "dtype": dtype, "out_dtype": out_dtype, "m": m, "n": n, "k": k}
        return next(
            (row for row in (self(name) or {}).get("rows", []) if all(row[key] == value for key, value in wanted.items())), None
        )

    def resnet50(self):
        """Rows and totals; those that were all run on the RTL where there are any and they are of the same program."""
        usual, confirmed = self("resnet50"), self("resnet50_rtl")
        if usual is None:
            return confirmed
        cycles = {(total["config"], total["dtype"]): total["cycles"] for total in usual["totals"]}
        if not confirmed or any(cycles.get((total["config"], total["dtype"])) != total["cycles"] for total in confirmed["totals"]):
            return usual
        done = {(total["config"], total["dtype"]) for total in confirmed["totals"]}
        return {
            key: confirmed[key] + [item for item in usual[key] if (item["config"], item["dtype"]) not in done]
            for key in ("rows", "totals")
        }


# --- goals -----------------------------------------------------------------------------------------------------------------


def goals(results):
    """(what, measured, goal, whether it is reached) of everything that has been measured."""
    found = []

    def at_least(what, value, goal, form="{:.2f} %"):
        if value is not None:
            found.append((what, form.format(value), "≥ " + form.format(goal), value >= goal))

    def at_most(what, value, goal, form="{:,}"):
        if value is not None:
            found.append((what, form.format(value), "≤ " + form.format(goal), value <= goal))

    def share(row, key="utilisation"):
        return None if row is None else 100 * row[key]

    for dtype, out, size, goal in (
        ("int8", "int8", 512, 98.5),
        ("int8", "int8", 1024, 99.5),
        ("fp16", "fp16", 512, 99.3),
        ("int8", "int32", 512, 98),
    ):
        at_least(f"16x16, {dtype} → {out}, {size}³", share(results.row("square", "16x16", dtype, out, size, size, size)), goal)
    for size, goal in ((64, 90), (96, 96)):
        at_least(f"8x8, fp16 → fp16, {size}³", share(results.row("square", "8x8", "fp16", "fp16", size, size, size)), goal)
    for dtype in ("int8", "fp16"):
        at_least(
            f"16x16, {dtype} → {dtype}, 1×4096×4096, of the memory's roofline",
            share(results.row("other", "16x16", dtype, dtype, 1, 4096, 4096), "efficiency"),
            97,
        )
    for total in (results.resnet50() or {}).get("totals", []):
        if total["config"] == "16x16" and total["rows"] == 54:
            at_most(
                f"16x16, {total['dtype']} → {total['out_dtype']}, ResNet-50, 54 layers, cycles",
                total["cycles"],
                14_400_000 if total["dtype"] == "fp16" else 7_300_000,
            )
    for item in (results("random") or {}).get("sets", []):
        name = f"{item['config']}, {item['dtype']} → {item['out_dtype']}, 200 random shapes"
        at_least(
            f"{name}, median (bound: {100 * item['bound']['median']:.1f} %)",
            100 * item["efficiency"]["median"],
            100 * MEDIAN_GOAL,
            "{:.1f} %",
        )
        at_least(f"{name}, worst (bound: {100 * item['bound']['worst']:.1f} %)", 100 * item["efficiency"]["worst"], 80, "{:.1f} %")
    simulation = results("simulation")
    if simulation and not simulation["quick"]:
        for row in simulation["rows"]:
            name = f"{row['config']}, {row['dtype']} → {row['out_dtype']}, 512³"
            if row["config"] == "16x16" and row["out_dtype"] == row["dtype"]:
                at_least(
                    f"simulation of {name}, kcycle/s", row["cycles_per_s"] / 1e3, 300 if row["dtype"] == "int8" else 60, "{:.0f}"
                )
            at_least(f"timing model, {name}, times the RTL's speed", row["ratio"], 200, "{:.0f}")
        at_most(
            "timing model, all of ResNet-50, int8 and fp16, s",
            sum(row["process_s"] for row in simulation["resnet50"]),
            10,
            "{:.1f}",
        )
    return found


# --- tables ----------------------------------------------------------------------------------------------------------------


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *("| " + " | ".join(row) + " |" for row in rows)])


def percent(value):
    return f"{100 * value:.1f} %"


def types(row):
    return f"{row['dtype']} → {row['out_dtype']}"


def starred(row, words):
    """Marks what the timing model alone says."""
    return words + ("" if row["source"] == "rtl" else " \\*")


def square(results):
    rows = results("square")["rows"]
    sets = list(dict.fromkeys((row["config"], types(row)) for row in rows))
    lines = []
    for size in sorted({row["m"] for row in rows}):
        cells = {(row["config"], types(row)): row for row in rows if row["m"] == size}
        lines.append(
            [f"{size}³"] + [starred(cells[key], f"{cells[key]['cycles']:,}: {percent(cells[key]['efficiency'])}") for key in sets]
        )
    return table(["cycles: of the roofline", *(f"{config}, {kind}" for config, kind in sets)], lines)


def floor(results):
    rows = results("square")["floor"]
    steps = (
        "doorbell to the first LOAD",
        "LOADs, to the first row into the array",
        "MATMUL, to the STORE",
        "STORE, to the interrupt",
    )
    lines = [[words, *(str(row["steps"][i]) for row in rows)] for i, words in enumerate(steps)]
    lines.append(["**together**", *(f"**{row['cycles']}**" for row in rows)])
    text = table(["cycles", *(f"{row['config']}, {types(row)}" for row in rows)], lines)
    # What that is of a product's time.
    least = next(row for row in rows if row["config"] == "16x16" and row["dtype"] == "fp16")
    shares = [
        f"{percent(least['cycles'] / row['cycles'])} of the cycles of {size}³"
        for size in (16, 64, 512)
        if (row := results.row("square", "16x16", "fp16", "fp16", size, size, size))
    ]
    return f"{text}\n\nOn 16x16 in fp16 that is {', '.join(shares)}."


def redmule(results):
    rows, ahead = results("square")["redmule"], {True: [], False: []}
    for row in rows:
        ours, theirs = row["one_cycle_memory"]["utilisation"], row["redmule_utilisation"]
        high, low = percent(max(ours, theirs)), percent(min(ours, theirs))
        ahead[ours > theirs].append(f"{row['m']}³ ({high} against {low})")
    sides = {False: "RedMulE", True: "this machine"}
    words = [f"{who} is ahead at {', '.join(ahead[key])}" for key, who in sides.items() if ahead[key]]
    verdict = f"With a memory of one cycle on both sides, {', '.join(words)}."
    text = table(
        [
            "8x8, fp16 → fp16",
            "cycles",
            "utilisation",
            "the same with a memory of one cycle",
            "RedMulE, memory of one cycle (not run here)",
        ],
        [
            [
                f"{row['m']}³",
                f"{row['cycles']:,}",
                percent(row["utilisation"]),
                percent(row["one_cycle_memory"]["utilisation"]),
                percent(row["redmule_utilisation"]),
            ]
            for row in rows
        ],
    )
    return f"{text}\n\n{verdict}"


def resnet50(results):
    found, lines, seen = results.resnet50(), [], {}
    for row in found["rows"]:
        if row["config"] == "16x16":
            seen.setdefault((row["m"], row["n"], row["k"]), {}).setdefault(row["dtype"], []).append(row)
    for (m, n, k), kinds in seen.items():
        f, i = kinds["fp16"], kinds["int8"]
        lines.append(
            [
                str(len(f)),
                f"{m}×{n}×{k}",
                starred(f[0], f"{f[0]['cycles']:,}"),
                percent(f[0]["efficiency"]),
                percent(f[0]["bound"]),
                f"{f[0]['scalesim_cycles']:,}",
                starred(i[0], f"{i[0]['cycles']:,}"),
                percent(i[0]["efficiency"]),
                percent(i[0]["bound"]),
            ]
        )
    sums = {total["dtype"]: total for total in found["totals"] if total["config"] == "16x16"}
    f, i = sums["fp16"], sums["int8"]
    lines.append(
        [
            f"**{f['rows']}**",
            "**all**",
            f"**{f['cycles']:,}**",
            percent(f["efficiency"]),
            percent(f["bound"]),
            f"**{f['scalesim_cycles']:,}**",
            f"**{i['cycles']:,}**",
            percent(i["efficiency"]),
            percent(i["bound"]),
        ]
    )
    return table(
        ["layers", "M×N×K", "fp16: cycles", "roofline", "bound", "SCALE-Sim: cycles", "int8: cycles", "roofline", "bound"], lines
    )


def totals(results):
    lines = []
    for name, label in (("resnet50", "ResNet-50"), ("bert", "BERT-base, one layer, 128 tokens"), ("mlperf_tiny", "")):
        found = results.resnet50() if name == "resnet50" else results(name)
        for row in found["totals"]:
            lines.append(
                [
                    label or f"MLPerf Tiny, {row['name'].replace('_', ' ')}",
                    row["config"],
                    types(row),
                    f"{row['cycles']:,}",
                    percent(row["utilisation"]),
                    percent(row["efficiency"]),
                    percent(row["bound"]),
                    f"{row['rtl_rows']} of {row['rows']}",
                ]
            )
    return table(
        ["workload", "array", "types", "cycles", "utilisation", "roofline", "bound", "products on the RTL"],
        sorted(lines, key=lambda line: line[0]),
    )


def other(results):
    return table(
        ["array", "types", "M×N×K", "cycles", "utilisation", "roofline", "bound"],
        [
            [
                row["config"],
                types(row),
                f"{row['m']}×{row['n']}×{row['k']}",
                starred(row, f"{row['cycles']:,}"),
                percent(row["utilisation"]),
                percent(row["efficiency"]),
                percent(row["bound"]),
            ]
            for row in results("other")["rows"]
        ],
    )


def wide(results):
    row = results("other")["wide"]
    m, n, k = row["m"], row["n"], row["k"]
    return (
        f"```sh\nbuild/bin/systole plan --config {row['config']} --dtype {row['dtype']} --out-dtype {row['out_dtype']} "
        f"-m {m} -n {n} -k {k} --mem-bytes-per-cycle {row['memory_bytes_per_cycle']}\n```\n\n"
        f"{types(row)}, {m}×{n}×{k}, {row['memory_bytes_per_cycle']} bytes a cycle: "
        f"{starred(row, format(row['cycles'], ','))} cycles, {percent(row['utilisation'])} of the peak."
    )


BOUNDS = {"bound": "bound", "bound_with_store": "bound, epilogue", "bound_with_floor": "bound, epilogue, begin and end"}


def verdict(sets):
    """Which bound, if any, lies below the goal for the median, for the sets that miss it."""
    missed = {}
    for item in sets:
        if item["efficiency"]["median"] < MEDIAN_GOAL:
            first = next((key for key in BOUNDS if item[key]["median"] < MEDIAN_GOAL), None)
            missed.setdefault(first, []).append(f"{item['config']} {types(item)}")
    lines = [f"The median misses {100 * MEDIAN_GOAL:.0f} %"] if missed else []
    for key in (None, *BOUNDS):
        if key in missed:
            why = "although no bound's median lies below it"
            if key:
                why = f"where the median of *{BOUNDS[key]}* lies below it already"
            lines.append(f"- {why}: {', '.join(missed[key])}")
    return "\n".join([lines[0] + ":", "", *lines[1:]]) if lines else "Every median reaches its goal."


def random(results):
    found = results("random")
    lines = []
    for item in found["sets"]:
        for key, words in {"efficiency": "**measured**", **BOUNDS}.items():
            lines.append(
                [
                    item["config"] if key == "efficiency" else "",
                    types(item) if key == "efficiency" else "",
                    words,
                    *(percent(item[key][name]) for name in ("worst", "quarter", "median", "three_quarters")),
                    str(item[key]["below"]),
                ]
            )
    head = ["array", "types", "roofline efficiency", "worst", "quartile", "median", "quartile", "below 80 %"]
    return f"Seed {found['seed']}, {len(found['shapes'])} shapes:\n\n{table(head, lines)}\n\n{verdict(found['sets'])}"


def idle(results):
    sets = results("random")["sets"]
    causes = list(sets[0]["shares"])
    return table(
        ["array", "types", *causes],
        [[item["config"], types(item), *(percent(item["shares"][cause]) for cause in causes)] for item in sets],
    )


def speed(results):
    found = results("simulation")
    lines = [
        [
            row["config"],
            types(row),
            f"{row['cycles']:,}",
            f"{row['cycles_per_s'] / 1e3:.0f} kcycle/s",
            f"{row['model_cycles_per_s'] / 1e6:.0f} Mcycle/s",
            f"{row['ratio']:.0f}",
        ]
        for row in found["rows"]
    ]
    shape = "×".join(str(found["rows"][0][key]) for key in "mnk")
    resnet = "; ".join(f"{types(row)}: {row['process_s']:.2f} s for {row['cycles']:,} cycles" for row in found["resnet50"])
    return (
        f"{shape}, {found['cpu']}, one core, the fastest of {found['runs']} runs:\n\n"
        + table(["array", "types", "cycles", "RTL, platform, checkers", "timing model", "ratio"], lines)
        + f"\n\nAll {found['resnet50'][0]['layers']} layers of ResNet-50 by driver and timing model, 16x16: {resnet}."
    )


def profile(results):
    rows = results("profile")["rows"]
    parts = list(dict.fromkeys(part for row in rows for part in row["shares"]))
    parts.sort(key=lambda part: -max(row["shares"].get(part, 0) for row in rows))
    lines = [[part, *(percent(row["shares"].get(part, 0)) for row in rows)] for part in parts]
    lines.append(["**Verilated RTL, together**", *(f"**{percent(row['rtl'])}**" for row in rows)])
    return table(["share of the time", *(f"{row['config']}, {types(row)}, {row['m']}³" for row in rows)], lines)


def reached(results):
    return table(
        ["what", "measured", "goal", ""],
        [[what, measured, goal, "" if good else "missed"] for what, measured, goal, good in goals(results)],
    )


# Block of the document: the files that it needs, what makes it.
BLOCKS = {
    "goals": ((), reached),
    "square": (("square",), square),
    "floor": (("square",), floor),
    "redmule": (("square",), redmule),
    "resnet50": (("resnet50",), resnet50),
    "totals": (("resnet50", "bert", "mlperf_tiny"), totals),
    "other": (("other",), other),
    "wide": (("other",), wide),
    "random": (("random",), random),
    "idle": (("random",), idle),
    "speed": (("simulation",), speed),
    "profile": (("profile",), profile),
}


def replace(text, name, contents):
    begin, end = BEGIN.format(name), END.format(name)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise RunError(f"the document has not one block {name}")
    return re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n\n{contents}\n\n{end}", text, flags=re.DOTALL)


# The parts of scripts/bench whose files have other names.
PART_OF = {"simulation": "speed"}
# What scripts/bench does not write: without it the document's block stays.
OPTIONAL = ("profile",)


def refusal(results):
    """Why the folder is no source for the document: words, or "" if it is one."""
    needed = [file for file in dict.fromkeys(file for files, _ in BLOCKS.values() for file in files) if file not in OPTIONAL]
    missing = [PART_OF.get(file, file) for file in needed if results(file) is None]
    quick = [PART_OF.get(file, file) for file in needed if results(file) is not None and results(file).get("quick") is not False]
    why = []
    if missing:
        why.append(f"not measured: {', '.join(missing)}")
    if quick:
        why.append(f"measured with --quick: {', '.join(quick)}")
    if results("random") is not None and results("random").get("seed") != DEFAULT_SEED:
        why.append(f"random: not of seed {DEFAULT_SEED}")
    if not (results.folder / "roofline.svg").is_file():
        why.append("no roofline.svg, which a run of all parts writes")
    return "; ".join(why)


def update(folder, docs):
    """Writes every block of docs/performance.md, and the plot into docs/images: all of them or, with RunError, nothing. Only what
    OPTIONAL names may be missing from the folder. Exit status."""
    results, document = Results(folder), pathlib.Path(docs) / "performance.md"
    if not results.folder.is_dir():
        raise RunError(f"{folder}: no such folder; the documents stay as they are")
    if why := refusal(results):
        raise RunError(f"{folder}: {why}; the documents stay as they are")
    text = document.read_text(encoding="utf-8")
    for name, (files, make) in BLOCKS.items():
        if any(results(file) is None for file in files):
            continue
        try:
            contents = make(results)
        except (KeyError, IndexError, TypeError, StopIteration, ValueError) as error:
            raise RunError(
                f"{folder}: block {name} cannot be made of {', '.join(files) or 'these'}.json, which another version wrote "
                f"({type(error).__name__}: {error}); the documents stay as they are"
            ) from error
        text = replace(text, name, contents)
    document.write_text(text, encoding="utf-8")
    shutil.copyfile(results.folder / "roofline.svg", pathlib.Path(docs) / "images" / "roofline.svg")
    return 0
