"""Published networks out of timm, whole or as the body under one of the heads of the protein paper."""

from __future__ import annotations

import difflib
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_cellsynth.errors import UserError

if TYPE_CHECKING:
    from napari_cellsynth.classify.recipes_backbones import Head

_PATIENCE = 10.0
"""Seconds to wait for an answer of the hub that holds the weights."""


class Backbone(nn.Module):
    """A published network with a head of its own.

    Parameters
    ----------
    model : str
        timm's name of the network, such as ``"resnet50"``.
    channels, classes : int
        Channels of the patches (1 to 8, or more), number of classes.
    size : int
        Side of the patches; only networks of one input size are built after it.
    head : {"linear", "dense-128", "dense-256"}
        ``linear``: the network's own features (pooled over the image; of VGG its two layers of 4096), dropout, a linear
        layer. ``dense-128``: dropout, batch norm, average over the image, 128 neurons with ReLU, a linear layer (S1,
        section 3.3.2, on InceptionV4). ``dense-256``: average over the image, dropout, 256 neurons with ReLU, a linear
        layer (S1, section 3.5.2, on VGG16; the paper does not say how maps become features).
    dropout : float
        Share of features dropped in training.

    Raises
    ------
    UserError
        If timm has no such network.
    """

    def __init__(
        self, model: str, channels: int, classes: int, size: int, head: Head = "linear", dropout: float = 0.5
    ) -> None:
        super().__init__()
        self._model, self._channels, self._size = model, channels, size
        self._maps = head != "linear"
        self.body = _body(model, channels, size, published=False, maps=self._maps)
        self.colours: torch.Tensor
        self.register_buffer("colours", _published_colours(self.body, channels), persistent=False)
        features = int(self.body.num_features if self._maps else self.body.head_hidden_size)
        self.head = _head(head, features, classes, dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, K) of patches (N, C, S, S) in [-1, 1]."""
        # The range in which the published weights learned: colours in [0, 1], less their mean, by their spread.
        mean, spread = self.colours[:, :, None, None]
        x = ((x + 1) / 2 - mean) / spread
        features = self.body.forward_features(x) if self._maps else self.body(x)
        logits: torch.Tensor = self.head(features)
        return logits

    def load_published(self) -> None:
        """Fill the body with timm's published weights, adapted to the channels; fetched if not on this machine yet.

        Raises
        ------
        UserError
            If they cannot be fetched, or there are none.
        """
        try:
            with _offline_if_cut_off():
                published = _body(self._model, self._channels, self._size, published=True, maps=self._maps)
        except UserError:
            raise
        except Exception as error:  # the hub's client, the network and the disk each fail in their own ways
            raise UserError(
                f"The published weights of {self._model} could not be fetched ({_first_line(error)}).",
                "Connect to the internet once, or start from random weights (pretrained=false).",
            ) from error
        self.body.load_state_dict(published.state_dict())

    def check_size(self) -> None:
        """Raise a UserError unless the network can look at patches of its size."""
        patch = torch.zeros(1, self._channels, self._size, self._size)
        was_training = self.training
        try:
            with torch.no_grad():
                self.eval()(patch)
        except (RuntimeError, AssertionError, ValueError, IndexError) as error:
            raise UserError(
                f"{self._model} with this head cannot look at {self._size}-px patches ({_first_line(error)}).",
                "Choose a larger size, or another network or head.",
            ) from error
        finally:
            self.train(was_training)

    def freeze_body(self, frozen: bool) -> None:
        """Keep the body as it is, batch norm's running figures included, or let it learn."""
        self.body.requires_grad_(not frozen)
        self.body.train(not frozen and self.training)


def _body(model: str, channels: int, size: int, *, published: bool, maps: bool) -> Any:
    """Return timm's network without its classifier; for maps also without layers between them and the classifier."""
    import timm

    if not timm.is_model(model):
        near = difflib.get_close_matches(model, timm.list_models(), 3)
        raise UserError(
            f"timm has no network '{model}'.",
            f"Near to it: {', '.join(near)}." if near else "`timm.list_models()` names all of them.",
        )
    how: dict[str, Any] = {"in_chans": channels, "num_classes": 0, "pretrained": published}
    try:
        config = timm.get_pretrained_cfg(model)
        if published and (config is None or not config.has_weights):
            raise UserError(
                f"timm has no published weights of {model}.", "Start from random weights (pretrained=false)."
            )
        if config is not None and config.fixed_input_size:
            how["img_size"] = size
        body = timm.create_model(model, **how)
    except (RuntimeError, TypeError, AssertionError, ValueError) as error:
        if published:
            raise
        raise UserError(
            f"{model} cannot be built for {channels} channels of {size}-px patches ({_first_line(error)}).",
            "Choose another size or network.",
        ) from error
    if maps and hasattr(body, "pre_logits"):
        body.pre_logits = nn.Identity()
    return body


@contextmanager
def _offline_if_cut_off() -> Iterator[None]:
    """Have the hub's client look at its files alone where it has no connection: by itself it tries for a minute."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _reachable(address: str) -> bool:
    try:
        urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=_PATIENCE).close()
    except urllib.error.HTTPError:
        return True  # somebody answered
    except (OSError, ValueError):
        return False
    return True


def _head(kind: Head, features: int, classes: int, dropout: float) -> nn.Sequential:
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    layers: Sequence[nn.Module]
    if kind == "linear":
        layers = [nn.Dropout(dropout), nn.Linear(features, classes)]
    elif kind == "dense-128":
        dense = [nn.Linear(features, 128), nn.ReLU(inplace=True), nn.Linear(128, classes)]
        layers = [nn.Dropout(dropout), nn.BatchNorm2d(features), *pool, *dense]
    else:
        dense = [nn.Linear(features, 256), nn.ReLU(inplace=True), nn.Linear(256, classes)]
        layers = [*pool, nn.Dropout(dropout), *dense]
    return nn.Sequential(*layers)


def _published_colours(body: Any, channels: int) -> torch.Tensor:
    """Return mean and spread (2, C) of the colours that the published weights expect.

    For other than the published channels it is the average of them.
    """
    colours = torch.tensor([body.pretrained_cfg["mean"], body.pretrained_cfg["std"]], dtype=torch.float32)
    if colours.shape[1] != channels:
        colours = colours.mean(dim=1, keepdim=True).repeat(1, channels)
    return colours


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].split(". ")[0][:160].rstrip(".")
