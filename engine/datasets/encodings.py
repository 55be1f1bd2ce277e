"""Which code page old text is in: told by what would be written with it, never by trying until one raises no error.

Bytes above 127 are text in almost every code page. So each one that can read them is asked how odd its reading looks:
letters of one script beside each other are usual, box drawings, rare characters and capitals inside of words are not.
"""

import codecs
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

UTF_8 = "UTF-8"
ODD = 2.2  # points for each character that is not ASCII; from here on a reading is no text
CLEAR = 1.15  # times the next reading's points: two that come nearer cannot be told apart
FEW = 4  # different characters, of which kana count twice: other texts hardly have them by chance
SHORT, SHORT_CLEAR = 8, 2.0  # bytes above 127 below which chance decides too easily, and what is clear there
MOST_BYTES = 20_000  # that are looked at; every page that can read them costs time

# Frequent characters of captions in Chinese, Japanese (what schools teach first, and of landscapes and figures) and
# Korean; the ranges below cannot tell short texts apart without them.
_HANZI = set(
    "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都"
    "然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长山城河海树林花女孩男风景云雪光湖猫狗"
    "蓝红绿白黑色草房夜晚石桥船塔古建筑水火月星空森雨春夏秋冬图片照像美丽少帽子头发眼睛照"
    "的是這個們來國會對說時後過沒還發當開無頭經長動從兩見東車門馬鳥魚龍風雲樹葉藍紅綠島灣畫"
)
_KANJI = set(
    "日一国人年大十二本中長出三時行見月後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電校語土"
    "木聞食車何南万毎白天母火右読友左休父雨城森雪赤帽夜海丘石橋猫犬花桜空雲星都市村家船道青紅葉神社寺庭園滝湖草原頂冬景少黒"
    "髪制服笑顔背風建物列駅色緑夕焼砂漠光影窓街夏秋春林鳥魚馬竜龍剣姫王魔法写真絵画油彩美古新明暗朝昼晴曇霧嵐岩島港塔門"
)
_HANGUL = set(
    "이다는에의가을고하지도로한를나은기사리어시대자그들서있해인아일으니라라마보수만정게여거면지장부스전과적주것우오구제조상"
    "성연소원생안모비동신세공없와러내유위선원중개미요고경산바람숲강눈꽃나무하늘별달빛밤낮집길물불새말머리여자남소녀년빨간파란"
    "노란흰검은풍경사진그림호수언덕위에있는성벽탑마을도시겨울여름봄가을구름안개작은큰"
)
_CYRILLIC = dict.fromkeys("бгжзйфхцчшщъыьэюя", 0.65) | dict.fromkeys("оеаинтсрвлкмдпу", 0.45)
_KANA = ((0x3041, 0x30FF), (0x31F0, 0x31FF))
_MARKS = ((0x3000, 0x303F), (0xFF01, 0xFF60), (0xFFE0, 0xFFE6))
_QUOTES = set("\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u00ab\u00bb\u00a0\u00b0\u00b7\u00bf\u00a1\u20ac")


@dataclass(frozen=True, slots=True)
class CodePage:
    """A way to write text as bytes.

    Attributes:
        title: for people.
        codec: Python's name.
        points: how odd a character is in a text of this code page, 0 to 10; the characters before and after it.
    """

    title: str
    codec: str
    points: Callable[[str, str, str], float]


@dataclass(frozen=True, slots=True)
class Guess:
    """What a text may be.

    Attributes:
        page: the best code page.
        certain: whether its reading looks like text and no other one looks nearly as good.
        others: titles of those that look nearly as good.
    """

    page: CodePage
    certain: bool
    others: tuple[str, ...] = ()


def guess(
    data: bytes, fitting: Callable[[str], int] = lambda text: 0, pages: "Sequence[CodePage] | None" = None
) -> Guess | None:
    """The code page of bytes that are no UTF-8; None where none reads them as text.

    Args:
        fitting: how many things that are known from elsewhere, such as files' names, a reading has in it; what fits
            most decides before all looks.
        pages: that it may be, the likeliest first; None for `PAGES`.
    """
    beginning = data[:MOST_BYTES]
    whole = len(beginning) == len(data)
    found = [
        (-fitting(text), _oddness(text, page), page, text) for page, text in _readings(beginning, pages or PAGES, whole)
    ]
    if not found:
        return None
    (fits, oddness, page, text), *rest = sorted(found, key=lambda each: each[:2])
    if not fits and oddness > ODD:
        return None
    clear = oddness * (SHORT_CLEAR if sum(byte > 127 for byte in beginning[:1000]) < SHORT else CLEAR)
    different = {character for character in text if character > "\x7f"}
    if sum(1 + _within(character, _KANA) for character in different) <= FEW:
        clear = max(clear, ODD)  # so few may be anything that looks like text
    near = [
        other.title
        for other_fits, other_odd, other, reading in rest
        if other_fits == fits and other_odd <= clear and reading != text
    ]
    return Guess(page, not near, tuple(near))


