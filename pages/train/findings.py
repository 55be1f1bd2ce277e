"""What was found in the pictures, the gravest first, folded together."""

from collections.abc import Sequence

import streamlit as st

from engine.datasets.findings import Finding, Severity, counted
from pages.parts.common import plain

ICONS = {Severity.BLOCKS: ":material/block:", Severity.LOOK: ":material/visibility:", Severity.NOTE: ":material/info:"}


def show_findings(findings: Sequence[Finding]) -> None:
    """Open where one of them blocks the training."""
    if not findings:
        return
    blocks = any(finding.severity == Severity.BLOCKS for finding in findings)
    icon = ICONS[Severity.BLOCKS if blocks else Severity.NOTE]
    with st.expander(counted(len(findings), "finding"), expanded=blocks, icon=icon):
        for finding in findings:
            st.markdown(f"{ICONS[finding.severity]} {plain(finding.message)}")
