"""The trainings of all networks that can be explored, by family."""
