# SPDX-License-Identifier: Apache-2.0
"""The parts of scripts/bench: which products each runs, what it prints, what it writes. docs/performance.md defines the figures."""

import concurrent.futures
import csv
import json
import math
import pathlib
import random
import statistics
import sys
import time

import gemm_runs
from configurations import configurations
from gemm_runs import ROOT, RunError
from roofline import Product

WORKLOADS = ROOT / "scripts" / "workloads"
ARRAYS = ("16x16", "8x8")
INT8, INT32, FP16 = ("int8", "int8"), ("int8", "int32"), ("fp16", "fp16")
SIZES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
# Square, ragged, thin, matrix times vector, of more types; docs/driver.md has a table of some.
OTHERS = [
    (
        "16x16-int8",
        INT32,
        [
            (64, 64, 64),
            (128, 128, 128),
            (256, 256, 256),
            (512, 512, 512),
            (1024, 1024, 1024),
            (512, 512, 64),
            (128, 768, 768),
            (197, 211, 223),
            (1, 4096, 4096),
            (4096, 1, 4096),
        ],
    ),
    ("16x16", INT8, [(1, 4096, 4096), (197, 211, 223)]),
    ("16x16", FP16, [(1, 4096, 4096), (197, 211, 223)]),
    ("16x16", ("fp16", "fp32"), [(512, 512, 512)]),
    ("16x16", ("bf16", "bf16"), [(512, 512, 512)]),
]
# Up to how many cycles, by the model, a product is also run on the RTL.
RTL_CYCLES = {
    "square": 4_300_000,
    "resnet50": 1_000_000,
    "bert": 1_300_000,
    "mlperf_tiny": 1_000_000,
    "other": 2_200_000,
    "random": 60_000,
}
QUICK_CYCLES = 5_000
RANDOM_SHAPES, QUICK_SHAPES, RANDOM_RTL = 200, 40, 12
LOW, HIGH = 16, 2048
DEFAULT_SEED = 1
WORST = 0.80
# The lines of a set of random shapes: key in a row, words.
LINES = {
    "efficiency": "measured",
    "bound": "bound",
    "bound_with_store": "bound, epilogue",
    "bound_with_floor": "bound, epi., begin, end",
}
# A 32x32 array has a bus of 32 bytes; what a memory as wide as that makes of a product.
WIDE, WIDE_BYTES = ("32x32", *FP16, 512, 512, 512), 32
# The product whose speed is quoted; three runs, the fastest counts (the others shared the machine).
SPEED_SHAPE = (512, 512, 512)
SPEEDS = [
    ("16x16", *FP16),
    ("16x16", *INT32),
    ("16x16", *INT8),
    ("16x16-int8", *INT32),
    ("8x8", *FP16),
    ("8x8-int8", *INT32),
    ("32x32-int8", *INT32),
]
FIGURES = f"{'cycles':>9} {'ideal':>9} {'used':>7} {'roofline':>8} {'bound':>7} by   "
CAUSES = ("command", "weights", "activations", "hazard", "store", "drain", "idle")
# RedMulE, FP16: product and utilisation with a memory that answers in one cycle, as this project was given them. Not run here.
REDMULE = {(64, 64, 64): 0.874, (96, 96, 96): 0.994}


def csv_rows(name):
    with (WORKLOADS / name).open(encoding="ascii", newline="") as file:
        return [{key: int(value) if value.isdigit() else value for key, value in row.items()} for row in csv.DictReader(file)]


def shape_of(row):
    return row["m"], row["n"], row["k"]


def total(name, rows, **more):
    """The sum of rows, each `count` times."""
    sums = {key: sum(row[key] * row.get("count", 1) for row in rows) for key in ("cycles", "macs", "ideal_cycles", "bound_cycles")}
    first, where = rows[0], {row["source"] for row in rows}
    return {
        "name": name,
        "config": first["config"],
        "dtype": first["dtype"],
        "out_dtype": first["out_dtype"],
        **sums,
        "utilisation": sums["macs"] / first["peak"] / sums["cycles"],
        "efficiency": sums["ideal_cycles"] / sums["cycles"],
        "bound": sums["ideal_cycles"] / sums["bound_cycles"],
        "rtl_rows": sum(row["source"] == "rtl" for row in rows),
        "rows": len(rows),
        "source": where.pop() if len(where) == 1 else "both",
        **more,
    }


