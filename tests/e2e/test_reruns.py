"""What a session's runs of one page do to each other."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# A run that is busy for a while between two calls of Streamlit, and counts how many are at once.
BUSY = """
import time
import streamlit as st

@st.cache_resource
def runs():
    return {"begun": 0, "now": 0, "most": 0}

counts = runs()
st.checkbox("Look again")
counts["begun"] += 1
counts["now"] += 1
counts["most"] = max(counts["most"], counts["now"])
time.sleep(2.0)
counts["now"] -= 1
st.write(f"At most {counts['most']} at once of {counts['begun']}")
"""


def test_a_run_of_a_page_begins_when_the_one_before_it_is_over(browser: Browser, tmp_path: Path):
    # Two at once share the session's state: the older, ending, throws away what the newer was just told.
    script = tmp_path / "busy.py"
    script.write_text(BUSY)
    with serving(script, tmp_path) as address:
        page = browser.new_page()
        page.goto(address)
        expect(page.get_by_text("At most 1 at once of 1")).to_be_visible()
        box = page.get_by_text("Look again")
        box.click()
        page.locator("[data-test-script-state=running]").wait_for()  # before, two clicks would be one run
        box.click()
        expect(page.get_by_text("At most 1 at once of 3")).to_be_visible(timeout=20_000)
        page.close()
