"""Where the rows of an owned tile lie: in which lanes, and which head and query each of them is.

Many rows fill the registers: a score register holds the rows of one key. Few rows leave lanes
over, so a score register holds all rows of one key, then all rows of the next, and so on.
"""

from dataclasses import dataclass, replace

from attnc.codegen.tvm.machine import Machine

STREAMS = 4  # registers of scores that a loop over a tile takes at a time, in independent chains
# Key tiles of a chunk where rows are few: its values stay in the first or second cache.
FEW_CHUNK, FEW_CHUNK_OF_PAIRS = 2, 4


@dataclass(frozen=True, slots=True)
class Placement:
    """`vectors` registers of `lanes` lanes hold `rows` rows of `abreast` keys.

    Row r is head r mod `packed` of the tile's first and query r div `packed`. Where keys lie
    abreast, `rows` is a power of two, and rows beyond the tile's own repeat its last ones.
    `sums` registers accumulate output columns.
    """

    lanes: int
    vectors: int
    rows: int
    packed: int
    sums: int

    @property
    def width(self) -> int:
        """Numbers in the registers of one step."""
        return self.lanes * self.vectors

    @property
    def abreast(self) -> int:
        """Keys of one step."""
        return self.width // self.rows

    @property
    def few(self) -> bool:
        """Whether several keys share a register."""
        return self.abreast > 1

    @property
    def plain(self) -> bool:
        """Whether neighbouring lanes are neighbouring queries."""
        return self.packed == 1 and not self.few

    def row(self, offset: str) -> str:
        """The tile's row in each lane of a vector, whose first is `offset`."""
        if not self.few:
            return f"T.ramp({offset}, 1, {self.lanes})"
        return f"T.floormod({self._lanes}, {self.repeated(self.rows)})"

    def abreast_from(self, first: str) -> str:
        """The keys in the lanes of a vector, of which `first` is the first."""
        key = f"T.floordiv({self._lanes}, {self.repeated(self.rows)})"
        return f"({self.repeated(f'({first})')} + {key})"

    @property
    def _lanes(self) -> str:
        return f"T.ramp(0, 1, {self.lanes})"

    def repeated(self, number: int | str) -> str:
        """An int over lanes."""
        text = f"T.int32({number})" if isinstance(number, int) else number
        return f"T.broadcast({text}, {self.lanes})"

    def query(self, row: str, vector: bool = False) -> str:
        """The query of a row of the tile, counted from the tile's first."""
        packed = self.repeated(self.packed) if vector else self.packed
        return row if self.packed == 1 else f"T.floordiv({row}, {packed})"

    def head(self, row: str, vector: bool = False) -> str:
        """The head of a row of the tile, counted from the tile's first."""
        packed = self.repeated(self.packed) if vector else self.packed
        return f"T.floormod({row}, {packed})"


def place_tile(machine: Machine, rows: int, keys: int, packed: int, columns: int) -> Placement:
    """The placement of a tile of rows by keys, whose operands have at least so many columns."""
    abreast = keys_abreast(machine, rows)
    if abreast > 1 and keys % (STREAMS * abreast) == 0 and columns >= machine.lanes:
        sums = _sums(machine.few or machine)
        return Placement(machine.lanes, 1, machine.lanes // abreast, packed, sums)
    vectors = -(-rows // machine.lanes)
    return Placement(machine.lanes, vectors, machine.lanes * vectors, packed, _sums(machine))


def _sums(machine: Machine) -> int:
    """Registers for sums of columns: two thirds of a tile's, as the rest holds what is added."""
    return 2 * machine.vectors * machine.keys // 3


def keys_abreast(machine: Machine, rows: int) -> int:
    """How many keys' scores of so many rows fit into a register."""
    return max(1, machine.lanes // (1 << (rows - 1).bit_length()))


def fitted(machine: Machine, placement: Placement, keys: int) -> Machine:
    """The machine with the vectors, keys and chunk of a kernel's tile."""
    if not placement.few:
        return replace(machine, vectors=placement.vectors, keys=keys)
    machine = machine.few or machine
    chunk = FEW_CHUNK_OF_PAIRS if machine.dot else FEW_CHUNK
    return replace(machine, vectors=placement.vectors, keys=keys, chunk=chunk)
