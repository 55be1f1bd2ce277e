"""The colours that pictures are found by."""

# Light, usual and dark shades of each, as sRGB.
PALETTE = {
    "black": ("000000", "1c1c1c", "101828"),
    "grey": ("4d4d4d", "808080", "b0b0b0"),
    "white": ("ffffff", "e8e8e8"),
    "red": ("c81e1e", "7d1414", "e85050"),
    "orange": ("f08020", "d06010", "f8a860"),
    "yellow": ("f0d820", "f5e890", "c0a818"),
    "green": ("30a030", "155015", "90c870", "5a7a40"),
    "teal": ("20a0a0", "105858", "90d8d8"),
    "blue": ("2050d0", "142468", "80b0f0", "5070a0"),
    "purple": ("8030c0", "401468", "b898e0"),
    "pink": ("f060a0", "f8b8d0", "b03070"),
    "brown": ("7a4a20", "50301a", "a87850"),
    "beige": ("e8d0b0", "d8b898"),
}
NAMES = tuple(PALETTE)
