import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.gallery.samples import picture, recipe, sqlite_only


def found(gallery, search):
    return [image.title for image in gallery.page(search=search).images][::-1]


@pytest.fixture
def prompts(gallery):
    for prompt in ("A Red dragon, flying", "blue café at night", "竜と赤い城、夕焼け", "red_hair girl 🐉 100%"):
        gallery.save(picture(), recipe(prompt))
    return gallery


@pytest.mark.parametrize(
    ("search", "places"),
    [
        ("", [0, 1, 2, 3]),
        ("   ", [0, 1, 2, 3]),
        ("dragon", [0]),
        ("DRAG", [0]),
        ("red dragon", [0]),
        ("dragon red", [0]),
        ("red", [0, 3]),
        ("red blue", []),
        ("dragon,", [0]),
        ("赤い城", [2]),
        ("城 竜", [2]),
        ("赤", [2]),
        ("城赤", []),
        ("夕焼け", [2]),
        ("竜、赤", [2]),
        ("🐉", [3]),
        ("girl🐉", [3]),
        ("🐈", []),
        ("100", [3]),
        ("%", [3]),
        ("xyz", []),
    ],
)
def test_words_and_beginnings_of_words(prompts, search, places):
    everything = found(prompts, "")
    assert found(prompts, search) == [everything[i] for i in places]
    assert prompts.count(search=search) == len(places)


@sqlite_only
def test_accents_do_not_matter(prompts):
    assert found(prompts, "cafe") == ["blue café at night"]


@pytest.mark.parametrize(
    "search",
    ['"', "'", "*", "a OR b", "NEAR(a b)", "prompt:x", "-red", "^red", "(", "a AND", 'x" OR "red', "\\", "_", "red*"],
)
def test_search_text_is_never_syntax(prompts, search):
    for prompt in found(prompts, search):
        words = [word for word in search.lower().replace("*", " ").split() if word.isalnum()]
        assert all(word in prompt.lower() for word in words)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300))
def test_any_search_is_answered(prompts, search):
    assert len(found(prompts, search)) <= 4


@sqlite_only
def test_the_index_follows_purge_and_heals(prompts, database):
    page = prompts.page()
    prompts.delete([page.images[-1].id])
    assert found(prompts, "dragon") == []
    assert prompts.page(search="dragon", trash=True).images
    prompts.purge(0)
    assert not prompts.sweep().index_rebuilt
    with database.write() as session:
        session.execute(text("INSERT INTO images_text(images_text) VALUES ('delete-all')"))
    assert found(prompts, "night") == []
    assert prompts.sweep().index_rebuilt
    assert found(prompts, "night") == ["blue café at night"]
