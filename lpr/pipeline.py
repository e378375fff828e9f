"""From a camera frame to a plate that was read, or to the reason why it was not.

A plate is read only when every single character is sure and the whole keeps the
grammar of its colour; otherwise it is unread. There is no average and no guess.
"""

from functools import cache
from importlib import resources
from typing import Final

import msgspec

from lpr.errors import PlateError
from lpr.finder import ColourFinder
from lpr.glyphs import GlyphClassifier
from lpr.image import Image, Region, sharpness_at
from lpr.lines import LineReader
from lpr.models import (
    Detector,
    LineReading,
    PlateBox,
    PlateReading,
    Reader,
    UnreadReason,
)
from lpr.plate import Plate

__all__ = ["Limits", "Pipeline", "packaged_weights"]

_WEIGHTS: Final = "glyphs.npz"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Below these a plate is unread.

    A sharp patch with fewer than ``sure_characters`` is not taken for a plate at all:
    lettering, grilles and signs end there.
    """

    character_confidence: float = 0.9
    sure_characters: int = 3
    plate_width_px: float = 72.0
    sharpness_per_px: float = 0.16


def packaged_weights() -> bytes:
    """The weights that ship inside the package: the one read of package data here.

    Whoever has other weights gives their bytes to :meth:`Pipeline.with_weights`.
    """
    return resources.files("lpr").joinpath("weights", _WEIGHTS).read_bytes()


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A detector and a reader with the limits under which they are believed."""

    detector: Detector
    reader: Reader
    limits: Limits = Limits()

    @classmethod
    def with_weights(cls, weights: bytes) -> "Pipeline":
        """The reader with these weights.

        Raises:
            WeightsError: the bytes are no weights of this reader.
        """
        reader = LineReader(GlyphClassifier.load(weights))
        return cls(detector=ColourFinder(), reader=reader)

    @classmethod
    def standard(cls) -> "Pipeline":
        """The reader with the weights that ship inside the package."""
        return _standard()

    def read(
        self, image: Image | None, *, region: Region | None = None
    ) -> PlateReading:
        """Read the plate of one frame, BGR, inside a region given as fractions.

        Of several candidates the most likely one that can be read counts; if none
        can, the most likely one gives the reason.
        """
        if image is None or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            return PlateReading.unread("no_frame")
        failures: list[PlateReading] = []
        for box in self.detector.detect(image, region=region):
            reading = self._judge(image, box)
            if reading.text is not None:
                return reading
            if reading.unread_reason != "no_plate":
                failures.append(reading)
        return failures[0] if failures else PlateReading.unread("no_plate")

    def _judge(self, image: Image, box: PlateBox) -> PlateReading:
        limits = self.limits
        if box.width_px < limits.plate_width_px:
            return PlateReading.unread("too_small", corners=box.corners)
        line = self.reader.read(image, box)
        sure = 0 if line is None else line.count_from(limits.character_confidence)
        if line is not None and line.complete and sure == len(line.characters):
            return _checked(line, box)
        reason: UnreadReason = (
            "no_plate" if sure < limits.sure_characters else "doubtful"
        )
        if sharpness_at(image, box.corners) < limits.sharpness_per_px:
            reason = "blurred"
        colour = None if line is None else line.colour
        return PlateReading.unread(reason, corners=box.corners, colour=colour)


def _checked(line: LineReading, box: PlateBox) -> PlateReading:
    """A sure line becomes a plate only if grammar and colour go together."""
    try:
        plate = Plate.parse(line.text, line.colour)
    except PlateError:
        return PlateReading.unread("grammar", corners=box.corners, colour=line.colour)
    return PlateReading(
        text=plate.text,
        colour=plate.colour,
        character_confidences=tuple(one.confidence for one in line.characters),
        corners=box.corners,
        unread_reason=None,
    )


@cache
def _standard() -> Pipeline:
    return Pipeline.with_weights(packaged_weights())
