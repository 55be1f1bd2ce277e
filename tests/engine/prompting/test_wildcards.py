"""Files of wildcards: how deep they may go."""

import time

import pytest

from engine.errors import TemplateRefused
from engine.prompting.templates import resolve
from engine.prompting.wildcards import Wildcards


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "wildcards"
    folder.mkdir()
    return folder


def test_a_long_chain_is_refused_from_whichever_end_it_is_met(folder, tmp_path):
    for number in range(400):
        (folder / f"c{number}.txt").write_text(f"__c{number + 1}__" if number < 399 else "end")
    (folder / "deep.txt").write_text("\n".join(f"__c{number}__" for number in range(399, -1, -1)))
    for template in ("__c0__", "__deep__", " ".join(f"__c{number}__" for number in range(399, 380, -1))):
        with pytest.raises(TemplateRefused, match="Wildcards may name each other 10 deep"):
            resolve(template, 1, Wildcards(tmp_path))
    assert resolve("__c399__ __c390__", 1, Wildcards(tmp_path)) == "end end"


def test_a_large_file_is_read_and_weighed_once_for_all_fields_and_reruns(folder, tmp_path):
    file = folder / "large.txt"
    file.write_text("a thing\n" * 50_000)
    resolve("__large__", 1, Wildcards(tmp_path))
    before = time.process_time()
    for seed in range(20):
        assert resolve("__large__", seed, Wildcards(tmp_path)) == "a thing"
    assert time.process_time() - before < 1  # parsed anew it takes many

    file.write_text("another thing\n")
    assert resolve("__large__", 1, Wildcards(tmp_path)) == "another thing"
