"""The choice of the order in which objects are labelled."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox

from napari_cellsynth.project.label_help import LabelHelp
from napari_cellsynth.widgets.label_queue import (
    BY_CERTAINTY,
    DIVERSE,
    MISLABELLED,
    NEXT,
    ORDERS,
    SIMILAR,
    UNLABELLED_FIRST,
)
from napari_cellsynth.widgets.patch_list import may_shrink


class OrderBox(QComboBox):
    """Offers the orders; those by certainty only where classes are suggested, those by advice or looks where known."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("order")
        may_shrink(self)
        self.setToolTip(
            "The order in which the objects come. “Different ones first” suits the start; “Most similar to the "
            "selected” brings more of the kind that is in view. Both need “suggest while I label”."
        )

    def offer(self, predicted: bool, found: LabelHelp, looks: bool = False) -> None:
        """Offer the orders that can be had, and keep the chosen one where it is still among them."""
        possible = {NEXT: bool(found.next), MISLABELLED: bool(found.mislabelled), SIMILAR: looks, DIVERSE: looks}
        possible |= dict.fromkeys(BY_CERTAINTY, predicted)
        orders = [order for order in ORDERS if possible.get(order, True)]
        if [self.itemText(i) for i in range(self.count())] != orders:
            chosen = self.currentText()
            self.clear()
            self.addItems(orders)
            self.setCurrentText(chosen if chosen in orders else UNLABELLED_FIRST)
