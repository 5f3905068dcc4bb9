"""Experiments by name: the leak-free comparison and the papers' protocols.

``dataset`` reads crops and draws the outer folds; ``design`` says which arms are compared and what has to be trained;
``work`` does one training, ``loop`` all of them; ``analysis`` and ``verdict`` say what came out, ``report`` writes it
down. A protocol (``protocol``) is a design and a way of reading its predictions: ``comparison`` is ours, the others are
the papers'.
"""

from __future__ import annotations

from napari_cellsynth.errors import UserError
from napari_cellsynth.experiments.bone_marrow import BoneMarrow
from napari_cellsynth.experiments.cell_cycle import CellCycle
from napari_cellsynth.experiments.comparison import DoesSyntheticHelp
from napari_cellsynth.experiments.hescnet_table4 import HescnetTable4
from napari_cellsynth.experiments.liposome import Liposome
from napari_cellsynth.experiments.protein_augmentation import ProteinAugmentation
from napari_cellsynth.experiments.protocol import Protocol

PROTOCOLS: dict[str, Protocol] = {
    each.name: each
    for each in (
        DoesSyntheticHelp(),
        HescnetTable4(),
        ProteinAugmentation(),
        BoneMarrow(),
        CellCycle(),
        Liposome(),
    )
}
"""Every protocol by name."""


def protocol(name: str) -> Protocol:
    """Return a protocol by name.

    Raises
    ------
    UserError
        If there is none of this name.
    """
    if name not in PROTOCOLS:
        raise UserError(f"There is no protocol {name!r}.", f"Choose one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]
