"""What is typed before it is drawn: templates, wildcards, styles, presets."""
