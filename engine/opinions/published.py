"""What the studies printed about opinions; shown beside what is measured here, never mixed with it."""

PUBLISHED = {
    "NijiGAN, mean opinion score, 30 participants and 10 photos": {
        "CartoonGAN": "2.708",
        "AnimeGAN": "2.160",
        "Scenimefy": "2.232",
        "NijiGAN": "2.192",
    },
    "CycleGAN, map to photo, taken for real (%)": {
        "CoGAN": "0.6 ± 0.5",
        "BiGAN": "2.1 ± 1.0",
        "SimGAN": "0.7 ± 0.5",
        "feature loss": "1.2 ± 0.6",
        "CycleGAN": "26.8 ± 2.8",
    },
    "CycleGAN, photo to map, taken for real (%)": {
        "CoGAN": "0.9 ± 0.5",
        "BiGAN": "1.9 ± 0.9",
        "SimGAN": "2.6 ± 1.1",
        "feature loss": "0.3 ± 0.2",
        "CycleGAN": "23.2 ± 3.4",
    },
}
"""By study and method. Scale and question of the first are not printed: its text speaks of the best of six, its table
of a mean."""
