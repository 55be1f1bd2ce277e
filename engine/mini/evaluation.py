"""The small model's check: what it draws from prompts it never saw, beside chance, the renderer and the floor.

Every number stands beside the one that says what it is worth: accuracies beside the majority class, the renderer
and the judge's own accuracy; distances beside those between equal sets; diversity beside the renderer's; nearest
neighbours beside those of held-out renders. What is in the folder already is not made again.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.device import choose
from engine.diffusion.request import SCHEDULERS
from engine.errors import NotFound, StudioError
from engine.images import from_array
from engine.metrics import efficientnet, vgg19
from engine.metrics.features import Extractor, mean_pairwise_distance, nearest
from engine.metrics.frechet import frechet_distance, half_to_half_floor
from engine.metrics.sheets import sheet
from engine.mini.judging import judging
from engine.mini.judging.neighbours import neighbour_distances, neighbour_sheet
from engine.mini.judging.pictures import BATCH, Album, Painter, kept_features
from engine.mini.judging.prompts import REFERENCE_SEED, JudgedPrompt, held_out_prompts, variants
from engine.mini.judging.report import markdown
from engine.mini.judging.scene_classifier import Config as JudgeConfig
from engine.picture_files import read_picture
from engine.scenes.scene import random_scene
from engine.scenes.shards import TRAINING_SEED, SceneData
from engine.weights.loras import LoraInfo, list_loras

EXTRACTORS = {"VGG19": vgg19.vgg19_features, "EfficientNet-Lite0": efficientnet.efficientnet_features}
SHEET_PROMPTS, SHEET_SEEDS = 8, 4
"""Rows and columns of the sheet."""


@dataclass(frozen=True)
class Config:
    """What is measured.

    Attributes:
        count: prompts, and renders of each set.
        steps: denoising steps.
        scheduler: one of `engine.diffusion.request.SCHEDULERS`.
        guidance: guidance scale of everything but its own table.
        guidances: scales of that table; empty leaves it out.
        guidance_prompts: prompts of that table.
        diversity_prompts: prompts that are drawn from several seeds.
        known: training pictures among which neighbours are looked for.
        size: pixels of each side, of drawn pictures, renders and training pictures.
        judge: how the classifier is trained.
    """

    count: int = 500
    steps: int = 25
    scheduler: str = SCHEDULERS[0]
    guidance: float = 7.5
    guidances: tuple[float, ...] = (1, 3, 5, 7.5, 10)
    guidance_prompts: int = 100
    diversity_prompts: int = 16
    known: int = 4096
    size: int = 256
    judge: JudgeConfig = field(default_factory=JudgeConfig)

    def __post_init__(self) -> None:
        if self.count < 4:
            raise StudioError(f"A check needs at least 4 prompts; got {self.count}. 500 give trustworthy numbers.")


@dataclass(frozen=True)
class Check:
    """Everything that the measurements share.

    Attributes:
        painter: draws with the model.
        data_folder: of rendered training and held-out scenes.
        extractors: whose packages are installed.
        report: shown a line now and then.
    """

    config: Config
    painter: Painter
    data_folder: Path
    extractors: Sequence[Extractor]
    report: Callable[[str], None]

    @property
    def album(self) -> Album:
        return self.painter.album

    @cached_property
    def prompts(self) -> list[JudgedPrompt]:
        """Of scenes that nothing was trained on."""
        return held_out_prompts(self.config.count)

    @cached_property
    def drawn(self) -> list[Path]:
        """The model's picture of each prompt."""
        return self.draw(self.prompts, self.config.guidance)

    @cached_property
    def rendered(self) -> list[Path]:
        """The renderer's picture of each prompt's scene."""
        return [self.album.rendered(prompt.scene) for prompt in self.prompts]

    @cached_property
    def reference(self) -> list[Path]:
        """The renderer's pictures of as many other scenes."""
        return [self.album.rendered(random_scene(REFERENCE_SEED + k)) for k in range(self.config.count)]

    def draw(self, prompts: Sequence[JudgedPrompt], guidance: float, sample: int = 0) -> list[Path]:
        """A picture of each prompt; `sample` tells pictures of the same prompt apart."""
        paths = []
        for place, prompt in enumerate(prompts):
            if place % 25 == 0:
                self.report(f"drawing {place} of {len(prompts)} at guidance {guidance:g}")
            seed = prompt.scene.seed % 1_000_000 * 64 + sample
            paths.append(self.painter.drawn(prompt.text, seed, guidance))
        return paths


