#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Generates everything that repeats Systole's registers and command fields from scripts/spec/systole.toml.

    scripts/gen_spec.py            writes the files below
    scripts/gen_spec.py --check    writes nothing; exits 1 and names the files that are stale

Outputs: rtl/common/systole_pkg.sv, rtl/control/systole_regs.sv, firmware/include/systole_regs.h and
docs/commands_and_registers.md. A fault in the specification is one line on stderr and exit status 2.
Needs Python 3.11 (tomllib) and nothing else.
"""
import argparse
import pathlib
import re
import sys
import textwrap
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEC = ROOT / "scripts" / "spec" / "systole.toml"
COUNTER_BITS = 48


class SpecError(Exception):
    """A fault in the specification."""


# --- reading and checking ----------------------------------------------------------------------------------------------

NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9_]*$")


def check_keys(where, table, required, optional=()):
    for key in required:
        if key not in table:
            raise SpecError(f"{where}: `{key}` is missing")
    for key in table:
        if key not in required and key not in optional:
            raise SpecError(f"{where}: unknown key `{key}`")


def check_names(where, items):
    seen = set()
    for item in items:
        name = item.get("name", "")
        if not NAME.match(name):
            raise SpecError(f"{where}: '{name}' is not a legal name")
        if name.upper() in seen:
            raise SpecError(f"{where}: name {name} appears twice")
        seen.add(name.upper())


def read_bits(where, field):
    """Turns "hi:lo" or "bit" into lsb and width and checks them."""
    match = re.match(r"^(\d+)(?::(\d+))?$", str(field["bits"]))
    if not match:
        raise SpecError(f"{where}: bits \"{field['bits']}\" is neither \"hi:lo\" nor \"bit\"")
    high = int(match[1])
    low = int(match[2]) if match[2] else high
    if not 0 <= low <= high <= 31:
        raise SpecError(f"{where}: bits \"{field['bits']}\" do not lie in a 32-bit word")
    field["lsb"], field["width"] = low, high - low + 1
    field["mask"] = ((1 << field["width"]) - 1) << low


def claim(where, owners, word, field):
    """Notes the field's bits in `owners` (word -> mask) and refuses an overlap."""
    if owners.get(word, 0) & field["mask"]:
        raise SpecError(f"{where}: bits \"{field['bits']}\" of word {word} overlap an earlier field")
    owners[word] = owners.get(word, 0) | field["mask"]


ERROR_KEYS = ("result", "sentence")  # of the values of enum `error`


def check_error(where, value):
    if not re.match(r"^(OK|ERR_[A-Z]+)$", value["result"]) or (value["result"] == "OK") != (value["value"] == 0):
        raise SpecError(f"{where}: result '{value['result']}' is not OK for 0 or ERR_… for another")
    if not re.match(r"^[a-z][^\"\\\n]*[^.\"\\\n]$", value["sentence"]):
        raise SpecError(f"{where}: `sentence` must be one line that begins small and ends without a full stop")


def check_enums(spec):
    check_names("enum", spec["enum"])
    for enum in spec["enum"]:
        where = f"enum {enum['name']}"
        check_keys(where, enum, ("name", "width", "doc", "values"))
        check_names(where, enum["values"])
        seen = {}
        for value in enum["values"]:
            check_keys(f"{where}.{value['name']}", value, ("name", "value", "doc") + ERROR_KEYS * (enum["name"] == "error"))
            if enum["name"] == "error":
                check_error(f"{where}.{value['name']}", value)
            if not 0 <= value["value"] < 1 << enum["width"]:
                raise SpecError(f"{where}.{value['name']}: {value['value']} does not fit in {enum['width']} bits")
            if value["value"] in seen:
                raise SpecError(f"{where}: {value['name']} and {seen[value['value']]} have the same value")
            seen[value["value"]] = value["name"]


def check_tokens(spec):
    check_names("token", spec["token"])
    bits = set()
    for token in spec["token"]:
        where = f"token {token['name']}"
        check_keys(where, token, ("name", "bit", "from", "to", "doc"))
        if not 0 <= token["bit"] <= 7 or token["bit"] in bits:
            raise SpecError(f"{where}: bit {token['bit']} is out of range or used twice")
        bits.add(token["bit"])
        for end in ("from", "to"):
            if token[end] not in ("load", "compute", "store"):
                raise SpecError(f"{where}: unknown engine '{token[end]}'")


