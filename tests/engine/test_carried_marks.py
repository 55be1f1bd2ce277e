"""Marks and rights of what is brought: kept with the photo, and carried on into what is made of it."""

import io

import pytest
from PIL import Image, PngImagePlugin

from engine.image_to_image.request import ImageToImage
from engine.inpainting.request import Inpaint
from engine.kinds import KINDS
from engine.safety.photos import plain_photo
from engine.studio import Studio
from engine.translation.request import Translate
from engine.upscaling.request import Upscale
from gallery.metadata import read_digital_source, read_marks
from gallery.recipe import Recipe
from gallery.words import COMPOSITE, TRAINED
from gallery.xmp import DIGITAL_SOURCE, LONGEST, NEWS_CODES, PNG_KEYWORD, packet

CAMERA = "digitalCapture"
RIGHTS = {"dc:creator": ["Zoë", "李"], "dc:rights": ["© Zoë & Co"], "plus:DataMining": ["http://ns.useplus.org/x"]}
# As other tools write it: attributes, another prefix, a comment, languages.
ELSEWHERE = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<!-- a comment --><rdf:Description xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" rdf:about=""
 xmlns:p="http://ns.adobe.com/photoshop/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 e:DigitalSourceType="{NEWS_CODES}{CAMERA}" p:Credit="The Paper"><dc:rights><rdf:Alt>
 <rdf:li xml:lang="x-default">mine</rdf:li><rdf:li xml:lang="de">meins</rdf:li></rdf:Alt></dc:rights>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def photo(form: str = "JPEG", xmp: str = "", seed: int = 0, **options: object) -> bytes:
    stream = io.BytesIO()
    image = Image.radial_gradient("L").convert("RGB").resize((64 + seed, 64))
    if form == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt(PNG_KEYWORD, xmp)
        image.save(stream, form, pnginfo=texts, **options)
    else:
        image.save(stream, form, xmp=xmp.encode(), **options)
    return stream.getvalue()


def kept(data: bytes) -> dict[str, list[str]]:
    return read_marks(plain_photo(data, "a.jpg").png)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_mark_and_rights_stay_with_the_photo(form: str) -> None:
    assert kept(photo(form, packet(CAMERA, RIGHTS))) == {DIGITAL_SOURCE: [CAMERA], **RIGHTS}
    found = kept(photo(form, ELSEWHERE))
    assert found == {DIGITAL_SOURCE: [CAMERA], "photoshop:Credit": ["The Paper"], "dc:rights": ["mine"]}


def test_what_says_nothing_gives_a_file_without_a_packet() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb">]>' + packet(TRAINED, {"dc:creator": ["&b;"]})
    for xmp in ("", "no xml", "<x>", packet(""), bomb.replace(TRAINED, "")):
        assert kept(photo(xmp=xmp)) == {}
        assert b"xmpmeta" not in plain_photo(photo(xmp=xmp), "a.jpg").png
    assert kept(photo(xmp=bomb)) == {DIGITAL_SOURCE: [TRAINED]}, "of entities nothing is read, but the mark is seen"
    assert len(kept(photo(xmp=packet("", {"dc:creator": ["a" * 9_000]})))["dc:creator"][0]) == LONGEST


def test_what_a_camera_writes_stands_in_for_what_xmp_does_not_say() -> None:
    exif = Image.Exif()
    exif[0x013B], exif[0x8298], exif[0x010F] = "Artist", "Owner", "Camera"
    assert kept(photo(exif=exif)) == {"dc:creator": ["Artist"], "dc:rights": ["Owner"]}
    assert kept(photo(xmp=packet("", RIGHTS), exif=exif)) == RIGHTS


@pytest.mark.parametrize(
    ("codes", "xmp", "source"),
    [
        ([TRAINED], "", TRAINED),
        ([TRAINED], CAMERA, TRAINED),
        ([CAMERA, COMPOSITE], "", COMPOSITE),
        ([CAMERA, TRAINED], "", COMPOSITE),
        ([CAMERA], "", ""),
        ([CAMERA], TRAINED, TRAINED),
    ],
)
def test_a_manifest_is_believed_where_it_says_that_a_model_took_part(codes: list[str], xmp: str, source: str) -> None:
    data = photo(xmp=packet(xmp))
    body = b"JP\0\1\0\0\0\1\0\0\0\0jumbc2pa" + b"".join(f"\x78\x40{NEWS_CODES}{code}\x66".encode() for code in codes)
    manifest = b"\xff\xeb" + (len(body) + 2).to_bytes(2) + body
    assert kept(data[:2] + manifest + data[2:]).get(DIGITAL_SOURCE, [""])[0] == source


