"""The protocol of a button that asks for work: one press, one job; what was wrong stays said until it is changed."""

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from engine.errors import InvalidRequest
from pages.parts.attention import toast
from pages.parts.common import PEOPLE_ERRORS, STUDIO, by_field
from pages.parts.double_clicks import DOUBLE_CLICK_SECONDS, ONE_PRESS
from pages.parts.fields import show_refusal

SHORTCUT = "Ctrl+Enter"


class Press:
    """One button and what became of its last press.

    Args:
        name: of the button, unique in the studio; what is remembered lies in the session under it.
        together: fields that are judged together: what was wrong with one may be mended by changing another.
        places: the key of each field's widget, or how it begins, for the way from an error to the field.
    """

    def __init__(self, name: str, together: Sequence[Collection[str]] = (), places: Mapping[str, str] | None = None):
        self._name = name
        self._together = together
        self.places = places or {}

    def button(self, label: str, icon: str, *, main: bool = True, **more: Any) -> bool:
        """A button that asks for work; Ctrl+Enter presses the main one of a page.

        Each accepted press gives a new button: a press of the old one that is still on its way hits nothing. Until the
        page has run the browser keeps the old one behind it; the container lets `pages.navigation` hide that.
        """
        key = f"{self._name}_{self._nonce()}"
        look = {"type": "primary", "shortcut": SHORTCUT} if main else {}
        with st.container(key=f"{ONE_PRESS}{self._name}"):
            return st.button(label, key=key, width="stretch", icon=icon, **look, **more)

    def ask(self, values: Any, submit: Callable[[str], object], fields: Mapping[str, Any] | None = None) -> None:
        """Ask for work, after the button was pressed; the page then runs again.

        Args:
            values: all that the form says; the same within a second is a double click.
            submit: asks for it under the given key. The key changes only after a job was accepted, so a repeated page
                run finds the same job.
            fields: the form's values by the fields that problems name; None where they are `values`.
        """
        if self._is_double(values):
            return
        self._tell(values, submit, values if fields is None else fields)
        st.rerun()

    def now(self, submit: Callable[[str], object], values: Any = None) -> None:
        """Ask for work from a button's callback, without a form; `values` tell buttons of one name apart."""
        if not self._is_double(values):
            self._tell(values, submit, {})

    def problems(self, fields: Mapping[str, Any]) -> dict[str, str]:
        """What was wrong with the last press, by field; without those of which a value was changed since."""
        found, refused = self._get("problems", {}), self._get("refused", {})
        return {
            field: text
            for field, text in found.items()
            if all(fields.get(each) == refused.get(each) for each in self._judged_with(field))
        }

    def show_problems(self, fields: Mapping[str, Any] | None = None) -> None:
        """Say what was wrong, in a place that is there also when nothing is."""
        show_refusal(self.problems(fields or {}), self.places)

    def _tell(self, values: Any, submit: Callable[[str], object], fields: Mapping[str, Any]) -> None:
        problems = problems_of(lambda: submit(self._nonce()))
        if not problems:
            self._set("nonce", uuid.uuid4().hex)
            self._set("accepted", (values, time.monotonic()))
            toast("It is in the queue.")
        self._set("problems", problems)
        self._set("refused", {each: fields.get(each) for field in problems for each in self._judged_with(field)})

    def _judged_with(self, field: str) -> set[str]:
        return {field}.union(*(group for group in self._together if field in group))

    def _is_double(self, values: Any) -> bool:
        """On a quick machine a second Ctrl+Enter finds the new button already there; of clicks the browser tells."""
        accepted, when = self._get("accepted", (None, -DOUBLE_CLICK_SECONDS))
        return accepted == values and time.monotonic() - when < DOUBLE_CLICK_SECONDS

    def _nonce(self) -> str:
        return st.session_state.setdefault(f"{self._name}_nonce", uuid.uuid4().hex)

    def _get(self, what: str, default: Any) -> Any:
        return st.session_state.get(f"{self._name}_{what}", default)

    def _set(self, what: str, value: Any) -> None:
        st.session_state[f"{self._name}_{what}"] = value


def problems_of(act: Callable[[], object]) -> dict[str, str]:
    """Do it; what kept it from being done, by field."""
    try:
        act()
    except PEOPLE_ERRORS as error:
        return said_by(error)
    return {}


def said_by(error: Exception, field: str = STUDIO) -> dict[str, str]:
    """What an error says, by field; `field` where it names none."""
    return by_field(error.problems) if isinstance(error, InvalidRequest) else {field: str(error)}