def heading(extra=""):
    print(f"{'config':10} {'types':13} {'m':>5} {'n':>5} {'k':>5} {FIGURES} {extra}cycles without compute, by cause")


def machine(row):
    return f"{row['config']:10} {row['dtype'] + ' -> ' + row['out_dtype']:13}"


def figures(row):
    """As FIGURES says."""
    return (
        f"{row['cycles']:9} {row['ideal_cycles']:9.0f} {100 * row['utilisation']:5.1f} % {100 * row['efficiency']:6.1f} % "
        f"{100 * row['bound']:5.1f} % {row['source']:5}"
    )


def show(row, extra=""):
    causes = ", ".join(f"{cause} {row['counters'][cause]}" for cause in CAUSES if row["counters"].get(cause))
    print(f"{machine(row)} {row['m']:5} {row['n']:5} {row['k']:5} {figures(row)} {extra}{causes}", flush=True)


def show_total(row, extra=""):
    print(f"{machine(row)} {'total: ' + row['name']:17} {figures(row)} {extra}", flush=True)


class Bench:
    """Runs products, by the timing model and on the RTL, and keeps what the plot will show."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        # What was written, by the name of its file; random shapes always as "random".
        self.plotted, self.seen, self.written = [], {}, {}

    def progress(self, words):
        print(f"bench: {words}", file=sys.stderr, flush=True)

    def forecast(self, products):
        """The model's answers for products, a process for each configuration and pair of types."""
        wanted = {}
        for product in products:
            wanted.setdefault((product.config, product.dtype, product.out_dtype), {})[product.m, product.n, product.k] = None
        found = {}
        for (config, dtype, out), shapes in wanted.items():
            answers, _ = gemm_runs.forecast(self.folder / "forecast", config, dtype, out, list(shapes))
            for shape, answer in zip(shapes, answers):
                found[Product(config, dtype, out, *shape)] = answer
        return found

    def simulate(self, name, product, seed, memory):
        folder = self.folder / name
        result = gemm_runs.gemm(
            folder,
            product.m,
            product.n,
            product.k,
            product.config,
            *memory,
            dtype=product.dtype,
            out_dtype=product.out_dtype,
            seed=seed,
        )
        for file in folder.iterdir():
            file.unlink()
        if result["model_cycles"] != result["cycles"]:
            raise RunError(
                f"{product}: {result['cycles']} cycles on the RTL, {result['model_cycles']} by the model in the same run"
            )
        return result

    def on_rtl(self, name, runs, memory=()):
        """{key: (product, seed)} on the RTL, several at a time."""
        results, said = {}, time.monotonic()
        # The longest first, so that none is left alone at the end.
        order = sorted(runs, key=lambda key: -runs[key][0].ideal_cycles)
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            futures = {pool.submit(self.simulate, f"{name}-{i}", *runs[key], memory): key for i, key in enumerate(order)}
            try:
                for future in concurrent.futures.as_completed(futures):
                    results[futures[future]] = future.result()
                    if time.monotonic() - said > 5:
                        said = time.monotonic()
                        self.progress(f"{name}: {len(results)} of {len(runs)} products simulated")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return results

    def measure(self, name, products, rtl=None):
        """A row a product. rtl: which ones also run on the RTL; default: all of up to RTL_CYCLES[name] cycles."""
        model = self.forecast(products)
        limit = QUICK_CYCLES if self.options.quick else RTL_CYCLES[name]
        if rtl is None:
            rtl = {product for product in model if model[product]["cycles"] <= limit}
        new = {product: (product, 1) for product in rtl if product not in self.seen}
        self.seen.update(self.on_rtl(name, new))
        rows = []
        for product in products:
            measured, forecast = self.seen.get(product), model[product]
            if measured and measured["cycles"] != forecast["cycles"]:
                raise RunError(f"{product}: {measured['cycles']} cycles on the RTL, {forecast['cycles']} by systole plan")
            result = measured or forecast
            rows.append(
                {
                    **product.row(result["cycles"]),
                    "source": "rtl" if measured else "model",
                    **{key: result.get(key) for key in ("counters", "read_bytes", "write_bytes")},
                }
            )
        return rows

    def plot(self, group, rows, label=""):
        for row in rows:
            if row["config"] in ARRAYS and (row["dtype"], row["out_dtype"]) in (INT8, FP16):
                self.plotted.append({**row, "group": group, "label": row.get("layer") and str(row["layer"]) or label})

    def write(self, name, contents):
        """NAME.json; the settings that all figures hold for stand first."""
        head = {"memory": {"latency": 40, "bytes_per_cycle": 16, "outstanding": 16}, "quick": self.options.quick}
        text = json.dumps({**head, **contents}, indent=1) + "\n"
        (self.options.out / f"{name}.json").write_text(text, encoding="utf-8")
        self.written["random" if name.startswith("random") else name] = json.loads(text)

    # --- parts ---------------------------------------------------------------------------------------------------------------

    def square(self):
        """Square products, and what a comparable engine makes of two of them."""
        sizes = SIZES[:5:2] if self.options.quick else SIZES
        rows = self.measure(
            "square",
            [Product(config, *types, size, size, size) for config in ARRAYS for types in (INT8, INT32, FP16) for size in sizes],
        )
        heading()
        for row in rows:
            show(row)
        self.plot("square products", rows)
        # RedMulE's figures are of a memory that answers in one cycle.
        near = [Product("8x8", *FP16, *shape) for shape in REDMULE if not self.options.quick or shape[0] == 64]
        one_cycle = self.on_rtl("one-cycle", {product: (product, 1) for product in near}, ("--mem-latency", 1))
        quoted = self.measure("square", near, near)
        print("\n8x8, FP16, beside RedMulE (its figures are not run here, the size of its array is not recorded)")
        compared = []
        for row, product in zip(quoted, near):
            shape = product.m, product.n, product.k
            used = one_cycle[product]["utilisation"]
            print(
                f"{product.m}x{product.n}x{product.k}: {100 * row['utilisation']:.1f} % with the quoted memory, {100 * used:.1f} % "
                f"with a latency of one cycle; RedMulE, one cycle: {100 * REDMULE[shape]:.1f} %",
                flush=True,
            )
            compared.append(
                {
                    **row,
                    "one_cycle_memory": {"cycles": one_cycle[product]["cycles"], "utilisation": used},
                    "redmule_utilisation": REDMULE[shape],
                }
            )
        self.write("square", {"rows": rows, "redmule": compared, "floor": self.floor()})

    def floor(self):
        """The least product, command by command: what latency and the array's depth cost any product."""
        print(
            "\n1x1x1: cycles from doorbell to the first LOAD, to the first row of the MATMUL, to the STORE, to the interrupt"
        )
        rows = []
        for config in ARRAYS:
            for dtype, out in (FP16, INT8):
                folder = self.folder / "floor"
                trace = folder / "trace.csv"
                result = gemm_runs.gemm(folder, 1, 1, 1, config, "--trace", trace, dtype=dtype, out_dtype=out)
                with trace.open(encoding="ascii", newline="") as file:
                    begins = {}
                    for command in csv.DictReader(file):
                        begins.setdefault(command["command"], int(command["begin"]))
                stops = [0, begins["LOAD"], begins["MATMUL"], begins["STORE"], result["cycles"]]
                rows.append(
                    {
                        "config": config,
                        "dtype": dtype,
                        "out_dtype": out,
                        "cycles": result["cycles"],
                        "steps": [b - a for a, b in zip(stops, stops[1:])],
                    }
                )
                print(f"{machine(rows[-1])} {' + '.join(str(step) for step in rows[-1]['steps'])} = {result['cycles']}", flush=True)
        return rows

    def resnet50(self, all_on_rtl=False):
        layers = csv_rows("resnet50_scalesim.csv")
        layers = layers[-4:] if self.options.quick else layers
        arrays = ARRAYS[:1] if all_on_rtl else ARRAYS
        rows, totals = [], []
        for config in arrays:
            for types in (FP16, INT8):
                products = [Product(config, *types, *shape_of(layer)) for layer in layers]
                mine = self.measure("resnet50", products, set() if all_on_rtl else None)
                if all_on_rtl:
                    self.confirm(products, mine)
                for layer, row in zip(layers, mine):
                    row["layer"] = layer["layer"]
                    # An array of as many elements that do one MAC each.
                    if config == "16x16" and types == FP16:
                        row["scalesim_cycles"] = layer["scalesim_ws_16x16_cycles"]
                rows += mine
                known = {"scalesim_cycles": sum(row["scalesim_cycles"] for row in mine)} if "scalesim_cycles" in mine[0] else {}
                totals.append(total(f"{len(mine)} layers", mine, **known))
                heading(f"{'layer':7} {'SCALE-Sim':>9}  ")
                for row in mine:
                    show(row, f"{row['layer']:7} {row.get('scalesim_cycles', ''):>9}  ")
                show_total(totals[-1], f"{'':7} {totals[-1].get('scalesim_cycles', ''):>9}")
        self.plot("ResNet-50", rows)
        self.write("resnet50_rtl" if all_on_rtl else "resnet50", {"rows": rows, "totals": totals})

    def confirm(self, products, rows):
        """Each layer on the RTL, the numbers of repeated layers different."""
        runs = {i: (product, i + 1) for i, product in enumerate(products)}
        for i, result in self.on_rtl("resnet50", runs).items():
            if result["cycles"] != rows[i]["cycles"]:
                raise RunError(f"layer {i + 1}, {products[i]}: {result['cycles']} cycles on the RTL, {rows[i]['cycles']} by plan")
            rows[i].update({"source": "rtl", **{key: result[key] for key in ("counters", "read_bytes", "write_bytes")}})

    def workload(self, name, group, layers, describe):
        rows, totals = [], []
        models = list(dict.fromkeys(layer["model"] for layer in layers))
        for config in ARRAYS:
            for types in (FP16, INT8):
                mine = self.measure(name, [Product(config, *types, *shape_of(layer)) for layer in layers])
                heading(f"{'layer':32}  ")
                for layer, row in zip(layers, mine):
                    row.update({key: layer[key] for key in ("model", "layer", "operator", "count") if key in layer})
                    show(row, f"{describe(row):32}  ")
                rows += mine
                for model in models:
                    totals.append(total(model, [row for row in mine if row["model"] == model]))
                    show_total(totals[-1])
        self.plot(group, rows)
        self.write(name, {"rows": rows, "totals": totals})

    def bert(self):
        layers = [{"model": "BERT-base", **layer} for layer in csv_rows("bert_base_layer_s128.csv")]
        self.workload(
            "bert",
            "BERT-base layer",
            layers[1:3] if self.options.quick else layers,
            lambda row: f"{row['layer']}, {row['count']} times",
        )

    def mlperf_tiny(self):
        layers = csv_rows("mlperf_tiny_layers.csv")
        self.workload(
            "mlperf_tiny",
            "MLPerf Tiny",
            layers[:12:3] if self.options.quick else layers,
            lambda row: f"{row['model']} {row['layer']}{', depthwise' if row['operator'].startswith('depth') else ''}",
        )

    def other(self):
        products = [Product(config, *types, *shape) for config, types, shapes in OTHERS for shape in shapes]
        # Each configuration on one shape of its own size: 16 tiles each way.
        for c in configurations():
            products.append(Product(c.name, *INT32, 16 * c.cols, 16 * c.cols, 32 * c.rows))
            if c.fp:
                products.append(Product(c.name, *FP16, 16 * c.cols, 16 * c.cols, 16 * c.rows))
        rows = self.measure("other", products[::7] if self.options.quick else products)
        heading()
        for row in rows:
            show(row)
        self.write("other", {"rows": rows, "wide": self.wide()})

    def wide(self):
        """A product with a memory that is as wide as the bus."""
        product = Product(*WIDE)
        memory = ("--mem-bytes-per-cycle", WIDE_BYTES)
        shape = (product.m, product.n, product.k)
        answers, _ = gemm_runs.forecast(
            self.folder / "forecast", product.config, product.dtype, product.out_dtype, [shape], *memory
        )
        cycles, source = answers[0]["cycles"], "model"
        if not self.options.quick:
            measured, source = self.on_rtl("wide", {product: (product, 1)}, memory)[product]["cycles"], "rtl"
            if measured != cycles:
                raise RunError(f"{product}, {WIDE_BYTES} bytes a cycle: {measured} cycles on the RTL, {cycles} by systole plan")
        row = {
            **dict(zip(("config", "dtype", "out_dtype", "m", "n", "k"), WIDE)),
            "memory_bytes_per_cycle": WIDE_BYTES,
            "cycles": cycles,
            "utilisation": product.macs / product.peak / cycles,
            "source": source,
        }
        print(
            f"\n{WIDE_BYTES} bytes a cycle: {machine(row)} {product.m}x{product.n}x{product.k}: {cycles} cycles, "
            f"{100 * row['utilisation']:.1f} % ({source})"
        )
        return row

    def random(self):
        """Log-uniform shapes, the same for each configuration and pair of types."""
        seed = self.options.seed
        source = random.Random(f"systole {seed}")
        shapes = [
            tuple(round(math.exp(source.uniform(math.log(LOW), math.log(HIGH)))) for _ in range(3))
            for _ in range(QUICK_SHAPES if self.options.quick else RANDOM_SHAPES)
        ]
        sets, rows = [], []
        for config in ARRAYS:
            for types in (INT8, INT32, FP16):
                products = [Product(config, *types, *shape) for shape in shapes]
                model = self.forecast(products)
                limit = QUICK_CYCLES if self.options.quick else RTL_CYCLES["random"]
                small = [product for product in dict.fromkeys(products) if model[product]["cycles"] <= limit]
                sample = source.sample(small, min(len(small), 1 if self.options.quick else RANDOM_RTL))
                mine = self.measure("random", products, sample)
                # What any product takes from the doorbell to the first sum and from the last one to the interrupt.
                least = Product(config, *types, 1, 1, 1)
                floor = self.forecast([least])[least]["cycles"]
                for row in mine:
                    row["floor_cycles"] = floor
                    row["bound_with_floor"] = row["ideal_cycles"] / (row["bound_store_cycles"] + floor)
                rows += mine
                sets.append(self.distribution(config, *types, mine))
        print(
            f"{len(shapes)} shapes, M, N and K log-uniform from {LOW} to {HIGH}, seed {seed}: roofline efficiency; its bound by\n"
            "the array's granularity; by that and the epilogue's pace, a group of COLS/2 columns a cycle; the same with the\n"
            "cycles of a 1x1x1 product added, which every product needs to begin and end"
        )
        columns = " ".join(f"{name:>7}" for name in ("worst", "quarter", "median", "3/4", "best"))
        print(f"{'config':10} {'types':13} {'figure':23} {columns} {'below 80 %':>10}")
        for s in sets:
            for key, words in {**LINES, "efficiency": f"measured ({s['rtl_rows']} on the RTL)"}.items():
                values = " ".join(
                    f"{100 * s[key][name]:5.1f} %" for name in ("worst", "quarter", "median", "three_quarters", "best")
                )
                print(f"{machine(s)} {words:23} {values} {s[key]['below']:10}", flush=True)
        print("\nof the cycles, mean of the shapes: the array computes; it does not, by cause")
        print(f"{'config':10} {'types':13} {'compute':>11}" + "".join(f"{cause:>12}" for cause in CAUSES))
        for s in sets:
            print(f"{machine(s)}" + "".join(f"{100 * s['shares'][key]:10.1f} %" for key in ("compute", *CAUSES)), flush=True)
        misses = sorted((row for row in rows if row["efficiency"] < WORST), key=lambda row: row["efficiency"])
        excused, paced, short = (sum(row[key] < WORST for row in misses) for key in list(LINES)[1:])
        print(
            f"\nbelow {100 * WORST:.0f} %: {len(misses)} of {len(rows)}, of which {excused} have a bound below, "
            f"{paced} with the epilogue's pace, {short} with begin and end"
        )
        heading()
        for row in misses:
            show(row)
        self.plot(f"random, seed {seed}", rows)
        # The documents show the default seed; another one does not replace it.
        name = "random" if seed == DEFAULT_SEED else f"random_{seed}"
        self.write(name, {"seed": seed, "low": LOW, "high": HIGH, "shapes": shapes, "sets": sets, "rows": rows})

    @staticmethod
    def distribution(config, dtype, out_dtype, rows):
        def summary(key):
            values = [row[key] for row in rows]
            quarter, median, three_quarters = statistics.quantiles(values, n=4, method="inclusive")
            return {
                "worst": min(values),
                "quarter": quarter,
                "median": median,
                "three_quarters": three_quarters,
                "best": max(values),
                "below": sum(value < WORST for value in values),
            }

        return {
            "config": config,
            "dtype": dtype,
            "out_dtype": out_dtype,
            **{key: summary(key) for key in LINES},
            "shares": {
                key: statistics.fmean(row["counters"][key] / row["cycles"] for row in rows) for key in ("compute", *CAUSES)
            },
            "rtl_rows": sum(row["source"] == "rtl" for row in rows),
        }

    def speed(self):
        """Seconds of this machine: the whole platform, from the driver's first register access to its last one, so without
        making the matrices and without the comparison with the golden model; and the timing model alone."""
        shape, times = ((64, 64, 64), 1) if self.options.quick else (SPEED_SHAPE, 3)
        print(
            f"simulation speed, {shape[0]}x{shape[1]}x{shape[2]}, whole platform with all checkers, one core, no tracing; and "
            f"the timing model alone; the fastest of {times}, without the comparison with the golden model"
        )
        print(
            f"{'config':10} {'types':13} {'cycles':>9} {'seconds':>8} {'kcycle/s':>9} {'MMAC/s':>8} "
            f"{'model ms':>9} {'Mcycle/s':>9} {'ratio':>7}"
        )
        speeds = []
        for config, dtype, out in SPEEDS[:2] if self.options.quick else SPEEDS:
            product = Product(config, dtype, out, *shape)
            result = min((self.simulate("speed", product, 1, ()) for _ in range(times)), key=lambda r: r["wall_s"])
            # Several of them, since one takes milliseconds.
            model_s = min(
                answer["model_s"]
                for _ in range(times)
                for answer in gemm_runs.forecast(self.folder / "forecast", config, dtype, out, [shape] * 8)[0]
            )
            rate, model_rate = result["cycles"] / result["wall_s"], result["cycles"] / model_s
            speeds.append(
                {
                    "config": config,
                    "dtype": dtype,
                    "out_dtype": out,
                    "m": shape[0],
                    "n": shape[1],
                    "k": shape[2],
                    "cycles": result["cycles"],
                    "wall_s": result["wall_s"],
                    "cycles_per_s": rate,
                    "model_wall_s": model_s,
                    "model_cycles_per_s": model_rate,
                    "ratio": model_rate / rate,
                }
            )
            print(
                f"{machine(speeds[-1])} {result['cycles']:9} {result['wall_s']:8.2f} {rate / 1e3:9.0f} "
                f"{product.macs / result['wall_s'] / 1e6:8.0f} {1e3 * model_s:9.2f} {model_rate / 1e6:9.1f} "
                f"{model_rate / rate:7.0f}",
                flush=True,
            )
        shapes = [shape_of(layer) for layer in csv_rows("resnet50_scalesim.csv")]
        resnet = []
        for dtype, out in (FP16, INT8):
            runs = [gemm_runs.forecast(self.folder / "forecast", "16x16", dtype, out, shapes) for _ in range(times)]
            answers, seconds = min(runs, key=lambda run: run[1])
            cycles = sum(answer["cycles"] for answer in answers)
            print(
                f"ResNet-50, {len(shapes)} layers, 16x16, {dtype} -> {out}, driver and timing model: {seconds:.2f} s for {cycles} "
                "cycles",
                flush=True,
            )
            resnet.append(
                {"config": "16x16", "dtype": dtype, "out_dtype": out, "layers": len(shapes), "cycles": cycles, "process_s": seconds}
            )
        self.write("simulation", {"cpu": cpu_name(), "runs": times, "rows": speeds, "resnet50": resnet})


def cpu_name():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


PARTS = ("square", "resnet50", "bert", "mlperf_tiny", "other", "random", "speed")
