"""LoRAs of the artist's own: requests and jobs; runs/ is what lies on disk, training/ and evaluation/ compute."""
