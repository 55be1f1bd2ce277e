"""Everything that makes pixels or weights. Importing this package imports no torch."""

__version__ = "0.1.0"
