"""Explore: sliders, walks and mixes in what a small network has learnt."""
