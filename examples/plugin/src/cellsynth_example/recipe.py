"""A GAN recipe with another loss: least squares (Mao et al. 2017) between the networks of a DCGAN.

The recipe is read when docks open, so this file imports torch only where a training starts. It overrides two steps of
`Dcgan` whose names begin with an underscore: they may change from one minor version to the next, so a package that
does this names the versions that it was tried with. `_to_improve` draws the very patches that were just judged.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from napari_cellsynth.synthesis.recipes import DcganRecipe


class LsganRecipe(DcganRecipe):
    """A DCGAN whose scores are drawn to 1 (less ``label_smoothing``) and 0 by their squared distance."""

    name: Literal["lsgan"] = "lsgan"  # type: ignore[assignment]
    purpose: ClassVar[str] = "patches of one class by the least-squares loss"
    source: str = Field("Mao et al. 2017", description="Where the recipe comes from.")

    def build(self, channels: int, device: Any, seed: int, classes: int = 0) -> Any:
        """Return the networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.dcgan import Dcgan

        class Lsgan(Dcgan):
            def _judge(self, real: Any, noise: Any) -> tuple[Any, dict[str, Any]]:
                with self._precision():
                    on_real, on_fake = self.discriminator(real), self.discriminator(self._to_judge(noise))
                    aim = 1 - self.recipe.label_smoothing
                    loss = ((on_real.float() - aim) ** 2).mean() / 2 + (on_fake.float() ** 2).mean() / 2
                return loss, {"loss_discriminator": loss}

            def _improve(self, noise: Any) -> tuple[Any, dict[str, Any]]:
                with self._precision():
                    loss = ((self.discriminator(self._to_improve(noise)).float() - 1) ** 2).mean() / 2
                return loss, {"loss_generator": loss}

        return Lsgan(self, channels, device, seed)
