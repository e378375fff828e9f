"""Samples of a recording, block by block, however long it is.

An ``.npz`` file is a ZIP archive of ``.npy`` members. NumPy reads a member whole, which
for an hour of a wide road is more than a small machine has; here a member is read in
blocks, stored or deflated. Nothing is guessed: a recording that is cut short, spoiled
or of another shape is refused with the file and the array named.
"""

import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

import msgspec
import numpy as np
import numpy.typing as npt

from wim.cli.errors import WrongUseError, reason
from wim.clips import Block
from wim.drift import DriftState
from wim.health import Run
from wim.samples import Site
from wim.scatter import USUAL_SCATTERS

__all__ = ["Recording"]

_BLOCK = 4096
_RATES_HZ = (100.0, 1e6)
_UNIX_S = (0.0, 1e11)
_CELSIUS = (-100.0, 100.0)
_LARGEST_IN_BLOCKS = 2**32 - 1
_LARGEST_BYTES = 1 << 26
"""Of any array but the counts, which alone are read piece by piece."""
_UNREADABLE = (
    OSError,
    EOFError,
    MemoryError,
    RecursionError,
    RuntimeError,  # an encrypted member
    ValueError,
    NotImplementedError,
    struct.error,
    tokenize.TokenError,  # a header that is no Python literal
    zipfile.BadZipFile,
    zlib.error,
)
"""What is raised on a file that is no whole archive of plain arrays."""


_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""By version; a third one is for names of fields, which no array here has."""


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before the figures of one array."""

    shape: tuple[int, ...]
    by_column: bool
    dtype: np.dtype[np.generic]
    length: int


