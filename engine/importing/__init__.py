"""A folder of pictures that other tools made, brought into the gallery."""
