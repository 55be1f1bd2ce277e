"""A picture's recipe run again: are these the same pixels, and if not, what is different here."""
