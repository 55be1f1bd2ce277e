"""Run every measurement: `python -m benchmarks`, or some of them: `python -m benchmarks generate startup`."""

import sys

from benchmarks import engines, gallery_pages, generate, lora, opinions, startup, translators, upscale

MEASUREMENTS = {
    "startup": startup.main,
    "generate": generate.main,
    "engines": engines.main,
    "gallery_pages": gallery_pages.main,
    "lora": lora.main,
    "translators": translators.main,
    "upscale": upscale.main,
    "opinions": opinions.main,
}

for name in sys.argv[1:] or MEASUREMENTS:
    print(f"== {name}", flush=True)
    MEASUREMENTS[name]()
