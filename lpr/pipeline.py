"""From a camera frame to a plate that was read, or to the reason why it was not.

A plate is read only when every single character is sure and the whole keeps the
grammar of its colour; otherwise it is unread. There is no average and no guess.
"""

from functools import cache
from importlib import resources
from typing import Final

import msgspec
import numpy as np

from lpr.crops import judge_cut_out, seems_cut_out
from lpr.detector import NetworkDetector, packaged_detector_weights
from lpr.errors import PlateError
from lpr.finder import ColourFinder
from lpr.glyphs import GlyphClassifier
from lpr.image import Image, Region, is_grey, sharpness_at, without_colour
from lpr.judging import Judged, PlateLimits, read_and_judge
from lpr.lines import LineReader
from lpr.models import (
    Detector,
    LineReading,
    PlateBox,
    PlateReading,
    Reader,
    UnreadReason,
)
from lpr.onnx import EngineName
from lpr.plate import Plate
from lpr.sequence import SequenceReader
from lpr.weight_set import WeightSet

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
    """A detector and a reader with the limits under which they are believed.

    ``limits`` are those of a reader of single characters, ``plate_limits`` those of the
    sequence reader.
    """

    detector: Detector
    reader: Reader | SequenceReader
    limits: Limits = Limits()
    plate_limits: PlateLimits = PlateLimits()

    @classmethod
    def with_weights(cls, weights: bytes) -> "Pipeline":
        """The reader with these weights.

        Raises:
            WeightsError: the bytes are no weights of this reader.
        """
        reader = LineReader(GlyphClassifier.load(weights))
        return cls(detector=ColourFinder(), reader=reader)

    @classmethod
    def with_networks(
        cls, weights: WeightSet, *, runtime: EngineName | None = None
    ) -> "Pipeline":
        """Detector and sequence reader with these weights.

        Raises:
            EngineError: the runtime is not installed.
            WeightsError: the bytes are no weights of these networks.
        """
        return cls(
            detector=NetworkDetector.load(
                weights.detector, rectifier=weights.rectifier, engine=runtime
            ),
            reader=SequenceReader.load(
                weights.reader, fine=weights.fine, second=weights.second, engine=runtime
            ),
        )

    @classmethod
    def networks(cls) -> "Pipeline":
        """Detector and sequence reader with the weights of the package."""
        return _networks()

    @classmethod
    def glyphs(cls) -> "Pipeline":
        """The first reader, of single characters, with the weights of the package."""
        return _glyphs()

    @classmethod
    def standard(cls) -> "Pipeline":
        """The reader with the weights that ship inside the package."""
        return _standard()

    def read(
        self, image: Image | None, *, region: Region | None = None
    ) -> PlateReading:
        """Read the plate of one frame, BGR, inside a region given as fractions.

        Of several plates the widest counts, being the nearest; when that one cannot be
        read, a smaller one elsewhere is another vehicle's and is not read instead. If
        none can be read, the most likely one gives the reason.
        """
        if image is None or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            return PlateReading.unread("no_frame")
        shown, reader = self._for(image)
        read: Judged | None = None
        failures: list[Judged] = []
        for box in self._boxes(shown, region):
            if read is not None and not _is_nearer(box, read.box):
                continue
            judged = self._judge(shown, box, reader)
            if judged.reading.text is not None:
                read = judged
            elif judged.reading.unread_reason != "no_plate":
                failures.append(judged)
        if read is None:
            return failures[0].reading if failures else PlateReading.unread("no_plate")
        for failure in failures:
            if failure.is_plate and _is_nearer(failure.box, read.box):
                return failure.reading
        return read.reading

    def read_all(
        self, image: Image, *, region: Region | None = None
    ) -> tuple[PlateReading, ...]:
        """All plates of a frame, read or not, the most likely first."""
        shown, reader = self._for(image)
        judged = [self._judge(shown, box, reader) for box in self._boxes(shown, region)]
        return tuple(
            one.reading for one in judged if one.reading.unread_reason != "no_plate"
        )

    def read_picture(self, image: Image) -> tuple[PlateReading, ...]:
        """All plates of a picture from anywhere: of a frame, or one that was cut out.

        What has the size and the shape of a plate alone, and holds none that the
        detector sees, is read as the one plate that fills it.
        """
        readings = self.read_all(image)
        if readings or not seems_cut_out(image):
            return readings
        shown, reader = self._for(image)
        networks = self.detector, reader
        match networks:
            case (NetworkDetector() as detector, SequenceReader() as reader):
                reading = judge_cut_out(
                    shown, detector.rectifier, reader, self.plate_limits
                ).reading
                return () if reading.unread_reason == "no_plate" else (reading,)
            case _:
                return ()

    def _for(self, image: Image) -> tuple[Image, Reader | SequenceReader]:
        """A picture as it is read, and who reads it.

        The tint of a picture without colour would be taken for a plate's, and what is
        dark in it for black: it is read in brightness alone, and no ground is believed.
        """
        if not is_grey(image):
            return image, self.reader
        reader = self.reader
        if isinstance(reader, SequenceReader):
            reader = reader.in_grey()
        return without_colour(image), reader

    def _boxes(self, image: Image, region: Region | None) -> tuple[PlateBox, ...]:
        return self.detector.detect(image, region=region)

    def _judge(
        self, image: Image, box: PlateBox, reader: Reader | SequenceReader
    ) -> Judged:
        if isinstance(reader, SequenceReader):
            return read_and_judge(image, box, reader, self.plate_limits)
        limits = self.limits
        if box.width_px < limits.plate_width_px:
            reading = PlateReading.unread("too_small", corners=box.corners)
            return Judged(box, reading, is_plate=False)
        line = reader.read(image, box)
        sure = 0 if line is None else line.count_from(limits.character_confidence)
        is_plate = sure >= limits.sure_characters
        if line is not None and line.complete and sure == len(line.characters):
            return Judged(box, _checked(line, box), is_plate=is_plate)
        reason: UnreadReason = "doubtful" if is_plate else "no_plate"
        if sharpness_at(image, box.corners) < limits.sharpness_per_px:
            reason = "blurred"
        colour = None if line is None else line.colour
        reading = PlateReading.unread(reason, corners=box.corners, colour=colour)
        return Judged(box, reading, is_plate=is_plate)


def _is_nearer(box: PlateBox, other: PlateBox) -> bool:
    """Tell whether a box is wider than another and stands elsewhere."""
    low = np.maximum(box.corners.min(axis=0), other.corners.min(axis=0))
    high = np.minimum(box.corners.max(axis=0), other.corners.max(axis=0))
    elsewhere = bool((high <= low).any())
    return elsewhere and box.width_px > other.width_px


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
    return _networks()


@cache
def _networks() -> Pipeline:
    return Pipeline(
        detector=NetworkDetector.load(packaged_detector_weights()),
        reader=SequenceReader.standard(),
    )


@cache
def _glyphs() -> Pipeline:
    return Pipeline.with_weights(packaged_weights())