class Recording:
    """One recording, open for reading; a context manager.

    Attributes:
        samples: per channel.
        channels: columns of the counts.
        sample_rate_hz: of every channel.
        start_time_s: Unix time of the first sample, None where it is not given.
        temperature_c: of the pavement, None where it is not given.
        cuts: the blocks in which a station weighed the samples; none of most
            recordings, always of a clip sealed as evidence.
        runs: what that station remembered of its strips, one a strip, or none.
        drift: the control charts that it kept of its lanes, or none.
        usual_scatters: how far the rows of each of its lanes usually were from each
            other, one a lane, or none.

    Args:
        path: an ``.npz`` file.

    Raises:
        WrongUseError: the file cannot be read or an array is not what it must be; the
            line names file and array.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        try:
            file = self._stack.enter_context(path.open("rb"))
            self._archive = self._stack.enter_context(zipfile.ZipFile(file))
            self._names = self._members()
            self._header = self._counts_header()
            self.sample_rate_hz = self._rate()
            self.start_time_s = self._figure("start_time_s", within=_UNIX_S)
            self.temperature_c = self._figure("temperature_c", within=_CELSIUS)
            self.cuts = tuple(Block(*row) for row in self._table("blocks", columns=3))
            self.runs = tuple(Run(*row) for row in self._table("strip_runs", columns=2))
            self.drift = self._charts()
            self.usual_scatters = self._usual_scatters()
            self._check_cuts()
        except _UNREADABLE as error:
            self._stack.close()
            raise self._unreadable(error) from error
        except WrongUseError:
            self._stack.close()
            raise
        self.samples, self.channels = self._header.shape

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def check_channels(self, site: Site, *, named: Path) -> None:
        """Refuse a site that names other channels or strips than were recorded.

        Raises:
            WrongUseError: it does; the line names both files.
        """
        for i, lane in enumerate(site.lanes):
            for k, strip in enumerate(lane.strips):
                if strip.channel >= self.channels:
                    message = (
                        f"{named}: key 'lanes[{i}].strips[{k}].channel': "
                        f"{strip.channel}, but array 'counts' of {self._path} has "
                        f"{self.channels} channels (0 to {self.channels - 1}); give "
                        f"the site of this recording"
                    )
                    raise WrongUseError(message)
        strips = sum(len(lane.strips) for lane in site.lanes)
        if self.runs and len(self.runs) != strips:
            message = (
                f"{named}: describes {strips} strips, but array 'strip_runs' of "
                f"{self._path} speaks of {len(self.runs)}; give the site of this "
                f"recording"
            )
            raise WrongUseError(message)
        lanes = len(site.lanes)
        if self.usual_scatters and len(self.usual_scatters) != lanes:
            message = (
                f"{named}: describes {lanes} lanes, but array 'usual_scatters' of "
                f"{self._path} speaks of {len(self.usual_scatters)}; give the site of "
                f"this recording"
            )
            raise WrongUseError(message)

    def blocks(self) -> Iterator[npt.NDArray[np.int32]]:
        """Yield the counts, int32 of shape (some samples, channels), in order.

        They are cut as ``cuts`` says, where it says so.

        Raises:
            WrongUseError: the file ends or is spoiled before the last sample.
        """
        try:
            if self._header.by_column:
                yield from self._by_column()
            else:
                yield from self._by_sample()
        except _UNREADABLE as error:
            raise self._unreadable(error) from error

    def _by_sample(self) -> Iterator[npt.NDArray[np.int32]]:
        with self._archive.open("counts.npy") as member:
            member.seek(self._header.length)
            for rows in self._sizes():
                part = self._read(member, rows * self.channels)
                yield part.reshape(rows, self.channels)
            self._at_end(member)

    def _by_column(self) -> Iterator[npt.NDArray[np.int32]]:
        """Read an array that lies column after column: one reader for each."""
        with ExitStack() as stack:
            members = []
            for k in range(self.channels):
                member = stack.enter_context(self._archive.open("counts.npy"))
                member.seek(self._header.length + 4 * k * self.samples)
                members.append(member)
            for rows in self._sizes():
                part = [self._read(member, rows) for member in members]
                yield np.ascontiguousarray(np.stack(part, axis=1))
            self._at_end(members[-1])

    def _sizes(self) -> Iterator[int]:
        if self.cuts:
            yield from (cut.samples for cut in self.cuts)
            return
        for at in range(0, self.samples, _BLOCK):
            yield min(_BLOCK, self.samples - at)

    def _read(self, member: IO[bytes], figures: int) -> npt.NDArray[np.int32]:
        content = member.read(4 * figures)
        if len(content) < 4 * figures:
            message = "array 'counts' is cut short"
            raise EOFError(message)
        return np.frombuffer(content, self._header.dtype).astype(np.int32, copy=False)

    @staticmethod
    def _at_end(member: IO[bytes], name: str = "counts") -> None:
        """Read to the end, where the archive's checksum is compared."""
        if member.read(1):
            message = f"array '{name}' is longer than its shape"
            raise ValueError(message)

    def _members(self) -> set[str]:
        """Return what the archive holds, each once: readers differ on a second one."""
        names: set[str] = set()
        for name in self._archive.namelist():
            if name in names:
                message = (
                    f"{self._path}: array '{name.removesuffix('.npy')}' stands in the "
                    f"archive more than once"
                )
                raise WrongUseError(message)
            names.add(name)
        return names

    def _counts_header(self) -> _Header:
        if "counts.npy" not in self._names:
            raise self._missing("counts")
        header = self._read_header("counts.npy")
        dtype, shape = header.dtype, header.shape
        if dtype.kind != "i" or dtype.itemsize != 4 or len(shape) != 2:
            message = (
                f"{self._path}: array 'counts' is {dtype} of shape {shape}; expected "
                f"int32 of shape (samples, channels)"
            )
            raise WrongUseError(message)
        if 0 in shape:
            message = (
                f"{self._path}: array 'counts' of shape {shape} holds no sample; "
                f"expected int32 of shape (samples, channels)"
            )
            raise WrongUseError(message)
        held = self._archive.getinfo("counts.npy").file_size - header.length
        if held != 4 * shape[0] * shape[1]:
            message = f"array 'counts' of shape {shape} holds {held} bytes"
            raise ValueError(message)
        return header

    def _rate(self) -> float:
        rate = self._figure("sample_rate_hz", within=_RATES_HZ)
        if rate is None:
            raise self._missing("sample_rate_hz")
        return rate

    def _figure(self, name: str, *, within: tuple[float, float]) -> float | None:
        """Return an array that is one number, None where there is no array."""
        if f"{name}.npy" not in self._names:
            return None
        header = self._read_header(f"{name}.npy")
        if header.shape != () or header.dtype.kind not in "fiu":
            message = (
                f"{self._path}: array '{name}' is {header.dtype} of shape "
                f"{header.shape}; expected one number (shape ())"
            )
            raise WrongUseError(message)
        with self._archive.open(f"{name}.npy") as member:
            member.seek(header.length)
            content = member.read(header.dtype.itemsize)
            self._at_end(member, name)
        if len(content) < header.dtype.itemsize:
            message = f"array '{name}' is cut short"
            raise EOFError(message)
        value = float(np.frombuffer(content, header.dtype)[0])
        low, high = within
        if not low <= value <= high:
            message = (
                f"{self._path}: array '{name}' is {value}; expected one number from "
                f"{low:g} to {high:g}"
            )
            raise WrongUseError(message)
        return value

    def _table(self, name: str, *, columns: int) -> list[list[int]]:
        """Return an array of whole numbers by row, none where there is no array."""
        if f"{name}.npy" not in self._names:
            return []
        header = self._read_header(f"{name}.npy")
        rows = header.shape[0] if len(header.shape) == 2 else -1
        if header.dtype != np.dtype("<i8") or header.shape != (rows, columns):
            message = (
                f"{self._path}: array '{name}' is {header.dtype} of shape "
                f"{header.shape}; expected int64 of shape (some, {columns})"
            )
            raise WrongUseError(message)
        with self._archive.open(f"{name}.npy") as member:
            member.seek(header.length)
            content = member.read(8 * rows * columns)
            self._at_end(member, name)
        if len(content) < 8 * rows * columns:
            message = f"array '{name}' is cut short"
            raise EOFError(message)
        order: Literal["C", "F"] = "F" if header.by_column else "C"
        figures = np.frombuffer(content, header.dtype)
        told: list[list[int]] = figures.reshape(rows, columns, order=order).tolist()
        for figure in (figure for row in told for figure in row):
            if not 0 <= figure <= _LARGEST_IN_BLOCKS:
                message = (
                    f"{self._path}: array '{name}' holds {figure}; expected whole "
                    f"numbers from 0 to {_LARGEST_IN_BLOCKS}"
                )
                raise WrongUseError(message)
        return told

    def _charts(self) -> tuple[DriftState, ...]:
        """Return what an array of JSON text says of the lanes' drift."""
        content = self._column("drift", np.dtype("u1"))
        if content is None:
            return ()
        try:
            return msgspec.json.decode(content, type=tuple[DriftState, ...])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"{self._path}: array 'drift' holds no control charts: {error}"
            raise WrongUseError(message) from error

    def _usual_scatters(self) -> tuple[float, ...]:
        """Return an array of figures that can be usual."""
        content = self._column("usual_scatters", np.dtype("<f8"))
        figures = np.frombuffer(content or b"", np.dtype("<f8")).tolist()
        least, most = USUAL_SCATTERS
        for figure in figures:
            if not least <= figure <= most:
                message = (
                    f"{self._path}: array 'usual_scatters' holds {figure}; expected "
                    f"numbers from {least} to {most}"
                )
                raise WrongUseError(message)
        return tuple(figures)

    def _column(self, name: str, dtype: np.dtype[np.generic]) -> bytes | None:
        """Return the bytes of an array of one dimension, None where there is none."""
        if f"{name}.npy" not in self._names:
            return None
        header = self._read_header(f"{name}.npy")
        if header.dtype != dtype or len(header.shape) != 1:
            message = (
                f"{self._path}: array '{name}' is {header.dtype} of shape "
                f"{header.shape}; expected {dtype} of shape (some,)"
            )
            raise WrongUseError(message)
        size = header.shape[0] * dtype.itemsize
        with self._archive.open(f"{name}.npy") as member:
            member.seek(header.length)
            content = member.read(size)
            self._at_end(member, name)
        if len(content) < size:
            message = f"array '{name}' is cut short"
            raise EOFError(message)
        return content

    def _check_cuts(self) -> None:
        told = sum(cut.samples for cut in self.cuts)
        if self.cuts and told != self._header.shape[0]:
            message = (
                f"{self._path}: array 'blocks' is of {told} samples; expected "
                f"{self._header.shape[0]}, as array 'counts'"
            )
            raise WrongUseError(message)

    def _read_header(self, member_name: str) -> _Header:
        name = member_name.removesuffix(".npy")
        size = self._archive.getinfo(member_name).file_size
        if name != "counts" and size > _LARGEST_BYTES:
            message = f"array '{name}' has {size} bytes; only 'counts' may be long"
            raise ValueError(message)
        with self._archive.open(member_name) as member, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of files by Python 2
            try:
                version = np.lib.format.read_magic(member)
                read = _HEADERS[version](member)
            except (KeyError, *_UNREADABLE) as error:
                message = f"array '{name}' does not begin as an .npy array does"
                raise ValueError(message) from error
            shape, by_column, dtype = read
            return _Header(
                shape=shape, by_column=by_column, dtype=dtype, length=member.tell()
            )

    def _missing(self, name: str) -> WrongUseError:
        message = (
            f"{self._path}: missing array '{name}'; a recording is an .npz archive "
            f"with counts and sample_rate_hz"
        )
        return WrongUseError(message)

    def _unreadable(self, error: Exception) -> WrongUseError:
        message = (
            f"{self._path}: cannot be read as a recording: {reason(error)}; expected "
            f"a whole .npz archive"
        )
        return WrongUseError(message)
