"""The warm-up of the text encoder: where it is read, what it should tell, and how it begins."""

import torch

from engine.mini import networks
from engine.mini.text_encoder import at_end_and_behind, begin_unknown_words_near_the_mean, coarse_latents


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_text_is_read_at_its_end_and_behind_it():
    tokens = torch.tensor([[8, 1, 9, 9, 9], [8, 1, 2, 3, 9]])
    hidden = torch.arange(10.0).view(2, 5, 1)
    for seed in range(20):
        end, behind = at_end_and_behind(hidden, tokens, 9, generator(seed))[..., 0]
        assert end.tolist() == [2, 9]
        assert 2 <= behind[0] <= 4
        assert behind[1] == 9


def test_coarse_latents_are_means_of_a_grid():
    latents = torch.zeros(1, 8, 16, 16)
    latents[:, 3, :4, :4] = 2.0
    coarse = coarse_latents(latents).view(8, 4, 4)
    assert coarse[3, 0, 0] == 2
    assert coarse.sum() == 2


def test_embeddings_begin_near_their_mean():
    model = networks.text_encoder(50)
    embedding = model.get_input_embeddings().weight
    mean, spread = embedding.mean(0).clone(), embedding.std().item()
    begin_unknown_words_near_the_mean(model)
    assert torch.allclose(embedding.mean(0), mean, atol=1e-6)
    assert embedding.std().item() < 0.5 * spread
