# SPDX-License-Identifier: Apache-2.0
"""Runs `systole gemm` on random matrices and forecasts products with `systole plan`; shared by the scripts that measure."""
import csv
import json
import pathlib
import random
import struct
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The folder of the programs systole and systole-model.
PROGRAMS = ROOT / "build" / "bin"


class RunError(Exception):
    """The tool failed; the message is its own."""


def write_npy(path, dtype, shape, data):
    """Writes a version 1.0 .npy file in C order. dtype: i1, u1, <i4, <u2, <f2 or <f4."""
    dims = ", ".join(str(extent) for extent in shape) + ("," if len(shape) == 1 else "")
    header = f"{{'descr': '{'|' + dtype if len(dtype) == 2 else dtype}', 'fortran_order': False, 'shape': ({dims}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("ascii") + data)


# Type of the operands: NumPy's code, and for floats the bits that are kept of random ones and those that are set, so that the
# numbers have both signs and magnitudes from about 1/8 to 2.
OPERANDS = {"int8": ("i1", None, None), "fp16": ("<f2", b"\xff\x8f", b"\x00\x30"), "bf16": ("<u2", b"\xff\x81", b"\x00\x3e")}


def random_bytes(source, dtype, count):
    """`count` random elements of OPERANDS."""
    _, keep, put = OPERANDS[dtype]
    if keep is None:
        return source.randbytes(count)
    bits = int.from_bytes(source.randbytes(2 * count), "little")
    bits = bits & int.from_bytes(keep * count, "little") | int.from_bytes(put * count, "little")
    return bits.to_bytes(2 * count, "little")


def call(command, report):
    """Runs a command that writes the JSON file `report`; returns its contents and the process's seconds."""
    command = [str(word) for word in command]
    begin = time.monotonic()
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except OSError as error:
        raise RunError(f"{command[0]}: {error.strerror}; make builds it") from error
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        raise RunError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
    return json.loads(report.read_text()), seconds


def run(folder, config, *options, engine="rtl", tool=None, prefix=()):
    """Multiplies a.npy and b.npy of the folder to c.npy; returns the tool's JSON with `process_s` added. prefix: words before the
    command."""
    output, report = folder / "c.npy", folder / "run.json"
    for stale in (output, report):
        stale.unlink(missing_ok=True)
    command = [*prefix, tool or PROGRAMS / "systole", "gemm", "--a", folder / "a.npy", "--b", folder / "b.npy", "--out", output,
               "--config", config, "--engine", engine, "--json", report, *options]
    result, seconds = call(command, report)
    return {**result, "process_s": seconds}


def gemm(folder, m, n, k, config, *options, dtype="int8", out_dtype=None, seed=1, **how):
    """Multiplies random matrices. dtype: int8, fp16 or bf16; out_dtype: the tool's default, or its name (int8: with one scale);
    how: as run() has it. Leaves a.npy, b.npy, c.npy in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(f"{seed} {m} {n} {k}")
    code = OPERANDS[dtype][0]
    write_npy(folder / "a.npy", code, (m, k), random_bytes(source, dtype, m * k))
    write_npy(folder / "b.npy", code, (k, n), random_bytes(source, dtype, k * n))
    more = ["--dtype", "bf16"] if dtype == "bf16" else []
    if out_dtype is not None:
        more += ["--out-dtype", out_dtype]
    if out_dtype in ("int8", "uint8"):
        # Brings the sums, of standard deviation 2^12.4 * sqrt(k), to about that of the type.
        write_npy(folder / "scale.npy", "<f4", (1,), struct.pack("<f", 64 / (5461 * k**0.5)))
        more += ["--scale", folder / "scale.npy"]
    return run(folder, config, *options, *more, **how)


def forecast(folder, config, dtype, out_dtype, shapes, *options):
    """What the timing model says of the products (m, n, k) as gemm() would run them, without data: a list of dictionaries with
    `cycles`, `counters`, `read_bytes`, `write_bytes`, `driver_s` and `model_s`, in the shapes' order; and the seconds of the whole
    process."""
    folder.mkdir(parents=True, exist_ok=True)
    table, report = folder / "shapes.csv", folder / "plan.json"
    report.unlink(missing_ok=True)
    with table.open("w", encoding="ascii") as file:
        csv.writer(file, lineterminator="\n").writerows([("m", "n", "k"), *shapes])
    result, seconds = call([PROGRAMS / "systole-model", "plan", "--config", config, "--dtype", dtype, "--out-dtype", out_dtype,
                            "--shapes", table, "--json", report, *options], report)
    found = [(product["m"], product["n"], product["k"]) for product in result["products"]]
    if found != [tuple(shape) for shape in shapes]:
        raise RunError(f"systole plan: {len(found)} products, not the {len(shapes)} that were asked for")
    return result["products"], seconds
