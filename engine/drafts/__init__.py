"""Drafts: what a prompt would become, drawn in few steps while it is being typed; kept nowhere."""
