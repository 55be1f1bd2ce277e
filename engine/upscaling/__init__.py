"""Pictures made larger: the upscaler that ships, those the artist brings, tiles without seams."""
