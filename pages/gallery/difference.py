"""How two pictures differ, as a picture and in numbers."""

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageStat


@dataclass(frozen=True)
class Difference:
    """The absolute difference of two pictures of one size.

    Attributes:
        image: the difference of each value, RGB, 0 to 255.
        largest: of all values, 0 to 255.
        mean: of all values.
        equal: share of the pixels that are the same, 0 to 1.
    """

    image: Image.Image
    largest: int
    mean: float
    equal: float

    def amplified(self, factor: float) -> Image.Image:
        """The difference times `factor`, cut off at white."""
        return self.image.point([min(255, round(value * factor)) for value in range(256)] * 3)


def difference(first: Image.Image, second: Image.Image) -> Difference | None:
    """How two pictures differ; None where they have different sizes. Transparency counts as white."""
    if first.size != second.size:
        return None
    image = ImageChops.difference(_on_white(first), _on_white(second))
    statistics = ImageStat.Stat(image)
    brightest = ImageChops.lighter(ImageChops.lighter(image.getchannel(0), image.getchannel(1)), image.getchannel(2))
    same = brightest.histogram()[0] / (image.width * image.height)
    largest = max(high for _, high in statistics.extrema)
    return Difference(image, int(largest), sum(statistics.mean) / 3, same)


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground
