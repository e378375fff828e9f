"""A sheet in metres on which a truck is painted once, with soft edges.

Colours are blue-green-red from 0 to 255. The picture is premultiplied: what the alpha
does not cover stays black, so that pasting is one multiplication and one sum.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["BGR", "Canvas", "Image", "Sprite", "shade"]

Image = NDArray[np.uint8]
BGR = tuple[int, int, int]

_SHIFT = 4  # fractional bits of coordinates, for edges between pixels


def shade(colour: BGR, factor: float) -> BGR:
    """Return a colour darkened (below one) or lightened (above one)."""
    blue, green, red = (int(min(255.0, max(0.0, c * factor))) for c in colour)
    return blue, green, red


class Sprite:
    """A painted object with its transparency, at a fine and a coarse scale."""

    def __init__(
        self,
        picture: Image,
        alpha: Image,
        *,
        pixels_per_m: float,
        foot: tuple[int, int],
    ) -> None:
        cover = _bytes(cv2.cvtColor(255 - alpha, cv2.COLOR_GRAY2BGR))
        self._levels = [(pixels_per_m, picture, cover, foot)]
        while pixels_per_m > 70.0:
            pixels_per_m /= 2.0
            picture, cover = _halved(picture), _halved(cover)
            foot = (foot[0] // 2, foot[1] // 2)
            self._levels.append((pixels_per_m, picture, cover, foot))

    def paste(self, frame: Image, at: tuple[float, float], pixels_per_m: float) -> None:
        """Paste the object with its foot at a point of the frame, at some scale."""
        level = self._levels[0]
        for candidate in self._levels[1:]:
            if candidate[0] >= 0.9 * pixels_per_m:
                level = candidate
        own, picture, cover, foot = level
        scale = pixels_per_m / own
        left, top = at[0] - foot[0] * scale, at[1] - foot[1] * scale
        height, width = frame.shape[:2]
        x0, y0 = max(0, int(left)), max(0, int(top))
        x1 = min(width, int(left + picture.shape[1] * scale) + 1)
        y1 = min(height, int(top + picture.shape[0] * scale) + 1)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        place = np.array([[scale, 0.0, left - x0], [0.0, scale, top - y0]])
        size = (x1 - x0, y1 - y0)
        drawn = cv2.warpAffine(picture, place, size, flags=cv2.INTER_LINEAR)
        kept = cv2.warpAffine(
            cover,
            place,
            size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(255, 255, 255),
        )
        window = frame[y0:y1, x0:x1]
        cv2.multiply(window, kept, dst=window, scale=1.0 / 255.0)
        cv2.add(window, drawn, dst=window)


_GRAIN_PX = 256


class Canvas:
    """A sheet ``width_m`` wide and ``height_m`` high; x from its middle, y from below.

    ``below_m`` is how much of the sheet lies below the ground line, for shadows.
    """

    def __init__(
        self, *, width_m: float, height_m: float, below_m: float, pixels_per_m: float
    ) -> None:
        self.pixels_per_m = pixels_per_m
        self._middle = round(width_m * pixels_per_m / 2.0)
        self._ground = round(height_m * pixels_per_m)
        size = (self._ground + round(below_m * pixels_per_m), 2 * self._middle)
        self.picture: Image = np.zeros((*size, 3), np.uint8)
        self.alpha: Image = np.zeros(size, np.uint8)

    def polygon(self, points: list[tuple[float, float]], colour: BGR) -> None:
        """Fill a polygon."""
        corners = [np.array([self._fixed(*point) for point in points], np.int32)]
        cv2.fillPoly(self.picture, corners, colour, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(self.alpha, corners, 255, cv2.LINE_AA, _SHIFT)

    def box(
        self,
        low: tuple[float, float],
        high: tuple[float, float],
        colour: BGR,
        *,
        radius: float = 0.0,
    ) -> None:
        """Fill a box between two corners, its own corners rounded."""
        (x0, y0), (x1, y1) = low, high
        if radius <= 0.0:
            self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)
            return
        radius = min(radius, (x1 - x0) / 2.0, (y1 - y0) / 2.0)
        centres = (
            (x1 - radius, y1 - radius, 0.0),
            (x0 + radius, y1 - radius, 90.0),
            (x0 + radius, y0 + radius, 180.0),
            (x1 - radius, y0 + radius, 270.0),
        )
        angles = np.radians(np.arange(0.0, 91.0, 15.0))
        self.polygon(
            [
                (
                    cx + radius * float(np.cos(a + np.radians(start))),
                    cy + radius * float(np.sin(a + np.radians(start))),
                )
                for cx, cy, start in centres
                for a in angles
            ],
            colour,
        )

    def disc(self, centre: tuple[float, float], radius: float, colour: BGR) -> None:
        """Fill a circle."""
        middle = self._fixed(*centre)
        size = round(radius * self.pixels_per_m * 2**_SHIFT)
        for sheet, value in ((self.picture, colour), (self.alpha, (255,))):
            cv2.circle(sheet, middle, size, value, -1, cv2.LINE_AA, _SHIFT)

    def line(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        colour: BGR,
        *,
        width: float,
    ) -> None:
        """Draw a line of some width in metres."""
        pixels = max(1, round(width * self.pixels_per_m))
        a, b = self._fixed(*start), self._fixed(*end)
        for sheet, value in ((self.picture, colour), (self.alpha, (255,))):
            cv2.line(sheet, a, b, value, pixels, cv2.LINE_AA, _SHIFT)

    def shadow(
        self, centre: tuple[float, float], radii: tuple[float, float], darkness: float
    ) -> None:
        """Lay a soft shadow on the ground; call it before anything is painted."""
        middle = self._whole(*centre)
        axes = (
            round(radii[0] * self.pixels_per_m),
            round(radii[1] * self.pixels_per_m),
        )
        value = (round(255 * darkness),)
        cv2.ellipse(self.alpha, middle, axes, 0.0, 0.0, 360.0, value, -1)
        blur = 0.06 * self.pixels_per_m
        self.alpha = _bytes(cv2.GaussianBlur(self.alpha, (0, 0), blur))

    def inlay(self, picture: Image, corners: list[tuple[float, float]]) -> None:
        """Lay a flat picture into four corners: upper left, then clockwise."""
        height, width = picture.shape[:2]
        source = np.array(
            [[0, 0], [width, 0], [width, height], [0, height]], np.float32
        )
        target = np.array(
            [
                [
                    self._middle + x * self.pixels_per_m,
                    self._ground - y * self.pixels_per_m,
                ]
                for x, y in corners
            ],
            np.float32,
        )
        corner = np.floor(target.min(0)).astype(int) - 2
        end = np.ceil(target.max(0)).astype(int) + 2
        window = np.s_[corner[1] : end[1], corner[0] : end[0]]
        shrink = width / max(1.0, float(target[1, 0] - target[0, 0]))
        if shrink > 1.5:  # a picture far larger than its place would alias
            picture = _bytes(cv2.GaussianBlur(picture, (0, 0), 0.35 * shrink))
        warp = cv2.getPerspectiveTransform(source, target - corner.astype(np.float32))
        size = (int(end[0] - corner[0]), int(end[1] - corner[1]))
        drawn = cv2.warpPerspective(picture, warp, size, flags=cv2.INTER_LINEAR)
        whole = np.full((height, width), 255, np.uint8)
        mask = cv2.warpPerspective(whole, warp, size, flags=cv2.INTER_LINEAR)
        part = mask[:, :, None].astype(np.float32) / 255.0
        self.picture[window] = _bytes(drawn + self.picture[window] * (1.0 - part))
        self.alpha[window] = np.maximum(self.alpha[window], mask)

    def weathered(
        self, rng: np.random.Generator, *, light: float, noise: float, blur_px: float
    ) -> None:
        """Put light, sensor noise and a lens's softness on everything painted."""
        grain = noise * rng.standard_normal((_GRAIN_PX, _GRAIN_PX, 3), dtype=np.float32)
        height, width = self.alpha.shape
        tiles = (-(-height // _GRAIN_PX), -(-width // _GRAIN_PX), 1)
        sheet = np.tile(grain.astype(np.int8), tiles)[:height, :width]
        lit = cv2.convertScaleAbs(self.picture, alpha=light)
        noisy = cv2.add(lit, sheet, dtype=cv2.CV_8U)
        cover = cv2.cvtColor(self.alpha, cv2.COLOR_GRAY2BGR)
        self.picture = _bytes(cv2.min(noisy, cover))  # premultiplied it stays
        _, shadow = cv2.threshold(self.alpha, 200, 255, cv2.THRESH_BINARY)
        self.picture[shadow == 0] = lit[shadow == 0]
        if blur_px > 0.0:
            self.picture = _bytes(cv2.GaussianBlur(self.picture, (0, 0), blur_px))
            self.alpha = _bytes(cv2.GaussianBlur(self.alpha, (0, 0), blur_px))

    def sprite(self, foot_m: float = 0.0) -> Sprite:
        """Return what was painted; its foot is on the ground at x = ``foot_m``."""
        foot = (self._middle + round(foot_m * self.pixels_per_m), self._ground)
        return Sprite(
            self.picture, self.alpha, pixels_per_m=self.pixels_per_m, foot=foot
        )

    def _fixed(self, x: float, y: float) -> tuple[int, int]:
        scale = self.pixels_per_m * 2**_SHIFT
        return (
            round(x * scale) + (self._middle << _SHIFT),
            (self._ground << _SHIFT) - round(y * scale),
        )

    def _whole(self, x: float, y: float) -> tuple[int, int]:
        return (
            self._middle + round(x * self.pixels_per_m),
            self._ground - round(y * self.pixels_per_m),
        )


def _halved(picture: Image) -> Image:
    return _bytes(
        cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    )


def _bytes(values: object) -> Image:
    return np.asarray(values).astype(np.uint8, copy=False)
