"""Everything but the sky: masses, leaves, water and light at half the size, borders and small things at the full."""

import cv2
import numpy as np

from engine.translation.painter import fine, flow, foliage, haze, light, lines, night, regions, tones, water, windows
from engine.translation.painter.pixels import disc, mean_under, mixed, soft, step
from engine.translation.painter.scene import Scene

SHADE, LEAVES_SHADE = 1.5, 1.86  # times the slider of colour: how far shade turns blue

TEXTURE = 2.0, 6.0  # spreads in L of what is texture of a surface, and of what is shape


def land(scene: Scene) -> np.ndarray:
    """(H, W, 3) Lab of everything but the sky."""
    scale, painting, size = scene.scale, scene.painting, scene.photo.shape[1::-1]
    flat, painted, masks = _body(scene)
    done = regions.with_borders(flat, scene.calm, painted)
    done = flow.brushed(done, scale, 1)
    leaves, wet, far = cv2.split(cv2.resize(masks, size, interpolation=cv2.INTER_LINEAR))
    small = fine.kept(scene.photo[..., 0], scale, painting.detail)
    drawn = lines.lines(done, scale) * (1 - 0.85 * leaves) * (1 - wet) * (1 - 0.7 * far)
    done[..., 0] += small * (1 - 0.75 * leaves) * (1 - scene.sky.cover)
    done[..., 0] = lines.inked(done[..., 0], drawn, painting.line)
    if not scene.mood.dim:
        return done
    behind = windows.windows(scene.photo, np.maximum(np.maximum(leaves, wet), scene.sky.cover), scale)
    return windows.lit(night.dimmed(done, scene.mood.dim * (1 - scene.dark)), behind)


def _body(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(h, w, 3) masses in the photo's colours, and painted in their light; (h, w, 3) where leaves, water, haze are."""
    scale, painting = scene.scale * scene.share, scene.painting
    below = _without_sky(scene.body, scene.cover, scale)
    flat = regions.filled(below, scale, 32 - 18 * painting.detail)
    brushed = flow.brushed(below, scale, 1)
    leaves = foliage.foliage(scene.body, scale) * (1 - scene.cover)
    wet = water.water(scene.body, scene.cover, scale) * (1 - leaves)
    far = haze.distance(scene.body, scene.cover, scale)
    body = mixed(flat, brushed, 0.15)
    body[..., 0] = tones.toned(tones.grouped(flat[..., 0]), brushed[..., 0], scale, faint=TEXTURE)
    body = mixed(body, flat, 0.6 * far)
    tone = soft(body[..., 0], 2 * scale) - soft(flat[..., 0], 20 * scale)
    body = light.shaded(body, tone, SHADE * painting.colour)
    if leaves.any():
        body = mixed(body, foliage.clumped(flat, below, scale, painting.detail, LEAVES_SHADE * painting.colour), leaves)
    if wet.any():
        body = mixed(body, water.streaked(below, scale), wet)
    done = light.graded(body, scene.mood, painting.light * (1 - 0.8 * scene.dark), painting.colour)
    strength = painting.colour * (1 - scene.dark)
    done = haze.hazed(light.bounded(done, flat[..., 2]), far, strength)
    if wet.any():
        done = water.mirrored(done, wet * step(soft(leaves, 24 * scale), 0.35, 0.1), scene.mood, strength)
    return flat, done, np.dstack([leaves, wet, far])


def _without_sky(lab: np.ndarray, cover: np.ndarray, scale: float) -> np.ndarray:
    """The land going on behind the border, so that no brush picks up the sky's colour."""
    if not cover.any():
        return lab
    wide = cv2.dilate(cover, disc(1.5 * scale))
    return mixed(lab, mean_under(lab, (wide < 0.05).astype(np.float32), 3 * scale), wide)
