# SPDX-License-Identifier: Apache-2.0
"""NumPy's .npy files with the standard library alone, written from the format's description and not from the tool's source."""
import struct

CODES = {"|i1": "b", "|u1": "B", "<u2": "H", "<i4": "i", "<i2": "h", "<i8": "q", "<f2": "e", "<f4": "f", "<f8": "d"}


def header(descr, shape, fortran=False):
    dims = "".join(f"{extent}, " for extent in shape).rstrip(" ") if len(shape) == 1 else ", ".join(map(str, shape))
    return f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({dims}), }}"


def pack(text, data, version=1):
    """A file of this header text and these bytes, padded as numpy pads."""
    prefix = 10 if version == 1 else 12
    text = text + " " * (-(prefix + len(text) + 1) % 64) + "\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text.encode("latin1") + data


def encode(descr, shape, values, version=1, fortran=False):
    values = list(values)
    data = struct.pack(f"<{len(values)}{CODES[descr]}", *values)
    return pack(header(descr, shape, fortran), data, version)


def write(path, descr, shape, values, version=1):
    with open(path, "wb") as file:
        file.write(encode(descr, shape, values, version))


def read(path):
    """(descr, shape, values) of a version 1 file in C order."""
    with open(path, "rb") as file:
        data = file.read()
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    (length,) = struct.unpack("<H", data[8:10])
    assert (10 + length) % 64 == 0
    text = data[10 : 10 + length].decode("latin1")
    assert text.endswith("\n")
    fields = eval(text, {"__builtins__": {}})  # a literal that the tool under test wrote
    assert fields["fortran_order"] is False
    count = 1
    for extent in fields["shape"]:
        count *= extent
    code = CODES[fields["descr"]]
    values = struct.unpack(f"<{count}{code}", data[10 + length :])
    return fields["descr"], fields["shape"], list(values)