def check_commands(spec):
    words = spec["project"]["command_bytes"] // 4
    common_owners = {}

    def check_fields(where, fields, owners):
        check_names(where, fields)
        for field in fields:
            here = f"{where}.{field['name']}"
            check_keys(here, field, ("word", "bits", "name"), ("doc", "reserved"))
            if ("doc" in field) == ("reserved" in field):
                raise SpecError(f"{here}: needs exactly one of `doc` and `reserved`")
            if not 0 <= field["word"] < words:
                raise SpecError(f"{here}: word {field['word']} is not in 0..{words - 1}")
            read_bits(here, field)
            claim(here, owners, field["word"], field)

    check_keys("command_common", spec["command_common"], ("fields",))
    check_fields("command_common", spec["command_common"]["fields"], common_owners)
    check_names("command", spec["command"])
    opcodes = {v["name"] for e in spec["enum"] if e["name"] == "opcode" for v in e["values"]}
    for command in spec["command"]:
        where = f"command {command['name']}"
        check_keys(where, command, ("name", "doc", "fields"))
        if command["name"] not in opcodes:
            raise SpecError(f"{where}: enum opcode has no such name")
        owners = dict(common_owners)
        check_fields(where, command["fields"], owners)
        used = dict(owners)
        for field in command["fields"]:
            if "reserved" in field:
                used[field["word"]] &= ~field["mask"]
        command["reserved_words"] = [~used.get(word, 0) & 0xFFFFFFFF for word in range(words)]


def check_registers(spec):
    counters = spec["counters"]
    check_keys("counters", counters, ("base", "list"))
    check_names("counters", counters["list"])
    check_names("register", spec["register"])
    taken = {}

    def take(name, offset):
        if offset % 4 or not 0 <= offset < 0x1000:
            raise SpecError(f"register {name}: offset 0x{offset:03X} is not a multiple of 4 below 0x1000")
        if offset in taken:
            raise SpecError(f"register {name}: offset 0x{offset:03X} already belongs to {taken[offset]}")
        taken[offset] = name

    for reg in spec["register"]:
        where = f"register {reg['name']}"
        check_keys(where, reg, ("offset", "name", "access", "doc", "fields"), ("locked", "lock", "soft_reset"))
        take(reg["name"], reg["offset"])
        if reg["access"] not in ("ro", "rw", "w1c", "wo"):
            raise SpecError(f"{where}: unknown access '{reg['access']}'")
        check_names(where, reg["fields"])
        owners = {}
        for field in reg["fields"]:
            here = f"{where}.{field['name']}"
            check_keys(here, field, ("bits", "name", "doc"), ("zero_low", "one_low", "ones", "until_done", "hardware_clears", "sticky"))
            read_bits(here, field)
            claim(here, owners, 0, field)
            if field.get("zero_low", 0) + field.get("one_low", 0) >= field["width"]:
                raise SpecError(f"{here}: zero_low, one_low leave no bit")
            if (field.get("until_done") or field.get("hardware_clears") or field.get("sticky")) and (field["width"] != 1 or reg["access"] != "rw"):
                raise SpecError(f"{here}: until_done, hardware_clears, sticky need one bit of a rw register")
            single = len(reg["fields"]) == 1
            field["port"] = reg["name"].lower() + ("" if single else "_" + field["name"].lower())
    locks = {field["name"] for reg in spec["register"] if reg["name"] == "LOCK" for field in reg["fields"]}
    for reg in spec["register"]:
        if reg.get("lock", None) not in locks | {None}:
            raise SpecError(f"register {reg['name']}: LOCK has no field '{reg['lock']}'")
    for index, counter in enumerate(counters["list"]):
        check_keys(f"counter {counter['name']}", counter, ("name", "doc"))
        counter["offset"] = counters["base"] + 8 * index
        take(f"COUNTER_{counter['name']}_LO", counter["offset"])
        take(f"COUNTER_{counter['name']}_HI", counter["offset"] + 4)
    names = {reg["name"] for reg in spec["register"]}
    for needed in ("ID", "VERSION", "IRQ_STATUS", "IRQ_ENABLE"):
        if needed not in names:
            raise SpecError(f"register {needed} is missing")


def read_spec(path):
    try:
        with open(path, "rb") as file:
            spec = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SpecError(str(error)) from error
    check_keys("specification", spec,
               ("project", "enum", "token", "command_common", "command", "register", "counters"))
    check_keys("project", spec["project"], ("name", "id", "version", "command_version", "command_bytes"))
    version = spec["project"]["version"]
    if len(version) != 3 or any(not 0 <= part <= 255 for part in version):
        raise SpecError("project: version needs three numbers of 8 bits")
    if spec["project"]["command_bytes"] != 64:
        raise SpecError("project: command_bytes must be 64")
    try:
        check_enums(spec)
        check_tokens(spec)
        check_commands(spec)
        check_registers(spec)
    except (KeyError, TypeError) as error:
        raise SpecError(f"malformed entry: {error!r}") from error
    return spec


def token_masks(spec):
    """Yields (engine, tokens it takes, tokens it gives)."""
    for engine in ("load", "compute", "store"):
        yield (engine, sum(1 << t["bit"] for t in spec["token"] if t["to"] == engine),
               sum(1 << t["bit"] for t in spec["token"] if t["from"] == engine))


def one_line(text):
    return " ".join(text.split())


def escaped(text):
    return text.replace("*", "\\*")


def markdown(text):
    return escaped(one_line(text))


def field_doc(field):
    return f"reserved, zero: {field['reserved']}" if "reserved" in field else field["doc"]


NOTICE = "Generated by scripts/gen_spec.py from scripts/spec/systole.toml: change that and run the script again."


def comment(prefix, text, width=118):
    return textwrap.wrap(one_line(text), width, initial_indent=prefix, subsequent_indent=prefix)


