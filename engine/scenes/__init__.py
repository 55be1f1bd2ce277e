"""Painterly fantasy landscapes with captions, made from nothing but a seed.

scene.py      what a picture shows, and what goes with what
layout.py     where things stand
noise.py      smooth random fields, one random stream per part
canvas.py     colour, light, haze and glow as layers
light.py      palettes of hour and weather; light falls on the layers
sky.py  landforms.py  terrain.py  islands.py  water.py  plants.py  buildings.py  weather.py   the parts
drawing.py    polygons with lit and shaded faces
brush.py  looks.py   the finish: painterly, ink, cel, mono
render.py     a scene to its pixels
captions.py  words.py   a scene to its words
dataset.py    a folder of both
"""

from engine.scenes.captions import caption, captions, plain_caption, vocabulary
from engine.scenes.dataset import DatasetReport, text_of, write_dataset
from engine.scenes.render import MAX_SIZE, MIN_SIZE, render
from engine.scenes.scene import ATTRIBUTES, CHOICES, LOOKS, Scene, draw_scene, random_scene, with_look

__all__ = [
    "ATTRIBUTES",
    "CHOICES",
    "LOOKS",
    "MAX_SIZE",
    "MIN_SIZE",
    "DatasetReport",
    "Scene",
    "caption",
    "captions",
    "draw_scene",
    "plain_caption",
    "random_scene",
    "render",
    "text_of",
    "vocabulary",
    "with_look",
    "write_dataset",
]
