"""Which weights our four networks have: those that ship, or others in their place.

It opens no file but the package's own and builds no network.
"""

from hashlib import sha256

import msgspec

from lpr.detector import packaged_detector_weights
from lpr.rectifier import packaged_rectifier_weights
from lpr.second_look import packaged_second_weights
from lpr.sequence import packaged_reader_weights

__all__ = ["WeightSet"]


class WeightSet(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of four ONNX files; a reader may do without a second look."""

    detector: bytes
    rectifier: bytes
    reader: bytes
    second: bytes | None

    @classmethod
    def of(
        cls,
        *,
        detector: bytes | None = None,
        rectifier: bytes | None = None,
        reader: bytes | None = None,
        second: bytes | None = None,
    ) -> "WeightSet":
        """Those that are given, and those that ship in place of the others.

        The second look that ships is weighed against the reader that ships: another
        reader has none unless its weights are given too.
        """
        if reader is None:
            second = second or packaged_second_weights()
        return cls(
            detector=detector or packaged_detector_weights(),
            rectifier=rectifier or packaged_rectifier_weights(),
            reader=reader or packaged_reader_weights(),
            second=second,
        )

    @property
    def marks(self) -> tuple[str, ...]:
        """How each is named where it matters: the first eight digits of its hash."""
        all_of_them = (self.detector, self.rectifier, self.reader, self.second)
        return tuple(
            sha256(one).hexdigest()[:8] for one in all_of_them if one is not None
        )