def wrapped(text, width):
    """Fills the text's blocks to `width`: paragraphs, which an empty line separates, and list items, each of which starts with "- ".
    Around a list there are empty lines."""
    blocks = []  # [is an item, text]
    fresh = True  # the next line starts a block
    for line in (line.strip() for line in text.splitlines()):
        item = line.startswith("- ")
        if line and (fresh or item):
            blocks.append([item, line])
        elif line:
            blocks[-1][1] += " " + line
        fresh = not line
    lines = []
    for index, (item, block) in enumerate(blocks):
        if index and not (item and blocks[index - 1][0]):
            lines.append("")
        lines += textwrap.wrap(one_line(block), width, subsequent_indent="  " if item else "")
    return lines


# --- rtl/common/systole_pkg.sv ------------------------------------------------------------------------------------------

def make_package(spec):
    project = spec["project"]
    major, minor, patch = project["version"]
    out = ["// SPDX-License-Identifier: Apache-2.0", f"// {NOTICE}", "",
           "/// Constants of the programming interface: enumerations, tokens, command fields, registers.",
           "/// A field of a 512-bit command record is cmd[systole_pkg::X_LSB +: systole_pkg::X_W].",
           "package systole_pkg;"]

    def section(title):
        out.extend(["", f"  // {title}"])

    def constant(kind, name, value, doc=""):
        line = f"  localparam {kind} {name} = {value};"
        if doc and len(line) + len(doc) + 5 <= 132:
            line = f"{line}  // {doc}"
        elif doc:
            out.extend(comment("  // ", doc))
        out.append(line)

    section("Identity.")
    constant("logic [31:0]", "ID", f"32'h{project['id']:08X}", '"SYST"')
    constant("logic [7:0]", "VERSION_MAJOR", f"8'd{major}")
    constant("logic [7:0]", "VERSION_MINOR", f"8'd{minor}")
    constant("logic [7:0]", "VERSION_PATCH", f"8'd{patch}")
    constant("logic [3:0]", "COMMAND_VERSION", f"4'd{project['command_version']}")
    constant("int", "COMMAND_BYTES", project["command_bytes"])
    constant("int", "COMMAND_BITS", project["command_bytes"] * 8)
    for enum in spec["enum"]:
        section(one_line(enum["doc"]))
        for value in enum["values"]:
            constant(f"logic [{enum['width'] - 1}:0]", f"{enum['name'].upper()}_{value['name']}",
                     f"{enum['width']}'d{value['value']}", value["doc"])
    section("Tokens: bit numbers in `wait` and `give`, and the sets each engine may take and give.")
    constant("int", "TOKEN_COUNT", max(t["bit"] for t in spec["token"]) + 1)
    for token in spec["token"]:
        constant("int", f"TOKEN_{token['name']}", token["bit"], f"{token['from']} to {token['to']}")
    for engine, takes, gives in token_masks(spec):
        constant("logic [7:0]", f"{engine.upper()}_TAKES", f"8'h{takes:02X}")
        constant("logic [7:0]", f"{engine.upper()}_GIVES", f"8'h{gives:02X}")

    def field_constants(prefix, fields):
        for field in fields:
            name = f"{prefix}_{field['name'].upper()}"
            constant("int", f"{name}_LSB", field["word"] * 32 + field["lsb"], field_doc(field))
            constant("int", f"{name}_W", field["width"])

    section("Command fields: of every record.")
    field_constants("CMD", spec["command_common"]["fields"])
    for command in spec["command"]:
        section(f"Command fields: {command['name']}; the mask has a 1 where the record must be zero.")
        field_constants(command["name"], command["fields"])
        mask = "_".join(f"{word:08X}" for word in reversed(command["reserved_words"]))
        constant("logic [511:0]", f"{command['name']}_RESERVED_MASK", f"512'h{mask}")
    section("Register offsets.")
    for reg in spec["register"]:
        constant("logic [11:0]", f"REG_{reg['name']}_OFFSET", f"12'h{reg['offset']:03X}", one_line(reg["doc"]))
    section("Counters: index in the flat vector of counters, and the offset of the low and the high word.")
    constant("int", "COUNTER_COUNT", len(spec["counters"]["list"]))
    constant("int", "COUNTER_W", COUNTER_BITS)
    # Multiply-accumulates of a row: 2 * 64 elements along K, 64 columns.
    constant("int", "MACS_W", 14)
    for index, counter in enumerate(spec["counters"]["list"]):
        constant("int", f"COUNTER_{counter['name']}", index, counter["doc"])
    for counter in spec["counters"]["list"]:
        for half, add in (("LO", 0), ("HI", 4)):
            constant("logic [11:0]", f"REG_COUNTER_{counter['name']}_{half}_OFFSET", f"12'h{counter['offset'] + add:03X}")
    out.extend(["", "endpackage", ""])
    return "\n".join(out)


# --- firmware/include/systole_regs.h ---------------------------------------------------------------------------------------

