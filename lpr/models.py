"""What a detector and a reader of plates hand on, and what each must be able to do.

Values check themselves once. A reading never carries an average of confidences: one
illegible character makes the plate unread.
"""

from typing import Annotated, Final, Literal, Protocol, TypeAlias, get_args

import msgspec
import numpy as np

from lpr.decoding import Decoded
from lpr.image import Corners, Image, Region
from lpr.plate import PlateColour

__all__ = [
    "UNREAD_REASONS",
    "CharacterReading",
    "Detector",
    "LineReading",
    "PlateBox",
    "PlateReading",
    "Reader",
    "UnreadReason",
]

Probability: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
UnreadReason: TypeAlias = Literal[
    "no_frame",
    "no_plate",
    "too_small",
    "off_frame",
    "blurred",
    "glare",
    "covered",
    "doubtful",
    "grammar",
]
UNREAD_REASONS: Final[tuple[UnreadReason, ...]] = get_args(UnreadReason)


class PlateBox(msgspec.Struct, frozen=True, kw_only=True):
    """Where a plate may be: corners clockwise from its upper left, in pixels.

    ``lines`` of characters; nothing where the detector does not tell them apart.
    """

    corners: Corners
    confidence: float
    lines: Literal[1, 2] | None = None

    def __post_init__(self) -> None:
        """Refuse corners of another shape and confidences outside 0 to 1."""
        if self.corners.shape != (4, 2) or self.corners.dtype != np.float32:
            message = (
                f"corners are {self.corners.dtype}{self.corners.shape}, "
                "not float32(4, 2)"
            )
            raise ValueError(message)
        if not 0.0 <= self.confidence <= 1.0:
            message = f"confidence is {self.confidence}, not within 0 and 1"
            raise ValueError(message)

    @property
    def width_px(self) -> float:
        """Mean length of the upper and the lower edge."""
        top = self.corners[1] - self.corners[0]
        bottom = self.corners[2] - self.corners[3]
        return float((np.hypot(*top) + np.hypot(*bottom)) / 2)

    @property
    def height_px(self) -> float:
        """Mean length of the left and the right edge."""
        left = self.corners[3] - self.corners[0]
        right = self.corners[2] - self.corners[1]
        return float((np.hypot(*left) + np.hypot(*right)) / 2)


class CharacterReading(msgspec.Struct, frozen=True, kw_only=True):
    """One character and how sure the reader is of it, whatever stands beside it."""

    character: str
    confidence: float


class LineReading(msgspec.Struct, frozen=True, kw_only=True):
    """The characters of one plate in reading order, and the colour of its ground.

    ``complete`` is false when fewer were found than such a plate has.
    """

    characters: tuple[CharacterReading, ...]
    complete: bool
    colour: PlateColour | None

    @property
    def text(self) -> str:
        """The characters together."""
        return "".join(reading.character for reading in self.characters)

    def count_from(self, confidence: float) -> int:
        """How many characters are at least so sure."""
        return sum(one.confidence >= confidence for one in self.characters)

    @property
    def weakest(self) -> float:
        """Confidence of the least certain character; 0 when there is none."""
        return min((one.confidence for one in self.characters), default=0.0)


class PlateReading(msgspec.Struct, frozen=True, kw_only=True):
    """A plate that was read, or the reason why it was not.

    ``decoded`` is the whole distribution where the reader gives one: alternatives and
    the weakest character. ``pattern`` is what can be read of a covered plate, with
    ``?`` for each other character; nothing where none can be read.
    """

    text: str | None
    colour: PlateColour | None
    character_confidences: tuple[float, ...]
    corners: Corners | None
    unread_reason: UnreadReason | None
    decoded: Decoded | None = None
    pattern: str | None = None

    def __post_init__(self) -> None:
        """Refuse a reading that is both read and unread, or neither."""
        if (self.text is None) == (self.unread_reason is None):
            raise ValueError("a plate reading needs either text or unread_reason")
        characters = 0 if self.text is None else len(self.text)
        if characters != len(self.character_confidences):
            message = (
                f"a reading of {characters} characters has "
                f"{len(self.character_confidences)} confidences"
            )
            raise ValueError(message)

    @classmethod
    def read(cls, decoded: Decoded, *, corners: Corners | None) -> "PlateReading":
        """A plate that was read: the likeliest text of a distribution."""
        return cls(
            text=decoded.text,
            colour=decoded.colour,
            character_confidences=tuple(one.probability for one in decoded.places),
            corners=corners,
            unread_reason=None,
            decoded=decoded,
        )

    @classmethod
    def unread(
        cls,
        reason: UnreadReason,
        *,
        corners: Corners | None = None,
        colour: PlateColour | None = None,
        decoded: Decoded | None = None,
        pattern: str | None = None,
    ) -> "PlateReading":
        """A plate that was not read, for this reason."""
        return cls(
            text=None,
            colour=colour,
            character_confidences=(),
            corners=corners,
            unread_reason=reason,
            decoded=decoded,
            pattern=pattern,
        )


class Detector(Protocol):
    """Finds where plates may be."""

    def detect(self, image: Image, *, region: Region | None) -> tuple[PlateBox, ...]:
        """Boxes in pixels of the whole image, the most likely first."""
        ...


class Reader(Protocol):
    """Reads the characters of one plate."""

    def read(self, image: Image, box: PlateBox) -> LineReading | None:
        """What stands in the box; nothing when it holds no line of characters."""
        ...