def recipe(kind: str, **parents: object) -> Recipe:
    return Recipe(kind=kind, request={"photos": [{"name": "x", **parents}]}, parents=(parents,))


# the kind, the role, whether its picture is of the gallery, the mark of that, and the mark of what is made
FROM = [
    (ImageToImage, "start", False, "", COMPOSITE),
    (ImageToImage, "start", False, CAMERA, COMPOSITE),
    (ImageToImage, "start", False, TRAINED, TRAINED),
    (ImageToImage, "start", True, TRAINED, COMPOSITE),
    (Inpaint, "start", True, COMPOSITE, COMPOSITE),
    (Inpaint, "start", False, TRAINED, TRAINED),
    (Translate, "photo", False, CAMERA, COMPOSITE),
    (Translate, "photo", False, TRAINED, TRAINED),
    (Translate, "style", False, TRAINED, COMPOSITE),
    (Upscale, "original", False, "", COMPOSITE),
    (Upscale, "original", False, TRAINED, TRAINED),
    (Upscale, "original", True, TRAINED, TRAINED),
    (Upscale, "original", True, COMPOSITE, COMPOSITE),
]


@pytest.mark.parametrize(("kind", "role", "ours", "mark", "made"), FROM)
def test_every_kind_of_picture_has_its_mark(studio: Studio, kind, role, ours, mark, made) -> None:
    gallery = studio.gallery
    if ours:  # a gallery's picture with that mark: drawn, or drawn over a photo
        before = () if mark == TRAINED else ({"role": "start", "image": None, "photo": None},)
        drawn = Recipe(kind="text_to_image" if mark == TRAINED else ImageToImage.kind, parents=before)
        ref = studio.start_from(gallery.save(Image.new("RGB", (64, 64)), drawn).id)
    else:
        ref = studio.add_photo(photo(xmp=packet(mark, RIGHTS)), "a.jpg")
    saved = gallery.save(Image.new("RGB", (64, 64)), recipe(kind.kind, role=role, image=ref.image, photo=ref.id))
    for data in (gallery.path(saved.id).read_bytes(), gallery.jpg(saved.id), gallery.webp(saved.id)):
        assert read_digital_source(data) == made
        carried = {} if ours or role == "style" else RIGHTS
        assert {name: values for name, values in read_marks(data).items() if name in RIGHTS} == carried


def test_a_sheet_is_what_its_pictures_are_and_a_variation_is_from_text(studio: Studio) -> None:
    gallery = studio.gallery
    image = Image.new("RGB", (64, 64))
    drawn = gallery.save(image, Recipe(kind="text_to_image"))
    over = gallery.save(image, Recipe(kind=ImageToImage.kind))
    for cells, source in (((drawn,), TRAINED), ((drawn, over), COMPOSITE)):
        parents = tuple({"role": "cell", "image": cell.id, "photo": None} for cell in cells)
        assert read_digital_source(gallery.png(gallery.save(image, Recipe(kind="grid", parents=parents)).id)) == source
    varied = Recipe(kind="text_to_image", parents=({"role": "variation", "image": over.id, "photo": None},))
    assert read_digital_source(gallery.png(gallery.save(image, varied).id)) == TRAINED


def test_a_picture_that_was_brought_back_is_marked_as_before_after_the_photo_is_gone(studio: Studio, work) -> None:
    brought = studio.add_photo(photo(xmp=packet(TRAINED, RIGHTS)), "a.jpg")
    job = studio.submit(Translate(photos=(brought,), translator="classical"))
    work()
    (made,) = studio.gallery.of_job(job.id)
    assert KINDS.describe(made.recipe).digital_source == COMPOSITE, "the kind alone does not know"
    studio.photos.path(brought.id).unlink()
    for data in (studio.gallery.png(made.id), studio.gallery.webp(made.id)):
        assert (read_digital_source(data), read_marks(data)["dc:creator"]) == (TRAINED, RIGHTS["dc:creator"])
    assert made.recipe.parents[0]["marks"][DIGITAL_SOURCE] == [TRAINED]
