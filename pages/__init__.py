"""The pages: they lay out widgets and know only the door. No torch, no logic of their own."""
