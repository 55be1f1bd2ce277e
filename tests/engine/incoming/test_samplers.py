import pytest

from engine.diffusion.request import SCHEDULERS
from engine.diffusion.sampler_names import COUNTERPARTS, SAMPLERS, SOLVERS
from engine.incoming.samplers import NEAREST, counterpart

# Tool's words for sampler and schedule, and the studio's scheduler; from real files where there was one.
SAME = [
    ("Euler a", "Automatic", "Euler a"),  # Forge Neo
    ("Euler a", "", "Euler a"),  # AUTOMATIC1111
    ("DPM++ 2M", "Karras", "DPM++ 2M Karras"),
    ("DPM++ 2M Karras", "", "DPM++ 2M Karras"),  # before 1.9
    ("DPM++ 2M", "Automatic", "DPM++ 2M Karras"),  # A1111's own choice for it
    ("DPM++ 2M", "Uniform", "DPM++ 2M"),
    ("DPM++ SDE", "Karras", "DPM++ SDE Karras"),
    ("DPM++ SDE Karras", "", "DPM++ SDE Karras"),  # Draw Things
    ("LCM", "SGM Uniform", "LCM"),  # reForge
    ("UniPC", "", "UniPC"),
    ("Euler", "SGM Uniform", "Turbo"),  # what the studio writes for it
    ("Turbo", "", "Turbo"),
    ("euler_ancestral", "normal", "Euler a"),  # ComfyUI
    ("dpmpp_2m", "karras", "DPM++ 2M Karras"),
    ("dpmpp_sde_gpu", "karras", "DPM++ SDE Karras"),  # Fooocus
    ("uni_pc_bh2", "normal", "UniPC"),
    ("ddim", "ddim_uniform", "DDIM"),
    ("Euler Ancestral", "", "Euler a"),  # Stability Matrix
    ("euler_a", "", "Euler a"),  # InvokeAI
    ("dpmpp_2m_k", "", "DPM++ 2M Karras"),
    ("k_euler_ancestral", "native", "Euler a"),  # NovelAI
    ("k_dpmpp_2m", "karras", "DPM++ 2M Karras"),
    ("DPMSolverMultistepScheduler", "", "DPM++ 2M"),  # diffusers
    ("HeunDiscreteScheduler", "", "Heun"),
    ("LMS", "", "LMS"),
]
NEARLY = [
    ("euler_ancestral", "karras", "Euler a"),
    ("euler_ancestral_karras", "", "Euler a"),
    ("Euler Ancestral Karras", "", "Euler a"),
    ("Euler A Trailing", "", "Euler a"),
    ("DPM++ SDE", "Exponential", "DPM++ SDE Karras"),
    ("DPM++ 2M AYS", "", "DPM++ 2M"),
    ("lms_k", "", "LMS"),
]
NOTHING = ["DPM++ 2M SDE", "dpmpp_2m_sde_gpu", "PLMS", "euler_cfg_pp", "Restart", "TCD", "k_dpm_2", "x" * 5000, "\0"]


@pytest.mark.parametrize(("sampler", "schedule", "name"), SAME)
def test_a_sampler_of_another_tool_is_one_of_the_studio(sampler, schedule, name):
    found = counterpart(sampler, schedule)
    assert (found.name, found.exact, found.said) == (name, True, "")


@pytest.mark.parametrize(("sampler", "schedule", "name"), NEARLY)
def test_another_schedule_has_no_counterpart_and_the_nearest_is_named(sampler, schedule, name):
    found = counterpart(sampler, schedule)
    assert (found.name, found.exact) == (name, False)
    assert f"has no counterpart here. The nearest is {name}" in found.said


@pytest.mark.parametrize("sampler", NOTHING)
def test_what_the_studio_has_nothing_like_is_said(sampler):
    found = counterpart(sampler, "karras")
    assert (found.name, found.exact) == ("", False)
    assert found.said.endswith("with the schedule karras has no counterpart here.")
    assert len(found.said) < 200


def test_the_table_names_every_scheduler_and_no_other():
    assert set(COUNTERPARTS.values()) == set(SCHEDULERS)
    assert tuple(SAMPLERS) == SCHEDULERS
    assert {NEAREST.get(solver, solver) for solver in SOLVERS} <= set(SCHEDULERS)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_what_is_written_for_other_tools_is_read_as_the_same_scheduler(name):
    for sampler, schedule in (SAMPLERS[name].comfyui, SAMPLERS[name].a1111):
        assert counterpart(sampler, schedule or "").name == name
