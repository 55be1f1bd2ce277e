"""What is asked of the gallery, and how it is answered: by words, by what recipes say, and by the artist's marks."""
