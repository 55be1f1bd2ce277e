"""What the studio's samplers are called by other tools: the one table for what is read from them and written for them.

Names are those of AUTOMATIC1111 and Forge (`modules/sd_samplers_kdiffusion.py`), ComfyUI, SwarmUI and Fooocus
(`comfy/samplers.py`), InvokeAI (`SCHEDULER_NAME_VALUES`), NovelAI (`k_...`), Draw Things and the diffusers library.
A sampler is known by how a step is done, its solver, and a schedule by where the steps stand; a scheduler of the
studio is both. Solvers bear AUTOMATIC1111's names.
"""

from dataclasses import dataclass

EVEN, KARRAS, TRAILING = "even", "Karras", "trailing"

# How a step is done, and what it is called elsewhere; spaces, case and signs between words do not count.
SOLVERS = {
    "DDIM": ("DDIM", "ddim_v3", "DDIMScheduler"),
    "Euler": ("Euler", "k_euler", "EulerDiscreteScheduler"),
    "Euler a": (
        "Euler a",
        "Euler ancestral",
        "k_euler_a",
        "k_euler_ancestral",
        "EulerAncestralDiscreteScheduler",
    ),
    "DPM++ 2M": ("DPM++ 2M", "dpmpp_2m", "k_dpmpp_2m", "DPMSolverMultistepScheduler"),
    "DPM++ SDE": ("DPM++ SDE", "dpmpp_sde", "dpmpp_sde_gpu", "k_dpmpp_sde", "DPMSolverSDEScheduler"),
    "UniPC": ("UniPC", "uni_pc", "uni_pc_bh2", "UniPCMultistepScheduler"),
    "Heun": ("Heun", "k_heun", "HeunDiscreteScheduler"),
    "LMS": ("LMS", "k_lms", "LMSDiscreteScheduler"),
    "LCM": ("LCM", "LCMScheduler"),
}
# Where the steps stand. `automatic` is the solver's own choice, see `OWN_SCHEDULE`.
SCHEDULES = {
    EVEN: ("", "normal", "uniform", "default", "discrete", "native", "leading", "linspace", "ddim", "ddim_uniform"),
    KARRAS: ("karras", "k", "ka"),
    TRAILING: ("sgm_uniform", "trailing"),
}
OWN_SCHEDULE = {"DPM++ 2M": KARRAS, "DPM++ SDE": KARRAS}  # what A1111's "Automatic" means; of the others even steps
_A1111_SCHEDULES = {EVEN: None, KARRAS: "Karras", TRAILING: "SGM Uniform"}


@dataclass(frozen=True, slots=True)
class Names:
    """One scheduler of the studio, in others' words.

    Attributes:
        solver: a key of `SOLVERS`.
        spacings: keys of `SCHEDULES` that are read as it; the first is what is written.
        comfyui: its `sampler_name` and its `scheduler`.
    """

    solver: str
    spacings: tuple[str, ...]
    comfyui: tuple[str, str]

    @property
    def a1111(self) -> tuple[str, str | None]:
        """`Sampler` and `Schedule type` of AUTOMATIC1111; it writes none where the steps stand as usual."""
        return self.solver, _A1111_SCHEDULES[self.spacings[0]]


# By the names in `engine.diffusion.request.SCHEDULERS`. A pair of solver and spacing that is not here has no
# counterpart. LCM visits steps of its teacher wherever others would stand.
SAMPLERS = {
    "DDIM": Names("DDIM", (EVEN,), ("ddim", "ddim_uniform")),
    "Euler": Names("Euler", (EVEN,), ("euler", "normal")),
    "Euler a": Names("Euler a", (EVEN,), ("euler_ancestral", "normal")),
    "DPM++ 2M": Names("DPM++ 2M", (EVEN,), ("dpmpp_2m", "normal")),
    "DPM++ 2M Karras": Names("DPM++ 2M", (KARRAS,), ("dpmpp_2m", "karras")),
    "DPM++ SDE Karras": Names("DPM++ SDE", (KARRAS,), ("dpmpp_sde", "karras")),
    "UniPC": Names("UniPC", (EVEN,), ("uni_pc", "normal")),
    "Heun": Names("Heun", (EVEN,), ("heun", "normal")),
    "LMS": Names("LMS", (EVEN,), ("lms", "normal")),
    "LCM": Names("LCM", (EVEN, TRAILING), ("lcm", "sgm_uniform")),
    "Turbo": Names("Euler", (TRAILING,), ("euler", "sgm_uniform")),
}
COUNTERPARTS = {(names.solver, spacing): ours for ours, names in SAMPLERS.items() for spacing in names.spacings}
