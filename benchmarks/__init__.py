"""Measurements: ratios and times taken in one run. Nothing here is a test."""
