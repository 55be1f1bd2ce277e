"""Generate: from a prompt to pictures."""
