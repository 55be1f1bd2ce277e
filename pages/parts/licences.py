"""What a licence allows, beside what is under it; its text, and the uses that it forbids."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st

from engine.studio import Studio
from engine.weights.licensing.licences import RAIL_PLUS_PLUS, Licence, known, restrictions_of, text_of
from pages.parts.common import plain

_BADGES = {
    True: ":green-badge[:material/sell: Commercial use]",
    False: ":red-badge[:material/money_off: No commercial use]",
    None: ":gray-badge[:material/help: Commercial use not known]",
}
_HERE = ("", "localhost", "127.0.0.1", "::1")
_SEEN = "restrictions_seen"
_ONLY = "commercial_use_only"
_ONLY_HELP = "Leaves out models, LoRAs and translators whose licence forbids it or is not known; what is chosen stays."


def badge(licence: Licence) -> str:
    """Whether work that is made with it may be sold, as Markdown."""
    return _BADGES[licence.commercial_use]


def show_licence(written: str, non_commercial: bool = False) -> None:
    """The badge and the name of a licence, as a card or a list names it; what it means is under the question mark."""
    licence = known(written, non_commercial)
    # No caption: it dims what stands in it, and the badge's colour with it.
    st.markdown(f"{badge(licence)} {plain(licence.name)}", help=licence.sentence)


def licence_of(facts: Mapping[str, Any]) -> str:
    """For the details of a picture: the licence of a model or LoRA of its recipe; empty in recipes of before."""
    written = facts.get("licence")
    if not isinstance(written, str):
        return ""
    licence = known(written, facts.get("commercial_use") is False)
    return f"{licence.name}. {licence.sentence}"


def only_switch(page: str) -> None:
    """Whether pickers offer only what is known to allow commercial use; it holds on every page of this visit.

    Args:
        page: tells the switches of pages apart.
    """
    key = f"{_ONLY}_{page}"
    st.session_state[key] = _only()
    st.toggle("Commercial use only", key=key, on_change=_keep, args=(key,), help=_ONLY_HELP)


def offered(infos: Mapping[str, Any], chosen: Collection[str]) -> list[str]:
    """The names that a picker offers: all, or what allows commercial use and what is chosen already.

    Args:
        infos: models, LoRAs or translators by name, each with its `licence`.
    """
    names = [name for name, info in infos.items() if not _only() or name in chosen or _allowed(info)]
    return names or list(infos)


def _allowed(info: Any) -> bool:
    return known(info.licence, getattr(info, "non_commercial", False)).commercial_use is True


def _only() -> bool:
    return bool(st.session_state.get(_ONLY))


def _keep(key: str) -> None:
    st.session_state[_ONLY] = st.session_state[key]


def show_text(licence: Licence) -> None:
    """The text that ships, and first the uses that it forbids."""
    with st.expander(f"Licence: {plain(licence.name)}", icon=":material/gavel:"):
        st.caption(licence.sentence)
        _restrictions(licence)
        with st.container(height=240, key=f"text_{licence.id}"):
            st.text(text_of(licence))


def show_restrictions_to_others(studio: Studio) -> None:
    """In a studio that other machines can reach: what the licence of a model here forbids, once to each visitor.

    The licence asks for it of whoever lets others use the model.
    """
    address = str(st.get_option("server.address") or "")
    if address in _HERE or st.session_state.get(_SEEN) or _visitor() in _told():
        return
    under = [info.title for info in studio.models() if info.available and known(info.licence).id == RAIL_PLUS_PLUS.id]
    if under:
        _dialog(under)


@st.dialog("What may not be made here", dismissible=False, width="medium")
def _dialog(titles: list[str]) -> None:
    st.markdown(f"{plain(', '.join(titles))}: {plain(RAIL_PLUS_PLUS.name)}. {RAIL_PLUS_PLUS.sentence}")
    _restrictions(RAIL_PLUS_PLUS)
    if st.button("I will keep to this", type="primary", key=_SEEN + "_button"):
        st.session_state[_SEEN] = True
        if visitor := _visitor():
            _told().add(visitor)
        st.rerun()


@st.cache_resource(max_entries=1)
def _told() -> set[str]:
    """The visitors who were told, until the studio stops."""
    return set()


def _visitor() -> str:
    """The browser, by a cookie that the server gives each; empty where it has none, then each visit counts.

    It is `2|mask|token|time` in hexadecimal digits; the mask, and with it the token, changes with every page.
    """
    try:
        _, mask, token, _ = st.context.cookies.get("_streamlit_xsrf", "").split("|")
        key = bytes.fromhex(mask)
        plain_token = bytes(byte ^ key[i % len(key)] for i, byte in enumerate(bytes.fromhex(token)))
    except (ValueError, ZeroDivisionError):
        return ""
    return hashlib.sha256(plain_token).hexdigest()


def _restrictions(licence: Licence) -> None:
    if forbidden := restrictions_of(licence):
        st.markdown("You agree not to use the model, or what is trained on it:")
        st.markdown("\n".join(f"- {plain(line)}" for line in forbidden))
