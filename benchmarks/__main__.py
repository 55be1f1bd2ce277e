"""Run every measurement: `python -m benchmarks`, or some of them: `python -m benchmarks generate startup`."""

import sys

from benchmarks import (
    batch,
    engines,
    enlarged,
    gallery_pages,
    generate,
    idle_tabs,
    lora,
    opinions,
    press,
    ratios,
    startup,
    translators,
    upscale,
)

MEASUREMENTS = {
    "ratios": ratios.main,
    "startup": startup.main,
    "press": press.main,
    "idle_tabs": idle_tabs.main,
    "generate": generate.main,
    "engines": engines.main,
    "batch": batch.main,
    "enlarged": enlarged.main,
    "gallery_pages": gallery_pages.main,
    "lora": lora.main,
    "translators": translators.main,
    "upscale": upscale.main,
    "opinions": opinions.main,
}

for name in sys.argv[1:] or MEASUREMENTS:
    print(f"== {name}", flush=True)
    MEASUREMENTS[name]()
