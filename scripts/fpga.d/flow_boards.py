# SPDX-License-Identifier: Apache-2.0
"""scripts/boards.toml as objects, and the parameters that each board's top takes."""
import pathlib
import tomllib
from dataclasses import dataclass
from fractions import Fraction

import flow_pll
from flow_errors import BadInput

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "scripts" / "boards.toml"
MINIMUM_CLOCKS_A_BIT = 8  # systole_uart_rx


@dataclass(frozen=True)
class Configuration:
    name: str
    clock_mhz: float
    seed: int
    minutes: float
    parameters: dict
    multipliers: int = 0  # that may be taken; 0: all


@dataclass(frozen=True)
class Board:
    name: str
    id: int
    title: str
    family: str
    device: str
    nextpnr: str
    package: str
    top: str
    files: list
    constraints: str
    reference_mhz: float
    pll: bool
    baud: int
    default: str
    available: dict
    program: str
    configurations: dict
    speed: int = 0
    multiplier_sites: dict | None = None

    def configuration(self, name=None):
        name = name or self.default
        if name not in self.configurations:
            raise BadInput(f"{self.name} has no configuration '{name}'; it has: {', '.join(self.configurations)}")
        return self.configurations[name]

    def sources(self):
        """The RTL's files in order, as paths from the root."""
        paths = []
        for entry in self.files:
            path = ROOT / entry
            if path.suffix != ".f":
                paths.append(entry)
                continue
            if not path.is_file():
                raise BadInput(f"{entry}, which scripts/boards.toml names for {self.name}, does not exist")
            folder = pathlib.Path(entry).parent
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.strip() and not line.lstrip().startswith("//"):
                    paths.append((folder / line.strip()).as_posix())
        missing = [path for path in [*paths, self.constraints] if not (ROOT / path).is_file()]
        if missing:
            raise BadInput(f"{missing[0]}, which {self.name} needs, does not exist")
        return list(dict.fromkeys(paths))


@dataclass(frozen=True)
class Build:
    """A board, one of its configurations, and what the command line changed."""
    board: Board
    configuration: Configuration
    target_mhz: float
    baud: int
    seed: int
    pll: flow_pll.Pll | None = None

    @property
    def clock_mhz(self):
        """What the board's logic really runs at, exact."""
        return self.pll.clock if self.pll else Fraction(str(self.board.reference_mhz))

    def parameters(self):
        """Of the top, all of them."""
        return {**self.configuration.parameters, "BoardId": self.board.id, "ClkHz": round(self.clock_mhz * 1_000_000), "Baud": self.baud,
                **(self.pll.parameters() if self.pll else {})}

    def multipliers(self):
        """How many of the device's multipliers the design may take."""
        return self.configuration.multipliers or self.board.available["dsp"]

    def array(self):
        """Rows, columns and whether there is floating point: what report.json calls config, with the other sizes."""
        parameters = self.configuration.parameters
        other = {key: value for key, value in parameters.items() if key not in ("Rows", "Cols", "Fp")}
        return {"name": self.configuration.name, "rows": parameters["Rows"], "cols": parameters["Cols"], "fp": bool(parameters.get("Fp", 0)),
                **other}

    def folder(self):
        """build/fpga/BOARD, with .CONFIG for another configuration than the board's default."""
        extra = "" if self.configuration.name == self.board.default else "." + self.configuration.name
        return ROOT / "build" / "fpga" / (self.board.name + extra)

    def command(self):
        """What a user types for it."""
        extra = "" if self.configuration.name == self.board.default else " CONFIG=" + self.configuration.name
        changed = [f"--{option} {given:.9g}" if option == "freq" else f"--{option} {given}" for option, given, default in (
            ("seed", self.seed, self.configuration.seed), ("freq", self.target_mhz, self.configuration.clock_mhz),
            ("baud", self.baud, self.board.baud)) if given != default]
        return f"make fpga BOARD={self.board.name}{extra}" + (f" FPGA_ARGS='{' '.join(changed)}'" if changed else "")


def boards(path=TABLE):
    """{name: Board}. BadInput if the table cannot be used."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path}: {error}") from error
    found = {}
    for name, entry in table.items():
        try:
            configurations = {key: Configuration(name=key, **value) for key, value in entry.pop("configurations").items()}
            board = Board(name=name, configurations=configurations, **entry)
        except (TypeError, KeyError, AttributeError) as error:
            raise BadInput(f"{path.name}: [{name}]: {error}") from error
        if board.family not in ("ecp5", "ice40"):
            raise BadInput(f"{path.name}: [{name}]: family is ecp5 or ice40, not '{board.family}'")
        board.configuration()  # the default exists
        if board.id and board.id in (other.id for other in found.values()):
            raise BadInput(f"{path.name}: [{name}]: id {board.id} is another board's; take a free one")
        found[name] = board
    return found


def find(name, known):
    if name not in known:
        what = f"no board named '{name}'" if name else "no board given (make fpga BOARD=...)"
        raise BadInput(f"{what}; known: {', '.join(known)}")
    return known[name]


def build_of(board, config=None, *, seed=None, baud=None, frequency=None):
    """The Build of these choices, checked."""
    configuration = board.configuration(config)
    target = configuration.clock_mhz if frequency is None else frequency
    if not target > 0:
        raise BadInput(f"a clock of {target:g} MHz: give a positive number of MHz")
    pll = flow_pll.dividers(board.reference_mhz, target) if board.pll else None
    if pll is None and target > board.reference_mhz:
        raise BadInput(f"{board.name} has no PLL in its design: its clock is {board.reference_mhz:g} MHz, {target:g} MHz cannot be had")
    build = Build(board, configuration, target, board.baud if baud is None else baud, configuration.seed if seed is None else seed, pll)
    check_baud(build)
    if build.seed < 0:
        raise BadInput(f"a seed of {build.seed}: give a number that is not negative")
    return build


def check_baud(build):
    """The UART counts fractions of a clock: only a rate that leaves it too few clocks a bit is refused."""
    if not 9600 <= build.baud <= 12_000_000:
        raise BadInput(f"{build.baud} baud: give a rate from 9600 to 12000000")
    if build.clock_mhz * 1_000_000 < MINIMUM_CLOCKS_A_BIT * build.baud:
        raise BadInput(f"{build.baud} baud is too fast for a clock of {float(build.clock_mhz):g} MHz, which allows "
                       f"{int(build.clock_mhz * 1_000_000 / MINIMUM_CLOCKS_A_BIT)}")
