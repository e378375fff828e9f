"""Which weights our five networks have: those that ship, or others in their place.

It opens no file but the package's own and builds no network.
"""

from hashlib import sha256

import msgspec

from lpr.detector import packaged_detector_weights
from lpr.fine_reader import packaged_fine_weights
from lpr.rectifier import packaged_rectifier_weights
from lpr.second_look import packaged_second_weights
from lpr.sequence import packaged_reader_weights

__all__ = ["WeightSet"]


class WeightSet(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of five ONNX files."""

    detector: bytes
    rectifier: bytes
    reader: bytes
    fine: bytes
    second: bytes

    @classmethod
    def of(
        cls,
        *,
        detector: bytes | None = None,
        rectifier: bytes | None = None,
        reader: bytes | None = None,
        fine: bytes | None = None,
        second: bytes | None = None,
    ) -> "WeightSet":
        """Those that are given, and those that ship in place of the others."""
        return cls(
            detector=detector or packaged_detector_weights(),
            rectifier=rectifier or packaged_rectifier_weights(),
            reader=reader or packaged_reader_weights(),
            fine=fine or packaged_fine_weights(),
            second=second or packaged_second_weights(),
        )

    @property
    def marks(self) -> tuple[str, ...]:
        """How each is named where it matters: the first eight digits of its hash."""
        all_of_them = (
            self.detector,
            self.rectifier,
            self.reader,
            self.fine,
            self.second,
        )
        return tuple(sha256(one).hexdigest()[:8] for one in all_of_them)
