"""Translators measured as the studies do: beside each other, and against pairs. Reports are kept as evaluations are."""
