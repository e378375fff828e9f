"""Engines side by side: ours, and third-party ones where they are installed.

Each row of the table is an engine that can be asked for by name. Others are imported
only when asked for, and one that is missing, or cannot run here, is one line. None of
them may fetch a model: those whose wheel holds none have no row.
"""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module, metadata
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from lpr.crops import judge_cut_out
from lpr.detector import NetworkDetector
from lpr.errors import EngineError
from lpr.finder import ColourFinder
from lpr.glyphs import GlyphClassifier
from lpr.image import (
    OPENCV_VERSION,
    Corners,
    Image,
    holds,
    is_grey,
    straighten,
    without_colour,
)
from lpr.judging import Judged, PlateLimits, read_and_judge
from lpr.lines import LineReader
from lpr.models import PlateBox
from lpr.onnx import EngineName
from lpr.pipeline import packaged_weights
from lpr.plate import PROVINCES, PlateColour
from lpr.second_opinion import is_in_doubt
from lpr.sequence import SequenceReader
from lpr.strips import Lines
from lpr.weight_set import WeightSet

__all__ = [
    "ENGINES",
    "Answer",
    "Engine",
    "EngineRow",
    "nearest_on",
    "open_engine",
    "own_engine",
]

_SURE: Final = 0.9
_PLATE_CHARACTERS: Final = frozenset(
    PROVINCES + "ABCDEFGHJKLMNOPQRSTUVWXYZ0123456789挂学警港澳领使超民航"
)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One plate as an engine reads it; ``accepted`` when the engine stands by it.

    ``in_doubt`` when it would, were the characters sure enough. ``lines`` of
    characters; nothing where the engine does not tell.
    """

    text: str | None
    confidence: float
    colour: PlateColour | None
    corners: Corners | None
    accepted: bool
    in_doubt: bool = False
    lines: Lines | None = None


class Engine(Protocol):
    """Whatever reads plates."""

    @property
    def version(self) -> str:
        """Names, versions and settings of all that takes part."""
        ...

    def read_crop(self, image: Image) -> Answer | None:
        """The plate that fills a picture.

        Raises:
            EngineError: a third party's code failed on it.
        """
        ...

    def read_frame(self, image: Image) -> tuple[Answer, ...]:
        """All plates of a frame, with their corners.

        Raises:
            EngineError: a third party's code failed on it.
        """
        ...


class EngineRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table: how an engine is opened, and what pip installs for it."""

    name: str
    needs: str
    open: Callable[[], Engine]


def nearest_on(answers: Sequence[Answer], point: tuple[float, float]) -> Answer | None:
    """The answer whose box lies on a point [px], the nearest of several."""
    on_it = [
        (float(np.hypot(*(answer.corners.mean(axis=0) - point))), answer)
        for answer in answers
        if answer.corners is not None and holds(answer.corners, point)
    ]
    return min(on_it, key=lambda pair: pair[0])[1] if on_it else None


def _from_box(corners: Any) -> Corners:  # noqa: ANN401  as the engines give it
    return np.asarray(corners, np.float32).reshape(4, 2)


def _upright(x0: float, y0: float, x1: float, y1: float) -> Corners:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


class _Networks:
    """Our own detector and sequence reader."""

    def __init__(
        self, detector: NetworkDetector, reader: SequenceReader, *, version: str
    ) -> None:
        self._detector = detector
        self._reader = reader
        self._limits = PlateLimits()
        self.version = version

    def read_crop(self, image: Image) -> Answer | None:
        image, reader = self._shown(image)
        judged = judge_cut_out(image, self._detector.rectifier, reader, self._limits)
        return self._answer(image, judged, corners=None, lines=None)

    def read_frame(self, image: Image) -> tuple[Answer, ...]:
        image, reader = self._shown(image)
        return tuple(
            self._answer(
                image,
                read_and_judge(image, box, reader, self._limits),
                corners=box.corners,
                lines=box.lines,
            )
            for box in self._detector.detect(image, region=None)
        )

    def _shown(self, image: Image) -> tuple[Image, SequenceReader]:
        """What is read and by whom, as a pipeline does it."""
        if not is_grey(image):
            return image, self._reader
        return without_colour(image), self._reader.in_grey()

    def _answer(
        self,
        image: Image,
        judged: Judged,
        *,
        corners: Corners | None,
        lines: Lines | None,
    ) -> Answer:
        """What is seen, accepted where the judge of pictures gives it out as read."""
        reading = judged.reading
        decoded = reading.decoded
        return Answer(
            text=None if decoded is None else decoded.text or None,
            confidence=0.0 if decoded is None else decoded.confidence,
            colour=reading.colour,
            corners=corners,
            accepted=reading.text is not None,
            in_doubt=is_in_doubt(image, reading, self._limits),
            lines=lines,
        )