def make_header(spec):
    project = spec["project"]
    major, minor, patch = project["version"]
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", f"/* {NOTICE} */", "#ifndef SYSTOLE_REGS_H", "#define SYSTOLE_REGS_H",
           "", "#include <stdint.h>"]

    def section(text):
        out.append("")
        lines = wrapped(text, 112)
        lines[-1] += " */"
        out.append(f"/* {lines[0]}")
        out.extend(f" * {line}".rstrip() for line in lines[1:])

    def define(name, value, doc=""):
        line = f"#define {name} {value}"
        out.append(f"{line} /* {one_line(doc)} */" if doc else line)

    section("Identity.")
    define("SYSTOLE_ID_VALUE", f"0x{project['id']:08X}u", "REG_ID reads this")
    define("SYSTOLE_VERSION_MAJOR", f"{major}u")
    define("SYSTOLE_VERSION_MINOR", f"{minor}u")
    define("SYSTOLE_VERSION_PATCH", f"{patch}u")
    define("SYSTOLE_COMMAND_VERSION", f"{project['command_version']}u")
    define("SYSTOLE_COMMAND_BYTES", f"{project['command_bytes']}u")
    define("SYSTOLE_COMMAND_WORDS", f"{project['command_bytes'] // 4}u")
    for enum in spec["enum"]:
        section(enum["doc"])
        out.append(f"enum systole_{enum['name']} {{")
        for value in enum["values"]:
            out.append(f"    SYSTOLE_{enum['name'].upper()}_{value['name']} = {value['value']}, /* {value['doc']} */")
        out[-1] = out[-1].replace(", /*", " /*", 1)
        out.append("};")
        if enum["name"] == "error":
            section("All of them: X(name, what the driver returns, a sentence). What is not expanded takes no room.")
            out.append("#define SYSTOLE_ERRORS(X) \\")
            out.extend(f'    X({v["name"]}, {v["result"]}, "{v["sentence"]}") \\' for v in enum["values"])
            out[-1] = out[-1].removesuffix(" \\")
    section("Tokens, as masks for `wait` and `give`; below, what each engine may take and give.")
    for token in spec["token"]:
        define(f"SYSTOLE_TOKEN_{token['name']}", f"(1u << {token['bit']})", f"{token['from']} to {token['to']}: {token['doc']}")
    for engine, takes, gives in token_masks(spec):
        define(f"SYSTOLE_{engine.upper()}_TAKES", f"0x{takes:02X}u")
        define(f"SYSTOLE_{engine.upper()}_GIVES", f"0x{gives:02X}u")

    def fields(prefix, items):
        for field in items:
            name = f"{prefix}_{field['name'].upper()}"
            define(f"{name}_WORD", f"{field['word']}u", field_doc(field))
            define(f"{name}_LSB", f"{field['lsb']}u")
            define(f"{name}_WIDTH", f"{field['width']}u")

    section("Fields of every command record.")
    fields("SYSTOLE_CMD", spec["command_common"]["fields"])
    for command in spec["command"]:
        section(f"{command['name']}. {command['doc']}")
        fields(f"SYSTOLE_{command['name']}", command["fields"])
        out.append(f"/* 1 where a {command['name']} record must be zero. */")
        out.append(f"static const uint32_t SYSTOLE_{command['name']}_RESERVED[16] = {{")
        words = [f"0x{word:08X}u" for word in command["reserved_words"]]
        for first in range(0, 16, 8):
            out.append("    " + ", ".join(words[first:first + 8]) + ("," if first == 0 else "};"))
    section("Registers: byte offsets, and the fields within each.")
    for reg in spec["register"]:
        define(f"SYSTOLE_REG_{reg['name']}", f"0x{reg['offset']:03X}u", f"{reg['access']}: {reg['doc']}")
        for field in reg["fields"]:
            name = f"SYSTOLE_{reg['name']}_{field['name'].upper()}"
            define(f"{name}_LSB", f"{field['lsb']}u", field["doc"])
            define(f"{name}_WIDTH", f"{field['width']}u")
            define(f"{name}_MASK", f"0x{field['mask']:08X}u")
    section(f"Counters, {COUNTER_BITS} bits each, from the last snapshot.")
    define("SYSTOLE_COUNTER_COUNT", f"{len(spec['counters']['list'])}u")
    define("SYSTOLE_COUNTER_BITS", f"{COUNTER_BITS}u")
    for counter in spec["counters"]["list"]:
        define(f"SYSTOLE_REG_COUNTER_{counter['name']}_LO", f"0x{counter['offset']:03X}u", counter["doc"])
        define(f"SYSTOLE_REG_COUNTER_{counter['name']}_HI", f"0x{counter['offset'] + 4:03X}u")
    out.append("""
/* Puts the low `width` bits of v into a record's word; the other bits keep their values. */
static inline void systole_field_set(uint32_t *rec, unsigned word, unsigned lsb, unsigned width, uint32_t v)
{
    const uint32_t mask = (width >= 32u ? 0xFFFFFFFFu : ((uint32_t)1u << width) - 1u) << lsb;
    rec[word] = (rec[word] & ~mask) | ((v << lsb) & mask);
}

/* Reads a field of a record, zero-extended. */
static inline uint32_t systole_field_get(const uint32_t *rec, unsigned word, unsigned lsb, unsigned width)
{
    return (rec[word] >> lsb) & (width >= 32u ? 0xFFFFFFFFu : ((uint32_t)1u << width) - 1u);
}

#endif /* SYSTOLE_REGS_H */
""")
    return "\n".join(out)