def _readings(data: bytes, pages: Sequence[CodePage], whole: bool) -> list[tuple[CodePage, str]]:
    """Those code pages that read the bytes without an error; where they go on, the last character may be cut off."""
    readings = []
    for page in pages:
        try:
            readings.append((page, codecs.getincrementaldecoder(page.codec)().decode(data, final=whole)))
        except UnicodeDecodeError:
            continue
    return readings


def _oddness(text: str, page: CodePage) -> float:
    """Mean points of a byte pair's worth of text, so that long and short readings of the same bytes compare."""
    framed = f" {text} "
    points, pairs = 0.0, 0.0
    for before, character, after in zip(framed, framed[1:], framed[2:], strict=False):
        if character >= "\x80":
            points += page.points(before, character, after)
            pairs += len(character.encode(page.codec, "ignore")) / 2
    return points / pairs if pairs else 0.0


# ---------------------------------------------------------------- how odd a character is


def _within(character: str, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


def _between_letters(before: str, after: str) -> bool:
    return all(each.isascii() and each.isalpha() for each in (before, after))


def _east_asian(usual: Callable[[str], float]) -> Callable[[str, str, str], float]:
    """Ideographs stand beside each other; alone inside of a Latin word they are an accent that was read wrongly."""

    def points(before: str, character: str, after: str) -> float:
        if unicodedata.category(character) in ("Cc", "Co", "Cn"):
            return 10
        if _between_letters(before, after):
            return 6
        return 0.4 if _within(character, _MARKS) else usual(character)

    return points


def _japanese(character: str) -> float:
    if _within(character, _KANA):
        return 0.4
    if character in _KANJI:
        return 0.5
    try:
        row = character.encode("euc_jp")[0]
    except UnicodeEncodeError:
        return 5
    if len(character.encode("euc_jp")) != 2 or not 0x4E00 <= ord(character) <= 0x9FFF:
        return 4
    return 1 if row < 0xD0 else 2.6  # JIS X 0208's first level ends there


def _chinese(character: str) -> float:
    if character in _HANZI:
        return 0.5
    try:
        row = character.encode("gb2312")[0]
    except UnicodeEncodeError:
        return 4
    if not 0x4E00 <= ord(character) <= 0x9FFF:
        return 3.5
    return 1 if row < 0xD8 else 2.6


def _taiwanese(character: str) -> float:
    if character in _HANZI:
        return 0.5
    if not 0x4E00 <= ord(character) <= 0x9FFF:
        return 3.5
    return 1.1 if character.encode("big5", "ignore")[:1] < b"\xc9" else 3


def _korean(character: str) -> float:
    if character in _HANGUL:
        return 0.5
    if not "\uac00" <= character <= "\ud7a3":
        return 3.5
    try:
        character.encode("euc_kr")
    except UnicodeEncodeError:
        return 4
    return 1


def _alphabet(script: str) -> Callable[[str, str, str], float]:
    """Letters of one script, capitals at the beginning of words."""

    def points(before: str, character: str, after: str) -> float:
        if character in _QUOTES:
            return 4 if before.isalpha() and after.isalpha() and character != "\u2019" else 0.6
        if unicodedata.category(character) in ("Cc", "Co", "Cn"):
            return 5
        if not character.isalpha() or not unicodedata.name(character, "").startswith(script):
            return 3
        if (character.isupper() and before.islower()) or (character.islower() and after.isupper()):
            return 2.5
        return _neighbours(script, before, character, after)

    return points


def _neighbours(script: str, before: str, character: str, after: str) -> float:
    letters = [each for each in (before, after) if each.isalpha()]
    strange = sum(not unicodedata.name(each, "").startswith(script) for each in letters)
    if script != "LATIN":
        return _CYRILLIC.get(character.casefold(), 2) + 0.2 * character.isupper() + 1.5 * strange
    accents = sum(not each.isascii() for each in letters)  # words of accents alone are another script
    rare = 0 if character <= "\xff" and character not in "ÞþÐð" else 0.8
    return 0.3 + rare + 0.5 * accents + 1.5 * strange + (0 if letters else 0.7)


# In the order in which they are taken where two readings are equally good.
PAGES = (
    CodePage("Windows-1252", "cp1252", _alphabet("LATIN")),
    CodePage("Shift-JIS", "cp932", _east_asian(_japanese)),
    CodePage("EUC-JP", "euc_jp", _east_asian(_japanese)),
    CodePage("GBK", "gb18030", _east_asian(_chinese)),
    CodePage("EUC-KR", "cp949", _east_asian(_korean)),
    CodePage("Big5", "cp950", _east_asian(_taiwanese)),
    CodePage("code page 437", "cp437", _alphabet("LATIN")),
    CodePage("code page 850", "cp850", _alphabet("LATIN")),
    CodePage("Windows-1251", "cp1251", _alphabet("CYRILLIC")),
    CodePage("code page 866", "cp866", _alphabet("CYRILLIC")),
    CodePage("KOI8-R", "koi8_r", _alphabet("CYRILLIC")),
)