class _Glyphs:
    """The first reader: colour finds the plate, single characters are classified."""

    def __init__(self) -> None:
        self._finder = ColourFinder()
        self._reader = LineReader(GlyphClassifier.load(packaged_weights()))
        self.version = f"luheng {_version('luheng')}, single characters"

    def read_crop(self, image: Image) -> Answer | None:
        height, width = image.shape[:2]
        box = PlateBox(corners=_upright(0, 0, width, height), confidence=1.0)
        return self._answer(image, box)

    def read_frame(self, image: Image) -> tuple[Answer, ...]:
        boxes = self._finder.detect(image, region=None)
        return tuple(self._answer(image, box) for box in boxes)

    def _answer(self, image: Image, box: PlateBox) -> Answer:
        line = self._reader.read(image, box)
        if line is None:
            return Answer(
                text=None,
                confidence=0.0,
                colour=None,
                corners=box.corners,
                accepted=False,
            )
        return Answer(
            text=line.text or None,
            confidence=line.weakest,
            colour=line.colour,
            corners=box.corners,
            accepted=line.complete and line.weakest >= _SURE,
        )


class _HyperLpr2:
    """hyperlpr2 (MIT): SSD finder and Inception reader, Caffe files of its wheel."""

    def __init__(self) -> None:
        if int(OPENCV_VERSION.split(".")[0]) >= 5:
            message = (
                f"engine hyperlpr2 needs OpenCV 4 for its Caffe files, here is "
                f"{OPENCV_VERSION}: run luheng-lpr in an environment with "
                f"opencv-python<5"
            )
            raise EngineError(message)
        self._engine = _module("hyperlpr2", engine="hyperlpr2").PR
        self.version = f"hyperlpr2 {_version('hyperlpr2')}, OpenCV {OPENCV_VERSION}"

    def read_crop(self, image: Image) -> Answer | None:
        height, width = image.shape[:2]
        flat = straighten(image, _upright(0, 0, width, height), width=136, height=36)
        with _their_own("hyperlpr2"):
            text, confidence = self._engine.segmentation_free_recognition(flat)
        return _answer(text, float(confidence), None)

    def read_frame(self, image: Image) -> tuple[Answer, ...]:
        with _their_own("hyperlpr2"):
            found = self._engine.plate_recognition(image, 30, True)
        return tuple(
            _answer(text, float(confidence), _upright(*map(float, box[:4])))
            for text, confidence, box in found
        )


class _PaddleOcr:
    """PP-OCR through a RapidOCR wheel (Apache-2.0), cut to plate characters."""

    def __init__(self, name: str, package: str, distribution: str) -> None:
        module = _module(package, engine=name)
        with contextlib.redirect_stdout(io.StringIO()):
            self._engine = module.RapidOCR(
                intra_op_num_threads=1, inter_op_num_threads=1
            )
        self._name = name
        self.version = f"{distribution} {_version(distribution)}, whitelist of plates"

    def read_crop(self, image: Image) -> Answer | None:
        with _their_own(self._name):
            found, _ = self._engine(image, use_det=False, use_cls=False, use_rec=True)
        if not found:
            return None
        text, confidence = found[0][0], found[0][1]
        return _answer(text, float(confidence), None)

    def read_frame(self, image: Image) -> tuple[Answer, ...]:
        with _their_own(self._name):
            found, _ = self._engine(image)
        return tuple(
            _answer(text, float(confidence), _from_box(box))
            for box, text, confidence in found or ()
        )


