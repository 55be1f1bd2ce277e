"""Old code pages: told apart where that can be done, refused by name where not."""

import codecs

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.datasets.encodings import guess
from engine.datasets.findings import Severity
from engine.datasets.reading import read_dataset
from engine.datasets.texts import decoded

JAPANESE = ("丘の上の城", "森の中を流れる川、霧", "赤い帽子の女の子が、雪の山の前に立っている。")
CHINESE = ("森林里的河流", "雪山，两座山峰", "一个戴红帽子的女孩")
TAIWANESE = ("山丘上的城堡", "雪山，兩座山峰", "戴紅帽子的女孩")
KOREAN = ("언덕 위의 성", "눈 덮인 산, 두 봉우리", "빨간 모자를 쓴 소녀")
WESTERN = ("un château sur une colline, à l'aube", "Über den Hügeln", "a café by the sea", "año nuevo")
RUSSIAN = ("замок на холме", "Снежные горы", "девушка в красной шляпе")
CODE_PAGES = {
    "cp932": ("Shift-JIS", JAPANESE),
    "euc_jp": ("EUC-JP", JAPANESE),
    "gb18030": ("GBK", CHINESE),
    "cp950": ("Big5", TAIWANESE),
    "cp949": ("EUC-KR", KOREAN),
    "cp1252": ("Windows-1252", WESTERN),
    "cp1251": ("Windows-1251", ("замок на холме, река в лесу, Снежные горы",)),
    "koi8_r": ("KOI8-R", RUSSIAN[1:2]),
}
LINES = [(codec, text) for codec, (_, texts) in CODE_PAGES.items() for text in texts]


@pytest.mark.parametrize(("codec", "text"), LINES)
def test_a_caption_in_an_old_code_page_is_read_rightly(codec, text):
    assert decoded(text.encode(codec)) == (text, CODE_PAGES[codec][0])


WORDS = {
    "cp932": "城 山 河 雪山 砂漠 赤い帽子 女の子 夕焼け 丘の上 石橋 猫 桜 青空 神社 滝 湖 列車 駅 ドレス 白い犬 背景",
    "gb18030": "城堡 山 河 雪山 沙漠 红帽子 女孩 夕阳 山丘 石桥 猫 樱花 蓝天 寺庙 瀑布 湖 火车 车站 油画 白狗 背景",
    "cp949": "성 산 강 설산 사막 빨간모자 소녀 노을 언덕 돌다리 고양이 벚꽃 하늘 절 폭포 호수 기차 역 그림 배경",
    "cp950": "城堡 山 河 雪山 沙漠 紅帽子 女孩 夕陽 山丘 石橋 貓 櫻花 藍天 寺廟 瀑布 湖 火車 車站 油畫 白狗 背景",
    "cp1251": "замок гора река снег пустыня шапка девушка закат холм мост кошка цветок небо храм озеро поезд фон",
}


@pytest.mark.parametrize(
    ("codec", "text"), [("cp949", "설산, 역, 역"), ("cp949", "벚꽃, 절, 역"), ("gb18030", "沙漠, 瀑布, 瀑布")]
)
def test_a_few_characters_that_may_be_two_languages_are_refused(codec, text):
    with pytest.raises(ValueError, match="UTF-8"):
        decoded(text.encode(codec))


@pytest.mark.parametrize("codec", WORDS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_few_words_are_read_rightly_or_refused_and_never_as_garbage(codec, data):
    words = st.lists(st.sampled_from(WORDS[codec].split()), min_size=1, max_size=6)
    text = ", ".join(data.draw(words))
    assume(not is_utf_8(text.encode(codec)))  # a character of two bytes may be one there too
    try:
        read, _ = decoded(text.encode(codec))
    except ValueError:
        return
    assert read == text


def is_utf_8(data: bytes) -> bool:
    try:
        return bool(data.decode("utf-8"))
    except UnicodeDecodeError:
        return False


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "iso2022_jp"])
def test_encodings_that_say_what_they_are(codec):
    text = "a castle, 丘の上の城"
    assert decoded(text.encode(codec))[0] == text


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE])
def test_a_broken_text_with_a_mark_is_refused(mark):
    with pytest.raises(ValueError, match="codec can't decode"):
        decoded(mark + b"\x00\xd8\x00")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("丘の上の城、森の中を流れる川".encode()[:-1] + b"\xff", "no text in an encoding that is known here"),
        (bytes(range(128, 256)), "no text in an encoding that is known here"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "bytes that no text has"),
        ("城".encode("cp932"), "it is not in UTF-8, and may be Shift-JIS or"),
    ],
)
def test_what_cannot_be_told_is_refused_in_words(data, words):
    with pytest.raises(ValueError, match=words):
        decoded(data)


def test_names_that_are_known_decide():
    short = "城,予定".encode("cp932")
    assert decoded(short, lambda text: text.count("城"))[0] == "城,予定"
    found = guess("Schloß".encode("cp437"), lambda text: "ß" in text)
    assert found is not None
    assert found.page.codec in ("cp437", "cp850")


def test_captions_beside_pictures_are_told_together(save, tmp_path):
    """One of them alone is too short to tell Shift-JIS from another code page; all of them are not."""
    texts = dict(zip("abcd", ("城", *JAPANESE), strict=True))
    for name, text in texts.items():
        save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_bytes(text.encode("cp932"))
    dataset = read_dataset(tmp_path)
    assert {picture.path.stem: picture.caption for picture in dataset.pictures} == texts
    (finding,) = [finding for finding in dataset.report.findings if finding.code == "encoding"]
    assert finding.message.startswith("4 text files not in UTF-8, read as Shift-JIS: a.txt, b.txt, c.txt, d.txt.")


def test_a_caption_that_cannot_be_told_is_none(save, tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_bytes("城".encode("cp932"))
    dataset = read_dataset(tmp_path)
    assert dataset.pictures[0].caption == ""
    (finding,) = [finding for finding in dataset.report.findings if finding.code == "unreadable_text"]
    assert "a.txt cannot be read: it is not in UTF-8, and may be Shift-JIS or" in finding.message


def test_a_table_in_shift_jis_fits_its_pictures(save, tmp_path):
    for name in ("城", "予定"):
        save(tmp_path / f"{name}.png")
    (tmp_path / "captions.csv").write_bytes("ファイル,説明\n城.png,丘の上の城\n予定.png,a plan\n".encode("cp932"))
    dataset = read_dataset(tmp_path)
    assert {picture.path.stem: picture.caption for picture in dataset.pictures} == {
        "城": "丘の上の城",
        "予定": "a plan",
    }


def test_a_table_that_cannot_be_told_is_worth_a_look(save, tmp_path):
    save(tmp_path / "10_castle" / "a.png")
    (tmp_path / "10_castle" / "captions.csv").write_bytes(b"file,text\na.png,\x8f\xe9\n")
    (finding,) = [each for each in read_dataset(tmp_path).report.findings if each.code == "unused_table"]
    assert finding.severity == Severity.LOOK
    assert "10_castle/captions.csv was not used: it cannot be read (it is not in UTF-8, and may be" in finding.message
