"""The second click of a double click is none: told in the browser, by the times at which the hand clicked.

The page hears clicks late where the line or the machine is slow, so by its own clock two clicks of one hand may lie
seconds apart, and the second may have hit the button that the first one's run gave.
"""

import streamlit as st

ONE_PRESS = "one_press_"  # how the key of a container begins whose button is pressed once
DOUBLE_CLICK_SECONDS = 1.0  # desktops take two clicks within half a second for a double click; the rest is travel time

# What is changed between two clicks makes the second one a press of its own, as a click elsewhere does.
_JS = """
const none = { name: null, at: -Infinity };
let last = null;  // one listener for the page, which is drawn often

function hear(event) {
  const place = event.target.closest && event.target.closest(`[class*="st-key-PREFIX"]`);
  if (!place || !event.target.closest("button")) return forget();
  const name = [...place.classList].find((each) => each.startsWith("st-key-PREFIX"));
  if (last.name === name && event.timeStamp - last.at < MILLISECONDS) {
    event.preventDefault();
    event.stopImmediatePropagation();
  } else last = { name, at: event.timeStamp };
}

function forget() {
  last = none;
}

export default function () {
  if (last) return;
  last = none;
  window.addEventListener("click", hear, true);
  window.addEventListener("input", forget, true);
}
""".replace("PREFIX", ONE_PRESS).replace("MILLISECONDS", str(round(1000 * DOUBLE_CLICK_SECONDS)))
_listener = st.components.v2.component("double_clicks", html="<span></span>", js=_JS)


def swallow_double_clicks() -> None:
    """Let a second click on a button in a `ONE_PRESS` container reach nothing; once in every run."""
    with st.container(key="double_clicks"):
        _listener(key="heard_double_clicks")
