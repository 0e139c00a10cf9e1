# SPDX-License-Identifier: Apache-2.0
"""Markdown tables of what scripts/bench and scripts/profile wrote, and the goals that the figures are held against."""

import json
import pathlib
import re
import shutil
import sys

BEGIN, END = "<!-- bench:{} begin -->", "<!-- bench:{} end -->"


class Results:
    """The JSON files of a folder, read when they are asked for."""

    def __init__(self, folder):
        self.folder, self.files = pathlib.Path(folder), {}

    def __call__(self, name):
        """None if there is no such file."""
        if name not in self.files:
            path = self.folder / f"{name}.json"
            self.files[name] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        return self.files[name]

    def row(self, name, config, dtype, out_dtype, m, n, k):
        wanted = {"config": config, "dtype": dtype, "out_dtype": out_dtype, "m": m, "n": n, "k": k}
        return next(
            (row for row in (self(name) or {}).get("rows", []) if all(row[key] == value for key, value in wanted.items())), None
        )

    def resnet50(self):
        """Rows and totals; those that were all run on the RTL where there are any and they are of the same program."""
        usual, confirmed = self("resnet50"), self("resnet50_rtl")
        cycles = {(total["config"], total["dtype"]): total["cycles"] for total in (usual or {}).get("totals", [])}
        if not confirmed or any(cycles.get((total["config"], total["dtype"])) != total["cycles"] for total in confirmed["totals"]):
            return usual
        done = {(total["config"], total["dtype"]) for total in confirmed["totals"]}
        return {
            key: confirmed[key] + [item for item in (usual or {}).get(key, []) if (item["config"], item["dtype"]) not in done]
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
            f"{name}, median (bound: {100 * item['bound']['median']:.1f} %)", 100 * item["efficiency"]["median"], 95, "{:.1f} %"
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
    return table(["cycles", *(f"{row['config']}, {types(row)}" for row in rows)], lines)


def redmule(results):
    return table(
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
            for row in results("square")["redmule"]
        ],
    )


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


def random(results):
    found = results("random")
    lines = []
    for item in found["sets"]:
        for key, words in (("efficiency", "**measured**"), ("bound", "bound"), ("bound_with_floor", "bound, begin and end")):
            lines.append(
                [
                    item["config"] if key == "efficiency" else "",
                    types(item) if key == "efficiency" else "",
                    words,
                    *(percent(item[key][name]) for name in ("worst", "quarter", "median", "three_quarters")),
                    str(item[key]["below"]),
                ]
            )
    return f"Seed {found['seed']}, {len(found['shapes'])} shapes:\n\n" + table(
        ["array", "types", "roofline efficiency", "worst", "quartile", "median", "quartile", "below 80 %"], lines
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
        f"{shape}, {found['cpu']}, one core:\n\n"
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
    "random": (("random",), random),
    "speed": (("simulation",), speed),
    "profile": (("profile",), profile),
}


def replace(text, name, contents):
    begin, end = BEGIN.format(name), END.format(name)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the document has not one block {name}")
    return re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n\n{contents}\n\n{end}", text, flags=re.DOTALL)


def update(folder, docs):
    """Writes every block whose figures are in the folder into docs/performance.md, and the plot into docs/images. Exit status."""
    results, document = Results(folder), pathlib.Path(docs) / "performance.md"
    text = document.read_text(encoding="utf-8")
    for name, (files, make) in BLOCKS.items():
        missing = [file for file in files if results(file) is None]
        quick = [file for file in files if not missing and results(file).get("quick")]
        if missing or quick:
            why = "not measured" if missing else "measured with --quick"
            print(f"bench: block {name} left as it is: {', '.join(missing or quick)} {why}", file=sys.stderr)
            continue
        text = replace(text, name, make(results))
    document.write_text(text, encoding="utf-8")
    plot = results.folder / "roofline.svg"
    if plot.exists():
        shutil.copyfile(plot, pathlib.Path(docs) / "images" / "roofline.svg")
    return 0
