"""Gallery: everything that was made."""