def evaluate(
    model_folder: Path,
    folder: Path,
    data_folder: Path,
    config: Config | None = None,
    report: Callable[[str], None] = print,
    device: str = "",
    lora: Path | None = None,
) -> dict[str, Any]:
    """Check a model and write report.json, report.md, sheet.png and neighbours.png.

    Args:
        model_folder: in diffusers layout.
        folder: for everything that the check makes; a second run goes on with what is there.
        data_folder: files of rendered scenes, as `train-mini scenes` writes them.
        device: as in STUDIO_DEVICE.
        lora: a file, that is applied to the model.

    Returns:
        What report.json holds.

    Raises:
        NotFound: no rendered scenes in `data_folder`, or no such LoRA.
        StudioError: no package with feature weights is installed.
    """
    config = config or Config()
    extractors, missing = available_extractors()
    worn = _lora(lora) if lora else None
    painter = Painter(Album(folder, config.size), model_folder, config.steps, choose(device), config.scheduler, worn)
    check = Check(config, painter, data_folder, extractors, report)
    judge, facts = judging.judge(folder / "judge.safetensors", data_folder, config.size, config.judge, report)
    results = {
        "model": painter.digest,
        "lora": worn.name if worn else "",
        "config": asdict(config),
        "judge": facts,
        "accuracy": judging.accuracies(judge, facts, check.prompts, check.drawn, check.rendered),
        "distance": {extractor.name: distances(check, extractor) for extractor in extractors},
        "diversity": {extractor.name: diversity(check, extractor) for extractor in extractors},
        "guidance": {f"{scale:g}": guidance_effect(check, judge, scale) for scale in config.guidances},
        "neighbours": neighbours(check, extractors[-1]),
        "not_measured": missing,
    }
    write_sheet(check)
    (folder / "report.json").write_text(json.dumps(results, indent=2) + "\n")
    (folder / "report.md").write_text(markdown(results))
    return results


def _lora(path: Path) -> LoraInfo:
    found = [info for info in list_loras([path.parent]) if info.path == path]
    if not found:
        raise NotFound(f"{path} must be a LoRA's .safetensors file; there is none.")
    return found[0]


def available_extractors() -> tuple[list[Extractor], list[str]]:
    """The extractors whose packages are installed, and what to say about the others.

    Raises:
        StudioError: none is.
    """
    found, missing = [], []
    for name, make in EXTRACTORS.items():
        try:
            found.append(make())
        except StudioError as error:
            missing.append(f"{name}: {error}")
    if not found:
        raise StudioError("\n".join(missing))
    return found, missing


def distances(check: Check, extractor: Extractor) -> dict[str, float]:
    """Frechet distances of N pictures to N renders of other scenes.

    Returns:
        `model` and `renderer` for what each makes of the prompts, `floor` between random halves of all renders.
    """
    check.report(f"{extractor.name}: features")
    drawn, rendered, reference = (
        check.album.features(extractor, paths) for paths in (check.drawn, check.rendered, check.reference)
    )
    generator = torch.Generator().manual_seed(0)
    floor = half_to_half_floor(torch.cat([rendered, reference]), generator)
    model = frechet_distance(reference, drawn)
    return {
        "pictures": len(drawn),
        "model": model,
        "renderer": frechet_distance(reference, rendered),
        "floor": floor,
        "times_floor": model / floor,
    }


def diversity(check: Check, extractor: Extractor) -> dict[str, float]:
    """Mean feature distance between pictures of one prompt, and of one scene's attributes by the renderer."""
    prompts = check.prompts[: check.config.diversity_prompts]
    samples = [check.draw(prompts, check.config.guidance, sample) for sample in range(SHEET_SEEDS)]
    rendered = [[check.album.rendered(scene) for scene in variants(p.scene, SHEET_SEEDS)] for p in prompts]

    def spread(groups: Sequence[Sequence[Path]]) -> float:
        features = check.album.features(extractor, [path for group in groups for path in group])
        return sum(map(mean_pairwise_distance, features.split(SHEET_SEEDS))) / len(groups)

    model, renderer = spread(list(zip(*samples, strict=True))), spread(rendered)
    return {"prompts": len(prompts), "model": model, "renderer": renderer, "ratio": model / renderer}


def guidance_effect(check: Check, judge: judging.SceneClassifier, scale: float) -> dict[str, float | None]:
    """Accuracies on the first prompts at another guidance scale."""
    prompts = check.prompts[: check.config.guidance_prompts]
    answers = judging.right_answers(judge, prompts, check.draw(prompts, scale))
    return {name: judging.share(right) for name, right in answers.items()}


def neighbours(check: Check, extractor: Extractor) -> dict[str, Any]:
    """How near pictures are to training pictures, beside how near held-out renders are; writes the sheet."""
    data = judging.rendered_data(check.data_folder, TRAINING_SEED, check.config.size, check.config.known)
    known = training_features(check, extractor, data)
    drawn = nearest(check.album.features(extractor, check.drawn), known)
    held_out = nearest(check.album.features(extractor, check.rendered), known)
    neighbour_sheet(check.drawn, drawn, check.rendered, held_out, data).save(check.album.folder / "neighbours.png")
    return {"features": extractor.name, "known": len(data)} | neighbour_distances(drawn[0], held_out[0])


def training_features(check: Check, extractor: Extractor, data: SceneData) -> Tensor:
    """(N, dimensions) float64 of the training pictures, worked out once."""
    check.report(f"{extractor.name}: features of {len(data)} training pictures")
    name = f"{extractor.name}-{data.first_seed}-{data.size}px-{len(data)}.npy".lower().replace(" ", "-")
    places = range(len(data))
    pixels = (from_array(data.pictures(places[k : k + BATCH])) for k in places[::BATCH])
    return kept_features(check.album.folder / "features" / name, extractor, pixels)


def write_sheet(check: Check) -> None:
    """Eight prompts, four seeds each."""
    prompts = check.prompts[:SHEET_PROMPTS]
    columns = [check.draw(prompts, check.config.guidance, sample) for sample in range(SHEET_SEEDS)]
    rows = [
        (prompt.text, [read_picture(path) for path in paths])
        for prompt, paths in zip(prompts, zip(*columns, strict=True), strict=True)
    ]
    sheet(rows).save(check.album.folder / "sheet.png")
