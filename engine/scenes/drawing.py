"""Drawing things with lit and shaded faces: polygons on three sheets (colour, light, glow), then made small."""

import math

import numpy as np
from PIL import Image, ImageDraw

from engine.scenes.canvas import Stamp

Point = tuple[float, float]
Colour = tuple[int, int, int]
_OVERSAMPLE = 3


class Drawing:
    """Units: the foot's middle is (0, 0), y points up, 1 is the height of the thing."""

    def __init__(self, width: float, height: float, pixels: int, side: int):
        """Args: width, height: of the sheet in units; pixels: of one unit; side: where light comes from, -1 or 1."""
        self.side = side
        self.scale = pixels * _OVERSAMPLE
        # The sheet's sides are multiples of the oversampling, so that making it small loses no edge.
        self.size = _OVERSAMPLE * math.ceil(width * pixels), _OVERSAMPLE * math.ceil(height * pixels)
        self.sheets = [Image.new(mode, self.size, 0) for mode in ("RGB", "L", "L", "L")]
        self.pens = [ImageDraw.Draw(sheet) for sheet in self.sheets]

    def _place(self, points: list[Point]) -> list[Point]:
        width, height = self.size
        return [(width / 2 + x * self.scale, height - y * self.scale) for x, y in points]

    def polygon(self, points: list[Point], colour: Colour, lit: float, glow: float = 0.0) -> None:
        placed = self._place(points)
        for pen, fill in zip(self.pens, _fills(colour, lit, glow), strict=True):
            pen.polygon(placed, fill=fill)

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Colour, lit: float, glow: float = 0.0) -> None:
        box = [*self._place([(x - rx, y + ry)])[0], *self._place([(x + rx, y - ry)])[0]]
        for pen, fill in zip(self.pens, _fills(colour, lit, glow), strict=True):
            pen.ellipse(box, fill=fill)

    def line(self, points: list[Point], width: float, colour: Colour, lit: float) -> None:
        placed, pixels = self._place(points), max(1, round(width * self.scale))
        for pen, fill in zip(self.pens, _fills(colour, lit, 0.0), strict=True):
            pen.line(placed, fill=fill, width=pixels, joint="curve")

    def box(self, x0: float, x1: float, y0: float, y1: float, colour: Colour, lit: float, glow: float = 0.0) -> None:
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, lit, glow)

    def shell(self, x: float, low: Point, high: Point, colour: Colour, strips: int = 7) -> None:
        """A round wall or roof about x, from (half width, y) low to high, brighter toward the light."""
        (half_low, y0), (half_high, y1) = low, high
        for k in range(strips):
            a, b = -math.cos(math.pi * k / strips), -math.cos(math.pi * (k + 1) / strips)
            lit = 0.5 + 0.46 * self.side * math.sin(0.5 * math.pi * (a + b) / 2 * 1.1) + 0.06
            corners = [(x + half_low * a, y0), (x + half_low * b, y0), (x + half_high * b, y1), (x + half_high * a, y1)]
            self.polygon(corners, colour, lit)

    def stamp(self) -> Stamp:
        colour, lit, glow, alpha = (np.asarray(sheet.reduce(_OVERSAMPLE), np.float32) / 255 for sheet in self.sheets)
        # Divide by the coverage: an edge pixel keeps the full colour and only its alpha is partial.
        cover = np.maximum(alpha, 1 / 255)
        return Stamp(alpha, (colour / cover[..., None]).transpose(2, 0, 1), lit / cover, glow / cover)


def _fills(colour: Colour, lit: float, glow: float) -> tuple[Colour | int, ...]:
    """What each sheet is filled with: colour, light, glow, alpha."""
    return colour, _byte(lit), _byte(glow), 255


def _byte(value: float) -> int:
    return max(0, min(255, int(value * 255 + 0.5)))


def mix(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (int(p + (q - p) * share + 0.5) for p, q in zip(a, b, strict=True))
    return red, green, blue