class _AgentClpr:
    """agentclpr (Apache-2.0): its corner finder and its PP-OCR, from its wheel."""

    def __init__(self) -> None:
        module = _module("agentclpr", engine="agentclpr")
        with contextlib.redirect_stdout(io.StringIO()):
            self._engine: Any = module.CLPSystem()
        self.version = f"agentclpr {_version('agentclpr')}"

    def read_crop(self, image: Image) -> Answer | None:
        with _their_own("agentclpr"):
            found = self._engine.ocr(image, det=False, cls=False)
        if not found:
            return None
        text, confidence = found[0][0], found[0][1]
        return _answer(text, float(confidence), None)

    def read_frame(self, image: Image) -> tuple[Answer, ...]:
        with _their_own("agentclpr"):
            found = self._engine.det_ocr(image)
        return tuple(
            _answer(text, float(confidence), _from_box(points))
            for points, (text, confidence) in found
        )


@contextlib.contextmanager
def _their_own(name: str) -> Iterator[None]:
    """Whatever goes wrong inside another engine is its failure, told in one line."""
    try:
        yield
    except Exception as error:  # their exceptions share no base class
        cause = " ".join(str(error).split())[:120] or type(error).__name__
        message = f"engine {name} failed on this picture: {cause}"
        raise EngineError(message) from error


def _answer(text: str, confidence: float, corners: Corners | None) -> Answer:
    tidy = "".join(one for one in text.upper() if one in _PLATE_CHARACTERS)
    return Answer(
        text=tidy or None,
        confidence=min(max(confidence, 0.0), 1.0),
        colour=None,
        corners=corners,
        accepted=bool(tidy),
    )


def _module(package: str, *, engine: str) -> Any:  # noqa: ANN401  without types
    """A third party's package, for the engine of this name."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return import_module(package)
    except ImportError as error:
        needs = next(row.needs for row in ENGINES if row.name == engine)
        message = f"engine {engine} is not installed ({error}): pip install {needs}"
        raise EngineError(message) from error


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "of an unknown version"


def own_engine(
    weights: WeightSet | None = None, *, runtime: EngineName | None = None
) -> Engine:
    """Our engine, with other weights or another runtime where they are given.

    Raises:
        EngineError: the runtime is not installed.
        WeightsError: the bytes are no weights.
    """
    weights = weights or WeightSet.of()
    found = NetworkDetector.load(
        weights.detector, rectifier=weights.rectifier, engine=runtime
    )
    read = SequenceReader.load(
        weights.reader, fine=weights.fine, second=weights.second, engine=runtime
    )
    marks = " and ".join(weights.marks)
    version = (
        f"luheng {_version('luheng')} on {found.network.engine}, one thread, "
        f"weights {marks}"
    )
    return _Networks(found, read, version=version)


ENGINES: Final[tuple[EngineRow, ...]] = (
    EngineRow(name="ours", needs="nothing", open=own_engine),
    EngineRow(name="glyphs", needs="nothing", open=_Glyphs),
    EngineRow(name="hyperlpr2", needs="hyperlpr2 'opencv-python<5'", open=_HyperLpr2),
    EngineRow(
        name="pp-ocrv4",
        needs="rapidocr-onnxruntime",
        open=lambda: _PaddleOcr(
            "pp-ocrv4", "rapidocr_onnxruntime", "rapidocr-onnxruntime"
        ),
    ),
    EngineRow(name="agentclpr", needs="agentclpr", open=_AgentClpr),
)
"""Engines by the name under which ``--engine`` asks for them."""


def open_engine(name: str) -> Engine:
    """The engine of this name.

    Raises:
        EngineError: no engine has this name, or it cannot run here.
    """
    for row in ENGINES:
        if row.name == name:
            return row.open()
    known = ", ".join(row.name for row in ENGINES)
    message = f"engine {name!r} is unknown: choose one of {known}"
    raise EngineError(message)
