"""The choice of the order in which objects are labelled."""

from __future__ import annotations

from qtpy.QtCore import Signal
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

NEEDED = {
    **dict.fromkeys(BY_CERTAINTY, "suggestions or predictions"),
    **dict.fromkeys((SIMILAR, DIVERSE), "“suggest while I label”, and a moment to look at all objects"),
    **dict.fromkeys((NEXT, MISLABELLED), "“Check labels”"),
}
"""What an order cannot do without."""


class OrderBox(QComboBox):
    """Offers the orders; those by certainty only where classes are suggested, those by advice or looks where known.

    Attributes
    ----------
    lost : str
        The order that was wanted and could not be had; empty once one is chosen by hand.
    """

    told = Signal()
    """`why_not` may be another now."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = ""
        self.activated.connect(lambda _index: self._forget())
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
            if chosen in NEEDED and chosen not in orders:
                self.lost = chosen
            self.told.emit()

    def lose(self, order: str) -> None:
        """Remember that an order was wanted and cannot be had yet."""
        if order in NEEDED:
            self.lost = order
            self.told.emit()

    def why_not(self) -> str:
        """Say in one line why another order than the wanted one is used; empty where it is that one."""
        if not self.lost:
            return ""
        if self.findText(self.lost) >= 0:  # not taken up by itself: the crop in view would change
            return f"The order “{self.lost}” can be chosen again."
        return f"“{self.lost}” needs {NEEDED[self.lost]}; until then: {self.currentText()}."

    def _forget(self) -> None:
        self.lost = ""
        self.told.emit()
