"""The way from an error to the field that it is about: a link that opens what hides the field, and puts the eye on it.

A link's address ends with the `key` of the widget, or with the beginning of it where the rest changes.
"""

import re
from collections.abc import Mapping

import streamlit as st

from engine.rules import field_label
from pages.parts.common import plain

_JS = """
const usable = (node) => node.offsetParent !== null && !node.disabled && !node.matches('[aria-label^="Help "]');
let heard = false;  // one listener for the page, which is drawn often

function fieldOf(name) {
  return document.querySelector(`.st-key-${name}`) || document.querySelector(`[class*="st-key-${name}"]`)
    || document.getElementById(`wrong-${name}`);
}

function go(event) {
  const link = event.target.closest && event.target.closest('a[href^="#field-"]');
  const field = link && fieldOf(CSS.escape(decodeURIComponent(link.hash.slice("#field-".length))));
  if (!field) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  for (let box = field; (box = box.parentElement && box.parentElement.closest("details:not([open])"));)
    box.querySelector("summary").click();
  setTimeout(() => {  // what was closed has its place then
    const all = "input:not([type=file]), textarea, button, [role=slider], [tabindex='0']";
    field.scrollIntoView({ block: "center" });
    const control = [...field.querySelectorAll(all)].find(usable);
    if (control) control.focus({ preventScroll: true });
  }, 50);
}

let shown = 0;  // the newest wish that was followed

function show(name, tries) {
  const field = fieldOf(CSS.escape(name));
  if (field) field.scrollIntoView({ block: "center" });
  else if (tries) setTimeout(show, 100, name, tries - 1);  // the page is being drawn
}

export default function ({ data }) {
  if (!heard) window.addEventListener("click", go, true);
  heard = true;
  if (!data || data.wish === shown) return;
  shown = data.wish;
  setTimeout(show, 100, data.field, 20);
}
"""
_WISHED = "field_to_show"
_NOT_IN_CLASS = re.compile("[^A-Za-z0-9_-]")  # Streamlit makes a class of a key so
_jumps = st.components.v2.component("jumps", html="<span></span>", js=_JS)


def hear_jumps() -> None:
    """Let the links work; once in every run."""
    with st.container(key="jumps"):
        _jumps(key="heard_jumps", data=st.session_state.get(_WISHED))


def show_field(key: str) -> None:
    """Bring a field into sight in the next run; for callbacks of buttons that stand far from what they change.

    Args:
        key: of its widget.
    """
    before = st.session_state.get(_WISHED, {"wish": 0})
    st.session_state[_WISHED] = {"field": _NOT_IN_CLASS.sub("-", key), "wish": before["wish"] + 1}


def jump(field: str, key: str) -> str:
    """A link to a field's widget, in Markdown."""
    return f"[{plain(field_label(field))}](#field-{_NOT_IN_CLASS.sub('-', key)})"


def with_jump(text: str, field: str, places: Mapping[str, str]) -> str:
    """What is wrong with a field, in Markdown, and the way to it where its place is known."""
    way = f"  \nGo to {jump(field, places[field])}" if field in places else ""
    return plain(text) + way


def show_refusal(problems: Mapping[str, str], places: Mapping[str, str]) -> None:
    """Say what was wrong, each with the way to its field, in a place that is there also when nothing is.

    Args:
        places: the key of each field's widget, or how it begins.
    """
    with st.container():
        for field, text in problems.items():
            st.error(with_jump(text, field, places), icon=":material/error:")


def show_wrong_fields(problems: Mapping[str, str], *here: str) -> None:
    """Name by the button the fields that were refused, each with a way to it; their messages stand at the fields.

    Args:
        here: fields whose messages stand here anyway.
    """
    fields = [field for field in problems if field not in here]
    with st.container():
        if fields:
            links = ", ".join(jump(field, field) for field in fields)
            st.error(f"To be corrected: {links}.", icon=":material/error:")
