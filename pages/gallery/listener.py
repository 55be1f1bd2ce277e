"""What Streamlit's own widgets do not hear: a click with Shift held, and the key C, which it keeps for itself."""

from typing import Any

import streamlit as st

# The key presses a button of the page, so that it does what the button does; Shift on a tile names the tile.
_JS = """
let current = null;  // what the page shown last wants to hear; listeners are put up once, since it is drawn often
const there = () => current && current.parentElement.isConnected;
const typing = (node) => node && (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName)
  && !/^(checkbox|radio|button|range)$/.test(node.type));

function onKey(event) {
  const name = there() && current.data.keys[event.key.toLowerCase()];
  if (!name || event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
  const button = document.querySelector(`.st-key-${name} button:enabled`);
  if (!button || document.querySelector('[role="dialog"]')) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  button.click();
}

function onClick(event) {
  const tile = there() && current.data.shift && event.shiftKey && event.target.closest('[class*="st-key-tile_"]');
  if (!tile) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  getSelection().removeAllRanges();
  current.setTriggerValue("shifted", tile.className.match(/st-key-tile_(\\w+)/)[1]);
}

export default function (component) {
  if (!current) {
    window.addEventListener("keydown", onKey, true);
    window.addEventListener("click", onClick, true);
  }
  current = component;
}
"""
_listener = st.components.v2.component("listener", html="<span></span>", js=_JS)


def listen(keys: dict[str, str] | None = None, *, shift: bool = False) -> str | None:
    """Listen on the whole page; returns the id of the tile that was clicked with Shift held since the last run.

    Args:
        keys: by key in lower case, the `key` of the widget whose button it presses.
        shift: whether clicks on tiles with Shift are taken.
    """
    with st.container(key="listener"):
        values: dict[str, Any] = {"keys": keys or {}, "shift": shift}
        heard = _listener(key="heard", data=values, on_shifted_change=lambda: None)
    return heard.get("shifted")
