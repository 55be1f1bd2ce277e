"""The one table of what can be asked of the studio."""

from engine.captioning import admission as captioning
from engine.comparing import admission as comparing
from engine.cyclegan import admission as cyclegan
from engine.diffusion import admission as diffusion
from engine.grids import admission as grids
from engine.image_to_image import admission as image_to_image
from engine.importing import admission as importing
from engine.inpainting import admission as inpainting
from engine.jobs.kind import Kinds
from engine.latent import admission as latent
from engine.lora import admission as lora
from engine.measuring import admission as measuring
from engine.noising import admission as noising
from engine.reproducing import admission as reproducing
from engine.translation import admission as translation
from engine.upscaling import admission as upscaling
from engine.vqi2i import admission as vqi2i
from engine.weights import admission as weights

_MAKING = (
    *diffusion.KINDS,
    *image_to_image.KINDS,
    *inpainting.KINDS,
    *grids.KINDS,
    *translation.KINDS,
    *upscaling.KINDS,
    *noising.KINDS,
    latent.EXPLORED,
)
_TRAINING = (*lora.KINDS, *latent.KINDS, *cyclegan.KINDS, *vqi2i.KINDS, *comparing.KINDS, *captioning.KINDS)
KINDS = Kinds([*_MAKING, *reproducing.kinds(_MAKING), *importing.KINDS, *_TRAINING, *weights.KINDS, *measuring.KINDS])
