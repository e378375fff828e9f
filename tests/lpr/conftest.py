"""A picture studio: plates, trucks and things that are no plates, from a seed.

It draws with the typeface built into OpenCV, which the reader never learnt from.
"""

import random

import cv2
import numpy as np
import pytest

from lpr.plate import PROVINCES
from lpr.training.shapes import Shapes, Typeset

GROUNDS = {
    "yellow": (20, 178, 245),
    "blue": (170, 70, 20),
    "green": (90, 190, 80),
}
CABINS = [(60, 50, 170), (200, 195, 190), (150, 90, 40), (60, 60, 60), (80, 120, 60)]


def glyph(character, width, height, weight):
    face = cv2.FontFace("sans")
    sheet = np.zeros((300, 320), np.uint8)
    cv2.putText(sheet, character, (60, 220), 255, face, 170, weight)
    rows, columns = np.flatnonzero(sheet.any(1)), np.flatnonzero(sheet.any(0))
    tight = sheet[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    natural = height * tight.shape[1] / tight.shape[0]
    return cv2.resize(
        tight, (round(min(width, natural)), height), interpolation=cv2.INTER_AREA
    )


class Studio:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.noise = np.random.default_rng(seed)

    def face(self, text, *, colour="yellow", layout="cells", weight=600, double=False):
        """The plate from straight in front, two pixels per millimetre."""
        tall, wide = (440, 880) if double else (280, 880)
        ground = GROUNDS["green" if "green" in colour else colour]
        page = np.full((tall, wide, 3), ground, np.uint8)
        if colour == "yellow_green":
            page[:, :260] = GROUNDS["yellow"]
        if colour == "gradient_green":
            share = np.linspace(0, 1, tall)[:, None, None] ** 0.7
            page = ((1 - share) * 245 + share * page).astype(np.uint8)
        ink = (250, 250, 250) if colour == "blue" else (20, 20, 20)
        cv2.rectangle(page, (8, 8), (wide - 9, tall - 9), ink, 4, cv2.LINE_AA)
        for x in (wide // 4, 3 * wide // 4):
            cv2.circle(page, (x, 22), 9, (120, 125, 130), -1, cv2.LINE_AA)
        for character, box in zip(text, self._boxes(text, layout, double), strict=True):
            left, top, width, height = box
            mask = glyph(character, width, height, weight)
            x = left + (width - mask.shape[1]) // 2
            window = page[top : top + height, x : x + mask.shape[1]]
            part = mask[..., None] / 255.0
            window[:] = (window * (1 - part) + np.array(ink) * part).astype(np.uint8)
        if not double and len(text) == 7 and layout == "cells":
            cv2.circle(page, (268, 140), 10, ink, -1, cv2.LINE_AA)
        return page

    def _boxes(self, text, layout, double):
        if double:
            upper = [(220, 30, 160, 120), (500, 30, 160, 120)]
            return upper + [(55 + 160 * i, 180, 130, 220) for i in range(5)]
        if len(text) == 8:
            lefts = [30, 138, *(296 + 94 * i for i in range(6))]
            return [(left, 50, 86, 180) for left in lefts]
        if layout == "cells":
            lefts = [31, 145, *(303 + 114 * i for i in range(5))]
            return [(left, 50, 90, 180) for left in lefts]
        return [
            (30 + 120 * i, 74 - 8 * (i == 0), 108, 132 + 16 * (i == 0))
            for i in range(7)
        ]

    def scene(self):
        """A road, a sky, a cabin with lamps, grille and lettering; no plate."""
        frame = np.zeros((720, 1280, 3), np.uint8)
        frame[:260] = np.linspace(235, 190, 260)[:, None, None].astype(np.uint8)
        frame[260:] = (105, 108, 110)
        cv2.rectangle(frame, (0, 240), (1280, 280), (70, 110, 75), -1)
        cabin = self.chance.choice(CABINS)
        left = self.chance.randint(120, 200)
        cv2.rectangle(frame, (left, 90), (left + 330, 640), cabin, -1)
        cv2.rectangle(frame, (left + 25, 120), (left + 305, 290), (70, 60, 50), -1)
        for y in range(330, 450, 22):
            cv2.rectangle(frame, (left + 60, y), (left + 270, y + 9), (30, 30, 30), -1)
        cv2.rectangle(frame, (left - 5, 500), (left + 335, 650), (45, 45, 48), -1)
        for x in (left + 10, left + 270):
            cv2.rectangle(frame, (x, 430), (x + 50, 470), (215, 235, 240), -1)
            cv2.rectangle(frame, (x, 474), (x + 50, 488), (20, 140, 250), -1)
        font = cv2.FontFace("sans")
        cv2.putText(frame, "东风重卡", (left + 90, 320), (240, 240, 240), font, 30, 600)
        return frame

    def mounted(self, face, *, width=200, at=(320, 580), tilt=0.03, turn_deg=2.0):
        """The scene with the plate in it, seen slightly from the side."""
        return self.pasted(self.scene(), face, width, at, tilt, turn_deg)

    def pasted(self, frame, face, width, at, tilt, turn_deg):
        chance = self.chance
        height = width * face.shape[0] / face.shape[1]
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, height / 2)
        yaw = chance.uniform(-tilt, tilt)
        half[[1, 2], 1] *= 1 + yaw
        half[[0, 3], 1] *= 1 - yaw
        half[:, 0] *= chance.uniform(1 - 2 * tilt, 1)
        half[:, 1] += half[:, 0] * chance.uniform(-tilt, tilt)
        angle = np.radians(chance.uniform(-turn_deg, turn_deg))
        turn = np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        corners = (half @ turn.T + at).astype(np.float32)
        tall, wide = face.shape[:2]
        shrink = wide / width
        if shrink > 1:
            face = cv2.GaussianBlur(face, (0, 0), 0.4 * shrink)
        source = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
        matrix = cv2.getPerspectiveTransform(source, corners)
        drawn = cv2.warpPerspective(face, matrix, (1280, 720), flags=cv2.INTER_LINEAR)
        mask = cv2.warpPerspective(
            np.full((tall, wide), 255, np.uint8), matrix, (1280, 720)
        )
        part = mask[..., None] / 255.0
        return (frame * (1 - part) + drawn * part).astype(np.uint8)

    def photographed(self, frame, *, blur_px=0.6, noise=4.0, quality=85, light=1.0):
        picture = frame.astype(np.float32) * light
        if blur_px > 0:
            picture = cv2.GaussianBlur(picture, (0, 0), blur_px)
        picture += self.noise.normal(0, noise, picture.shape)
        seen = np.clip(picture, 0, 255).astype(np.uint8)
        _, data = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return cv2.imdecode(data, cv2.IMREAD_COLOR)

    def photo(self, text, *, width=None, **face):
        """A plate as a roadside camera gives it, ordinary conditions at random."""
        chance = self.chance
        page = self.face(
            text,
            weight=chance.randint(450, 750),
            layout=face.pop(
                "layout", chance.choice(["cells", "cells", "proportional"])
            ),
            **face,
        )
        wide = chance.randint(130, 280) if width is None else width
        at = (320 + chance.uniform(-30, 30), 585 + chance.uniform(-15, 15))
        frame = self.mounted(page, width=wide, at=at, tilt=0.05, turn_deg=4.0)
        return self.photographed(
            frame,
            blur_px=chance.uniform(0, 0.9),
            noise=chance.uniform(1, 7),
            quality=chance.randint(60, 95),
            light=chance.uniform(0.65, 1.1),
        )


@pytest.fixture
def studio():
    return Studio(7)


@pytest.fixture(scope="session")
def new_studio():
    return Studio


@pytest.fixture(scope="session")
def block_shapes():
    """Shapes to render plates with: random squares, enough to be told apart."""
    rng = np.random.default_rng(0)
    drawn = {}
    for character in (
        PROVINCES + "ABCDEFGHJKLMNOPQRSTUVWXYZ0123456789挂学警港澳领使超民航"
    ):
        block = (rng.random((6, 4)) < 0.5).astype(np.uint8) * 255
        drawn[character] = np.kron(block, np.ones((16, 12), np.uint8))
    cells = Typeset("blocks", False, drawn)
    return Shapes(cells, cells, cells, cells, (cells,), (cells,), "blocks")


@pytest.fixture
def stopped_and_gone_on(block_shapes, tmp_path):
    """The network of a training that was stopped at a step and started again."""

    class StoppedError(Exception):
        pass

    def train(teach, plan, at):
        said, state = [], tmp_path / "stopped.state"

        def stop(line):
            if line.startswith(f"step {at} of"):
                raise StoppedError

        with pytest.raises(StoppedError):
            teach(plan, block_shapes, checkpoint=state, log=stop)
        network = teach(plan, block_shapes, checkpoint=state, log=said.append)
        assert f"goes on at step {at} of {plan.steps}" in said
        return network

    return train
