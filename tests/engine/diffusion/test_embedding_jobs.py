"""An embedding from the prompt to the picture's recipe, its text for other tools, and the commands."""

import io
import json
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from engine.errors import InvalidRequest
from gallery.infotext import parse_parameters
from tests.tiny_embedding import save_embedding

VALUES = {"num_inference_steps": 2, "seed": 3, "model": "mini", "guidance_scale": 3}


@pytest.fixture
def ink(studio):
    return save_embedding(studio.settings.embedding_dir / "Ink.safetensors", 3)


def drawn(studio, work, **values):
    job = studio.submit(studio.request("text_to_image", {**VALUES, **values}))
    work()
    return studio.gallery.of_job(job.id)


def test_pictures_record_the_embeddings_that_their_own_words_name(studio, work, ink):
    first, second = drawn(studio, work, prompt="a {castle|(ink:1.2) castle}", num_images=2, seed=1)
    records = {("ink" in record.recipe.prompt): record for record in (first, second)}
    digest = sha256(ink.read_bytes()).hexdigest()
    named = {"name": "Ink", "sha256": digest, "vectors": 3, "base": "custom (width 32)"}
    assert [dict(each) for each in records[True].recipe.embeddings] == [named]
    assert "embeddings" not in records[False].recipe.to_dict()
    text = Image.open(io.BytesIO(studio.gallery.png(records[True].id))).info["parameters"]
    assert parse_parameters(text)["TI hashes"] == f"Ink: {digest[:12]}"
    assert f'TI hashes: "Ink: {digest[:12]}"' in text


def test_the_name_changes_pixels_only_where_the_file_is(studio, work, ink):
    def pixels(prompt):
        (record,) = drawn(studio, work, prompt=prompt)
        return np.asarray(Image.open(studio.gallery.path(record.id)))

    named, other = pixels("a castle ink"), pixels("a castle")
    ink.unlink()
    assert not np.array_equal(named, pixels("a castle ink"))
    assert np.array_equal(other, pixels("a castle"))


def test_what_does_not_fit_is_refused_before_anything_is_drawn(studio, ink):
    save_embedding(studio.settings.embedding_dir / "wide.safetensors", width=1024)
    base = {**VALUES, "prompt": "a castle", "width": 64, "height": 64}
    for kind, values, said in [
        ("text_to_image", {**VALUES, "prompt": "a <style>"}, "<style> names an embedding that is not here"),
        ("text_to_image", {**VALUES, "prompt": "a", "negative_prompt": "wide"}, "wide has 1024 numbers"),
        ("grid", {"base": base, "axes": [{"name": "prompt", "values": ["castle", "wide"]}]}, "wide has 1024 numbers"),
    ]:
        with pytest.raises(InvalidRequest, match=said):
            studio.submit(studio.request(kind, values))


def test_commands_list_them_and_say_which_were_used(studio, ink, capsys):
    (studio.settings.embedding_dir / "old.pt").write_bytes(b"PK\x03\x04" + bytes(20))
    assert main(["embeddings", "--home", str(studio.settings.home)]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[0] == "Ink  for custom (width 32), 3 vectors"
    assert listed[1].startswith("old  [old.pt: ")
    assert "Pickles can run programs" in listed[1]
    assert main(["embeddings", "--json", "--home", str(studio.settings.home)]) == 0
    assert [json.loads(line)["vectors"] for line in capsys.readouterr().out.splitlines()] == [3, 0]
