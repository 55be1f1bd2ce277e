"""Styles: put into the words, kept in a file, exchanged with AUTOMATIC1111."""

import json

import pytest

from engine.__main__ import main
from engine.errors import InvalidRequest, NotFound, ShelfRefused
from engine.prompting.styles import MOST_BYTES, Style, Styles


@pytest.fixture
def styles(tmp_path) -> Styles:
    return Styles(tmp_path)


@pytest.mark.parametrize(
    ("names", "typed", "words"),
    [
        ([], ("a cat", ""), ("a cat", "")),
        (["ink"], ("a cat", ""), ("a cat, ink wash", "colour")),
        (["photo"], ("a cat", "dogs"), ("a photo of a cat, 35 mm", "dogs")),
        (["ink", "photo"], ("a cat", "dogs"), ("a photo of a cat, ink wash, 35 mm", "dogs, colour")),
        (["ink"], ("", ""), ("ink wash", "colour")),
    ],
)
def test_a_style_takes_the_words_at_its_place_or_stands_behind_them(styles, names, typed, words):
    styles.save("ink", Style("ink wash", "colour"))
    styles.save("photo", Style("a photo of {prompt}, 35 mm"))
    assert styles.apply(names, *typed) == words
    with pytest.raises(NotFound, match="no style called 'gone'"):
        styles.apply(["gone"], *typed)


def test_styles_are_kept_renamed_and_deleted_and_nothing_is_lost_by_a_wrong_step(styles, tmp_path):
    styles.save(" ink  wash ", Style("ink"))
    styles.save("b", Style("x"))
    with pytest.raises(ShelfRefused, match="called 'b' already"):
        styles.save("b", Style("y"))
    with pytest.raises(ShelfRefused, match="called 'b' already"):
        styles.save("b", Style("y"), instead_of="ink wash")
    styles.save("c", Style("new"), instead_of="ink wash")
    assert styles.all() == {"b": Style("x"), "c": Style("new")}
    styles.delete("b")
    with pytest.raises(NotFound):
        styles.delete("b")
    for name, style, said in [
        ("", Style("x"), "1 to 80"),
        ("n" * 81, Style("x"), "got 81"),
        ("e", Style(" "), "nothing"),
    ]:
        with pytest.raises(ShelfRefused, match=said):
            styles.save(name, style)
    (tmp_path / "styles.json").write_text("{ damaged")
    for act in (styles.all, lambda: styles.save("d", Style("x"))):
        with pytest.raises(ShelfRefused, match="It is left as it is"):
            act()
    assert (tmp_path / "styles.json").read_text() == "{ damaged"


def test_a_table_of_automatic1111_comes_in_and_goes_out_the_same(styles, tmp_path):
    head = "\ufeffname,prompt,negative_prompt\r\n"
    table = head + '"Ink, wash","a, ""b""\n{prompt}",x\r\nshort,only\r\n,none,\r\n\r\nempty,,\r\n'
    added, said = styles.bring(table.encode())
    assert added == ["Ink, wash", "short"]
    assert styles.all() == {"Ink, wash": Style('a, "b"\n{prompt}', "x"), "short": Style("only")}
    assert [text.split(":")[0] for text in said] == ["Row 4", "Row 5"]

    other = Styles(tmp_path / "other")
    assert other.bring(styles.table()) == (["Ink, wash", "short"], [])
    assert other.all() == styles.all()
    assert other.bring(styles.table()) == ([], [])
    added, (said,) = other.bring(b"prompt,name\nelse,short\n")
    assert (added, "is here already" in said) == ([], True)


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"\x00\x01\x02", b'name,prompt\n"' + b"x" * 200_000])
def test_what_is_no_table_of_styles_is_refused(styles, data):
    with pytest.raises(ShelfRefused, match="table of styles"):
        styles.bring(data)
    assert styles.all() == {}


def test_a_table_that_is_too_large_is_refused_before_it_is_read(styles):
    with pytest.raises(ShelfRefused, match=r"A table of styles may have 4,194,304 bytes; this one has 4,194,305"):
        styles.bring(b"name,prompt\n".ljust(MOST_BYTES + 1, b"\n"))


def test_a_broken_file_of_styles_refuses_only_what_names_one(studio):
    (studio.settings.home / "styles.json").write_text("{ damaged")
    values = {"prompt": "a {cat}", "width": 64, "height": 64}
    assert studio.request("text_to_image", values).prompt == "a cat"
    assert Styles(studio.settings.home).apply(iter(()), "a", "b") == ("a", "b")
    with pytest.raises(ShelfRefused):
        Styles(studio.settings.home).apply(iter(["ink"]), "a", "b")


def test_drawn_words_have_their_styles_in_them_and_the_recipe_names_them(studio, work):
    styles = Styles(studio.settings.home)
    styles.save("ink", Style("{ink|chalk}, {prompt}", "colour"))
    values = {"prompt": "a cat", "styles": ("ink",), "num_inference_steps": 1, "seed": 1, "width": 64, "height": 64}
    job = studio.submit(studio.request("text_to_image", values))
    styles.delete("ink")  # what is queued is complete
    work()
    (record,) = studio.gallery.of_job(job.id)
    request = record.recipe.request
    assert request["prompt"] in ("ink, a cat", "chalk, a cat")
    assert (request["prompt_template"], request["negative_prompt"]) == ("a cat", "colour")
    assert request["styles"] == ["ink"]
    with pytest.raises(InvalidRequest, match="no style called 'ink'"):
        studio.submit(studio.request("text_to_image", values))


def test_the_commands_list_bring_and_write(studio, tmp_path, capsys):
    home = ("--home", str(studio.settings.home))
    (tmp_path / "styles.csv").write_text("name,prompt,negative_prompt\nink,ink wash,colour\n")
    (studio.settings.home / "wildcards" / "sky").mkdir(parents=True)
    (studio.settings.home / "wildcards" / "sky" / "night.txt").write_text("dark")
    out = tmp_path / "out.csv"
    for words in (("import", str(tmp_path / "styles.csv")), ("list", "--json"), ("export", str(out))):
        assert main(("styles", *words, *home)) == 0
    assert main(("wildcards", "list", *home)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "1 style came in."
    assert json.loads(said[1]) == {"name": "ink", "prompt": "ink wash", "negative_prompt": "colour"}
    assert out.read_bytes() == b"\xef\xbb\xbfname,prompt,negative_prompt\r\nink,ink wash,colour\r\n"
    assert said[-1] == "__sky/night__"
