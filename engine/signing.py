"""C2PA manifests on exported pictures, signed with a key of this installation; no network is used.

A signature proves two things: the file is as it was when it was signed, and whoever holds this installation's key
signed it as made by a model. It does not prove who that is: nobody has vouched for the key, so programs that check
call the signer unknown. It can be taken off with the rest of the metadata, and it says nothing about what a picture
shows.

`c2pa-python` is optional, since it and what it needs are 70 MB on the disk.
"""

import io
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock

from engine.errors import StudioError
from engine.files import replacing

FOLDER = "signing"
KEY, CHAIN = "key.pem", "certificates.pem"
_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}  # by how files begin
INSTALL = "pip install 'c2pa-python>=0.38,<0.39'"

_YEARS = 10
_CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_NO_USE = (
    "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only",
)  # fmt: skip


def available() -> bool:
    """Whether the package that signs is installed; it is not imported."""
    return find_spec("c2pa") is not None


def require_key(home: Path) -> None:
    """Make sure that this installation has a key that can sign. Raises StudioError as `signed`."""
    _signer(_library(), home)


def signed(home: Path, data: bytes, digital_source: str, title: str, studio: str, *, brought_in: bool = False) -> bytes:
    """The file with a manifest that says how the picture came to be; all that was in it stays.

    Args:
        home: the studio's folder, which holds the key; it is made at the first signature.
        data: a PNG, JPEG or WebP file.
        digital_source: one of the IPTC's news codes; see `gallery.words`.
        title: of the picture.
        studio: the studio's version.
        brought_in: whether the picture was made elsewhere. Then the manifest says that it was opened here, with the
            file as it is as its ingredient, and nothing about how it came to be.

    Raises:
        StudioError: c2pa-python is not installed, the digital source of a picture of our own is empty, the key cannot
            be read or written, or the file cannot be signed.
    """
    c2pa = _library()
    if not (digital_source or brought_in):
        raise StudioError(
            f"Only pictures that say how they came to be can be signed; {title[:60] or 'the picture'} has no mark of "
            "how it came to be. Export it without signing."
        )
    kind = _kind(data)
    signer = _signer(c2pa, home)
    out = io.BytesIO()
    try:
        builder = c2pa.Builder(
            {
                "claim_generator_info": [{"name": "Niji Studio", "version": studio}],
                "format": kind,
                "title": title[:200],
                "assertions": [] if brought_in else [_actions(digital_source)],
            }
        )
        if brought_in:
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)  # makes "opened", and the file its parent
        builder.sign(signer, kind, io.BytesIO(data), out)
    except c2pa.C2paError as error:
        raise _unsigned(title[:60] or "The picture", error, home) from None
    return out.getvalue()


def _signer(c2pa: Any, home: Path) -> Any:
    key, chain = _identity(home)
    try:
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, key, None))  # None: no server of times
    except c2pa.C2paError as error:
        raise _unsigned("Nothing", error, home) from None


def _unsigned(what: str, error: Exception, home: Path) -> StudioError:
    cannot = "can" if what == "Nothing" else "cannot"
    return StudioError(
        f"{what} {cannot} be signed: {error}. If the key in {home / FOLDER} is damaged, move that folder away; a new "
        "key is made then. Or export without signing."
    )


def _kind(data: bytes) -> str:
    found = next((kind for begins, kind in _KINDS.items() if data.startswith(begins)), None)
    if found is None:
        raise StudioError(f"PNG, JPEG and WebP files can be signed; this one begins with {data[:4].hex(' ')}.")
    return found


def _actions(digital_source: str) -> Mapping[str, Any]:
    action = {"action": "c2pa.created", "digitalSourceType": _CODES + digital_source}
    return {"label": "c2pa.actions", "data": {"actions": [action]}}


def _library() -> Any:
    try:
        import c2pa
    except ImportError:
        raise StudioError(
            f"Signing needs the package c2pa-python, which is not installed. Install it with `{INSTALL}`."
        ) from None
    return c2pa


def _identity(home: Path) -> tuple[bytes, bytes]:
    """The key and the certificates of this installation, made once."""
    folder = home / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.chmod(folder, 0o700)
        with FileLock(folder / ".lock"):  # two commands at once must not make two
            if not (folder / KEY).exists() or not (folder / CHAIN).exists():
                key, chain = _made()
                _keep(folder / CHAIN, chain)
                _keep(folder / KEY, key)
            return (folder / KEY).read_bytes(), (folder / CHAIN).read_bytes()
    except OSError as error:
        raise StudioError(f"The key that signs pictures lies in {folder}, which cannot be used: {error}.") from None


def _keep(path: Path, content: bytes) -> None:
    with replacing(path) as file:
        os.chmod(file.fileno(), 0o600)
        file.write(content)


def _made() -> tuple[bytes, bytes]:
    """A key, and its certificate with that of its own authority, as C2PA's profile of X.509 asks for them."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    root, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    pair = (_certificate(key, root, authority=False), _certificate(root, root, authority=True))
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in pair)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), chain  # the root's key is forgotten


def _certificate(key: Any, issuer: Any, *, authority: bool) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    now = datetime.now(UTC)
    usage = {"digital_signature": not authority, "key_cert_sign": authority, "crl_sign": authority}
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])  # one of those that C2PA allows
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name("installation authority" if authority else "installation"))
        .issuer_name(_name("installation authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage, **dict.fromkeys(_NO_USE, False)), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
    )
    return (builder if authority else builder.add_extension(purpose, critical=False)).sign(issuer, SHA256())


def _name(what: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = {NameOID.ORGANIZATION_NAME: "Niji Studio", NameOID.COMMON_NAME: f"Niji Studio {what}"}
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts.items()])
