"""Pictures that begin with another picture."""