# --- rtl/control/systole_regs.sv ---------------------------------------------------------------------------------------------

# Read-only fields that are constants of the package rather than inputs.
CONSTANT_FIELDS = {
    ("ID", "id"): "systole_pkg::ID",
    ("VERSION", "patch"): "systole_pkg::VERSION_PATCH",
    ("VERSION", "minor"): "systole_pkg::VERSION_MINOR",
    ("VERSION", "major"): "systole_pkg::VERSION_MAJOR",
    ("VERSION", "command"): "{4'd0, systole_pkg::COMMAND_VERSION}",
}


def bit_range(lsb, width):
    return f"[{lsb + width - 1}:{lsb}]" if width > 1 else f"[{lsb}]"


def vector(width):
    return f"[{width - 1}:0] " if width > 1 else ""


def index_bits(spec):
    """The low bits of a word's address in words, as many as the last register needs."""
    last = max([reg["offset"] for reg in spec["register"]] + [counter["offset"] + 4 for counter in spec["counters"]["list"]])
    return (last // 4).bit_length()


def make_register_block(spec):
    registers, counters = spec["register"], spec["counters"]["list"]
    stored = [(reg, field) for reg in registers if reg["access"] in ("rw", "w1c") for field in reg["fields"]]
    ports = []  # (group, direction, width, name)
    for reg in registers:
        for field in reg["fields"]:
            port, width = field["port"], field["width"]
            if reg["access"] == "ro" and (reg["name"], field["name"]) not in CONSTANT_FIELDS:
                ports.append(("Status, read as it is.", "input ", width, f"{port}_i"))
            elif reg["name"] == "IRQ_ENABLE":
                pass  # used here only, for irq_o
            elif reg["access"] == "rw":
                ports.append(("Values of the writable registers.", "output", width, f"{port}_o"))
                if field.get("until_done") or field.get("hardware_clears"):
                    ports.append(("Hardware clears these fields.", "input ", 1, f"{port}_done_i"))
            elif reg["access"] == "w1c":
                ports.append(("Hardware sets these fields.", "input ", width, f"{port}_set_i"))
            elif reg["access"] == "wo":
                ports.append(("High for one cycle when written with 1.", "output", width, f"{port}_o"))
    groups = []
    for group, *_ in ports:
        if group not in groups:
            groups.append(group)

    out = ["// SPDX-License-Identifier: Apache-2.0", f"// {NOTICE}", "",
           "/// The registers: an AXI4-Lite slave of 4 KiB, 32 bits wide. Write address and write data are taken in either order; the",
           "/// write takes effect one cycle after both are there, and the response follows in the cycle in which the register shows its",
           "/// new value (two cycles after the handshake). Read data follow two cycles after the read address. One write and one read",
           "/// are under way at a time. Strobes are honoured. An unmapped or misaligned address answers SLVERR; writing a read-only",
           "/// register changes nothing. While `busy_i`, a write to a register of the ring or a window is refused and `locked_write_o` pulses;",
           "/// a write to a register that LOCK locks answers SLVERR and changes nothing.",
           "/// `soft_reset_i` clears what a soft reset clears. `irq_o` is a register that changes with IRQ_STATUS.",
           "module systole_regs (", "    input  logic        clk_i,", "    input  logic        rst_ni,"]
    for direction, width, name in (
            ("input ", 1, "awvalid_i"), ("output", 1, "awready_o"), ("input ", 12, "awaddr_i"), ("input ", 1, "wvalid_i"),
            ("output", 1, "wready_o"), ("input ", 32, "wdata_i"), ("input ", 4, "wstrb_i"), ("output", 1, "bvalid_o"),
            ("input ", 1, "bready_i"), ("output", 2, "bresp_o"), ("input ", 1, "arvalid_i"), ("output", 1, "arready_o"),
            ("input ", 12, "araddr_i"), ("output", 1, "rvalid_o"), ("input ", 1, "rready_i"), ("output", 32, "rdata_o"),
            ("output", 2, "rresp_o")):
        out.append(f"    {direction} logic {vector(width):<7}s_axil_{name},")
    out += ["    input  logic        busy_i,", "    input  logic        soft_reset_i,", "    output logic        locked_write_o,",
            "    output logic        irq_o,"]
    for group in groups:
        out.append(f"    // {group}")
        out += [f"    {d} logic {vector(w):<7}{n}," for g, d, w, n in ports if g == group]
    out += ["    // Counters of the last snapshot, index as in systole_pkg::COUNTER_*.",
            "    input  logic [systole_pkg::COUNTER_COUNT*systole_pkg::COUNTER_W-1:0] counter_i", ");", "",
            "  localparam logic [1:0] RESP_OKAY = 2'b00;", "  localparam logic [1:0] RESP_SLVERR = 2'b10;",
            f"  // The counters' words lie in one piece, {counters[0]['name']} first, each low word before high word.",
            f"  localparam logic [11:0] COUNTER_FIRST = systole_pkg::REG_COUNTER_{counters[0]['name']}_LO_OFFSET;",
            f"  localparam logic [11:0] COUNTER_LAST = systole_pkg::REG_COUNTER_{counters[-1]['name']}_HI_OFFSET;",
            "  // Bits of a word's address in words that tell all registers apart.",
            f"  localparam int INDEX_W = {index_bits(spec)};", ""]
    for _, field in stored:
        out.append(f"  logic {vector(field['width'])}{field['port']}_d, {field['port']}_q;")
    out.append(r"""
  // --- write channel ---
  logic aw_valid_q, w_valid_q, b_valid_q;
  logic [11:0] waddr_q;
  logic [31:0] wdata_q, wmask, wset;
  logic [3:0] wstrb_q;
  logic [1:0] bresp_q;
  logic write, write_counter, write_mapped;

  assign s_axil_awready_o = !aw_valid_q;
  assign s_axil_wready_o = !w_valid_q;
  assign s_axil_bvalid_o = b_valid_q;
  assign s_axil_bresp_o = bresp_q;
  assign write = aw_valid_q && w_valid_q && (!b_valid_q || s_axil_bready_i);
  assign wmask = {{8{wstrb_q[3]}}, {8{wstrb_q[2]}}, {8{wstrb_q[1]}}, {8{wstrb_q[0]}}};
  assign wset = wdata_q & wmask;
  assign write_counter = waddr_q >= COUNTER_FIRST && waddr_q <= COUNTER_LAST && waddr_q[1:0] == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_valid_q <= 1'b0;
      w_valid_q  <= 1'b0;
      b_valid_q  <= 1'b0;
      waddr_q    <= '0;
      wdata_q    <= '0;
      wstrb_q    <= '0;
      bresp_q    <= RESP_OKAY;
    end else begin
      if (s_axil_awvalid_i && s_axil_awready_o) begin
        aw_valid_q <= 1'b1;
        waddr_q    <= s_axil_awaddr_i;
      end
      if (s_axil_wvalid_i && s_axil_wready_o) begin
        w_valid_q <= 1'b1;
        wdata_q   <= s_axil_wdata_i;
        wstrb_q   <= s_axil_wstrb_i;
      end
      if (s_axil_bready_i) b_valid_q <= 1'b0;
      if (write) begin
        aw_valid_q <= 1'b0;
        w_valid_q  <= 1'b0;
        b_valid_q  <= 1'b1;
        bresp_q    <= write_mapped ? RESP_OKAY : RESP_SLVERR;
      end
    end
  end
""")
    out += ["  always_comb begin", "    write_mapped = 1'b1;", "    locked_write_o = 1'b0;"]
    for reg in registers:
        if reg["access"] == "wo":
            out += [f"    {field['port']}_o = 1'b0;" for field in reg["fields"]]
    for _, field in stored:
        out.append(f"    {field['port']}_d = {field['port']}_q;")
    out += ["    if (write) begin", "      unique case (waddr_q)"]
    read_only = []
    for reg in registers:
        label = f"        systole_pkg::REG_{reg['name']}_OFFSET:"
        body = []
        for field in reg["fields"]:
            port, bits = field["port"], bit_range(field["lsb"], field["width"])
            if reg["access"] == "rw" and (field.get("until_done") or field.get("sticky")):
                body.append(f"if (wset{bits}) {port}_d = 1'b1;")
            elif reg["access"] == "rw":
                bits = "" if field["width"] == 32 else bits
                merged = f"({port}_q & ~wmask{bits}) | wset{bits}"
                if field.get("zero_low"):
                    kept = ((1 << field["width"]) - 1) & ~((1 << field["zero_low"]) - 1)
                    merged = f"({merged}) & {field['width']}'h{kept:X}"
                if field.get("one_low"):
                    merged = f"{merged} | {field['width']}'h{(1 << field['one_low']) - 1:X}"
                body.append(f"{port}_d = {merged};")
            elif reg["access"] == "w1c":
                body.append(f"{port}_d = {port}_q & ~wset{bits};")
            elif reg["access"] == "wo":
                body.append(f"{port}_o = wset{bits};")
        if reg["access"] == "ro":
            read_only.append(f"systole_pkg::REG_{reg['name']}_OFFSET")
        elif reg.get("locked") or reg.get("lock"):
            out += [label]
            refusals = [f"if (lock_{reg['lock']}_q) write_mapped = 1'b0;"] if reg.get("lock") else []
            refusals += ["if (busy_i) locked_write_o = 1'b1;"] if reg.get("locked") else []
            out += ["        " + ("else " if index else "") + line for index, line in enumerate(refusals)]
            body = body if len(body) == 1 else ["begin"] + ["  " + line for line in body] + ["end"]
            out += ["        " + ("else " if index == 0 else "") + line for index, line in enumerate(body)]
        elif len(body) == 1:
            out.append(f"{label} {body[0]}")
        else:
            out += [label + " begin"] + ["          " + line for line in body] + ["        end"]
    out.append("        // Read-only.")
    for line in textwrap.wrap(", ".join(read_only), 118, break_long_words=False):
        out.append(f"        {line}")
    out[-1] += ": write_mapped = 1'b1;"
    out += ["        default: write_mapped = write_counter;", "      endcase", "    end", "    // Hardware goes before software."]
    for reg, field in stored:
        if reg["access"] == "w1c":
            out.append(f"    {field['port']}_d = {field['port']}_d | {field['port']}_set_i;")
        elif field.get("until_done") or field.get("hardware_clears"):
            out.append(f"    if ({field['port']}_done_i) {field['port']}_d = 1'b0;")
    cleared = [field["port"] for reg, field in stored if reg.get("soft_reset")]
    if cleared:
        out += ["    if (soft_reset_i) begin"] + [f"      {port}_d = '0;" for port in cleared] + ["    end"]
    out += ["  end", "", "  always_ff @(posedge clk_i) begin", "    if (!rst_ni) begin", "      irq_o <= 1'b0;"]
    out += [f"      {field['port']}_q <= '{int(field.get('ones', False))};" for _, field in stored]
    status = {f["name"]: f["port"] for r in registers if r["name"] == "IRQ_STATUS" for f in r["fields"]}
    enable = {f["name"]: f["port"] for r in registers if r["name"] == "IRQ_ENABLE" for f in r["fields"]}
    terms = " || ".join(f"({status[n]}_d && {enable[n]}_d)" for n in status if n in enable)
    out += ["    end else begin", f"      irq_o <= {terms};"]
    out += [f"      {field['port']}_q <= {field['port']}_d;" for _, field in stored]
    out += ["    end", "  end", ""]
    out += [f"  assign {field['port']}_o = {field['port']}_q;" for reg, field in stored
            if reg["access"] == "rw" and reg["name"] != "IRQ_ENABLE"]
    out.append(r"""
  // --- read channel ---
  logic r_valid_q, read_q, read_mapped_q;  // read: an address was taken in the cycle before
  logic [(32<<INDEX_W)-1:0] words;  // all registers by their index
  logic [(1<<INDEX_W)-1:0] mapped, select, select_q;  // select_q: of the address, if there is such a register
  logic [31:0] rdata, rdata_q;
  logic [1:0] rresp_q;

  assign s_axil_arready_o = !r_valid_q && !read_q;
  assign s_axil_rvalid_o = r_valid_q;
  assign s_axil_rdata_o = rdata_q;
  assign s_axil_rresp_o = rresp_q;

  always_comb begin
    rdata = '0;
    for (int i = 0; i < 1 << INDEX_W; i++) begin
      select[i] = mapped[i] && s_axil_araddr_i == 12'(4 * i);
      rdata |= words[32*i +: 32] & {32{select_q[i]}};
    end
  end

  always_ff @(posedge clk_i) begin
    select_q      <= select;
    read_mapped_q <= select != '0;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      read_q    <= 1'b0;
      r_valid_q <= 1'b0;
      rdata_q   <= '0;
      rresp_q   <= RESP_OKAY;
    end else begin
      read_q <= s_axil_arvalid_i && s_axil_arready_o;
      if (s_axil_rready_i) r_valid_q <= 1'b0;
      if (read_q) begin
        r_valid_q <= 1'b1;
        rdata_q   <= rdata;
        rresp_q   <= read_mapped_q ? RESP_OKAY : RESP_SLVERR;
      end
    end
  end

  always_comb begin
    words = '0;
    mapped = '0;""")
    for reg in registers:
        parts, above = [], 32
        for field in sorted(reg["fields"], key=lambda item: -item["lsb"]):
            gap = above - field["lsb"] - field["width"]
            parts += [f"{gap}'d0"] if gap else []
            source = CONSTANT_FIELDS.get((reg["name"], field["name"]))
            source = source or field["port"] + ("_i" if reg["access"] == "ro" else "_q")
            parts += [source.strip("{}")]
            above = field["lsb"]
        parts += [f"{above}'d0"] if above else []
        if reg["access"] == "wo":
            parts = ["'0"]
        value = parts[0] if len(parts) == 1 else "{" + ", ".join(parts) + "}"
        out.append(f"    mapped[systole_pkg::REG_{reg['name']}_OFFSET/4] = 1'b1;")
        lines = textwrap.wrap(f"words[systole_pkg::REG_{reg['name']}_OFFSET*8 +: 32] = {value};", 120, break_long_words=False,
                              subsequent_indent="      ")
        out += ["    " + line if index == 0 else line for index, line in enumerate(lines)]
    out += ["    for (int i = 0; i < systole_pkg::COUNTER_COUNT; i++) begin",
            "      mapped[32'(COUNTER_FIRST)/4+2*i +: 2] = 2'b11;",
            "      words[32'(COUNTER_FIRST)*8+64*i +: 64] = 64'(counter_i[i*systole_pkg::COUNTER_W +: systole_pkg::COUNTER_W]);",
            "    end", "  end", "", "endmodule", ""]
    return "\n".join(out)


# --- docs/commands_and_registers.md --------------------------------------------------------------------------------------------

def make_document(spec):
    project = spec["project"]
    out = ["<!-- SPDX-License-Identifier: Apache-2.0 -->", f"<!-- {NOTICE} -->", "", "# Commands and registers", "",
           f"Programming interface of Systole {'.'.join(str(part) for part in project['version'])}, command version "
           f"{project['command_version']}. C names: firmware/include/systole_regs.h; RTL names: rtl/common/systole_pkg.sv.", ""]

    def table(head, rows):
        out.append("| " + " | ".join(head) + " |")
        out.append("|" + " --- |" * len(head))
        out.extend("| " + " | ".join(markdown(str(cell)).replace("|", "\\|") for cell in row) + " |" for row in rows)
        out.append("")

    def section(title, text=""):
        out.extend([title, ""])
        if text:
            out.extend([*wrapped(escaped(text), 120), ""])

    section("## Command records",
            f"A record is {project['command_bytes']} bytes, sixteen little-endian 32-bit words, in a ring in memory. Bits that no "
            "field names, and fields marked reserved, must be zero; anything else is the error RESERVED_FIELD.")
    section("### Every record")
    table(("word", "bits", "field", "meaning"),
          [(f["word"], f["bits"], f"`{f['name']}`", field_doc(f)) for f in spec["command_common"]["fields"]])
    for command in spec["command"]:
        section(f"### {command['name']}", command["doc"])
        table(("word", "bits", "field", "meaning"),
              [(f["word"], f["bits"], f"`{f['name']}`", field_doc(f)) for f in command["fields"]])
    section("## Enumerations")
    for enum in spec["enum"]:
        section(f"### {enum['name']}", enum["doc"])
        if enum["name"] == "error":
            table(("value", "name", "meaning", "driver's result"),
                  [(v["value"], v["name"], v["doc"], f"`SYSTOLE_{v['result']}`") for v in enum["values"]])
            continue
        table(("value", "name", "meaning"), [(f"0x{v['value']:02X}" if enum["width"] == 8 and enum["name"] == "opcode"
                                               else v["value"], v["name"], v["doc"]) for v in enum["values"]])
    section("## Tokens",
            "One 4-bit counter each. A command waits for, and takes, one of each token in `wait` before it starts, and gives one of "
            "each token in `give`. The giver must precede the taker in the ring. A command may name only the tokens its engine takes "
            "and gives.")
    table(("bit", "token", "given by", "taken by", "when"),
          [(t["bit"], t["name"], t["from"], t["to"], t["doc"]) for t in spec["token"]])
    section("## Registers",
            "AXI4-Lite, 32 bits, little-endian; offsets in bytes. All registers are 0 after reset unless they tell the build. ro: read "
            "only; rw: read and write; w1c: writing 1 clears; wo: reads 0. An unmapped or misaligned address answers SLVERR.")
    table(("offset", "register", "access", "meaning"),
          [(f"0x{r['offset']:03X}", f"[{r['name']}](#{r['name'].lower()})", r["access"], r["doc"]) for r in spec["register"]])
    for reg in spec["register"]:
        notes = []
        if reg.get("locked"):
            notes.append("A write while busy changes nothing and raises the error RING.")
        if reg.get("lock"):
            notes.append(f"Read-only once LOCK.{reg['lock']} is 1.")
        if reg.get("soft_reset"):
            notes.append("Cleared by a soft reset.")
        section(f"### {reg['name']}", f"Offset 0x{reg['offset']:03X}, {reg['access']}. {reg['doc']} {' '.join(notes)}")
        table(("bits", "field", "meaning"), [(f["bits"], f"`{f['name']}`", f["doc"]) for f in reg["fields"]])
    section("### Counters",
            f"Each counter has {COUNTER_BITS} bits, is counted while STATUS.busy, and is read from the last snapshot: low word, then high word. "
            "COMPUTE and the six causes COMMAND to DRAIN add up to TOTAL. There is no counter of idle cycles: nothing is counted while the "
            "machine is idle, so it would always read 0. A soft reset leaves the counters alone.")
    table(("low", "high", "counter", "meaning"),
          [(f"0x{c['offset']:03X}", f"0x{c['offset'] + 4:03X}", c["name"], c["doc"]) for c in spec["counters"]["list"]])
    return "\n".join(out)


# --- main ------------------------------------------------------------------------------------------------------------------

OUTPUTS = (
    ("rtl/common/systole_pkg.sv", make_package),
    ("rtl/control/systole_regs.sv", make_register_block),
    ("firmware/include/systole_regs.h", make_header),
    ("docs/commands_and_registers.md", make_document),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a generated file is stale")
    parser.add_argument("--spec", type=pathlib.Path, default=SPEC, help="another specification (for tests)")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, help="another place for the outputs (for tests)")
    args = parser.parse_args()
    try:
        spec = read_spec(args.spec)
    except SpecError as error:
        print(f"gen_spec.py: {error}", file=sys.stderr)
        return 2
    stale = []
    for name, make in OUTPUTS:
        path = args.root / name
        text = make(spec)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not args.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if args.check and stale:
        print("stale, run scripts/gen_spec.py: " + " ".join(stale), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
