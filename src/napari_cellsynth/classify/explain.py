"""What a classifier looks at: deconvolution, guided backpropagation, Grad-CAM, occlusion, kernels and feature maps."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from napari_cellsynth.errors import UserError

Floats = NDArray[np.float32]
Method = Literal["deconvolution", "guided-backprop", "grad-cam", "occlusion"]
METHODS: tuple[str, ...] = get_args(Method)

_ACTIVATIONS = (nn.LeakyReLU, nn.ReLU6, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish, nn.PReLU)
_LEAST_SIDE = 4
"""Grad-CAM looks at the deepest layer of at least this side: 2 × 2 values say nothing of a crop's parts."""
_AT_ONCE = 64


class FeatureMaps(NamedTuple):
    """The output of one layer for one patch, (C, Y, X)."""

    layer: str
    maps: Floats


def explain(network: nn.Module, patch: Floats, method: str, target: int | None = None) -> Floats:
    """Return what parts of a patch speak for a class.

    Parameters
    ----------
    network : nn.Module
        Any network from patches (N, C, S, S) to logits (N, K); it stays as it is.
    patch : ndarray of float32, shape (C, S, S)
        In [-1, 1].
    method : {"deconvolution", "guided-backprop", "grad-cam", "occlusion"}
        ``deconvolution``: the logit is sent back through the network, and at each activation only what is positive on
        its way back goes on (Zeiler and Fergus 2014; what S4 wished for). ``guided-backprop``: in addition only where
        the activation was positive (Springenberg et al. 2015). ``grad-cam``: the maps of the last convolution, weighted
        by their mean gradient, positive part, at the patch's size (Selvaraju et al. 2017). ``occlusion``: how much the
        logit falls when a square of an eighth of the side is covered with the patch's mean (Zeiler and Fergus 2014).
    target : int, optional
        The class; the one the network answers if not given.

    Returns
    -------
    ndarray of float32
        (C, S, S) for the first two, else (S, S). In units of the logit; signed, except Grad-CAM.

    Raises
    ------
    UserError
        If there is no such method or class, or the network has no convolution to look into.
    """
    if method not in METHODS:
        raise UserError(f"There is no explanation '{method}'.", f"There are: {', '.join(METHODS)}.")
    readable = _readable(network, rectified=method in ("deconvolution", "guided-backprop"))
    x = torch.from_numpy(np.ascontiguousarray(patch, np.float32))[None].to(_device_of(network))
    with torch.no_grad():
        logits = readable(x)
    if target is not None and not 0 <= target < logits.shape[1]:
        raise UserError(f"There is no class {target} among {logits.shape[1]}.", "Classes are counted from 0.")
    chosen = int(logits.argmax()) if target is None else int(target)
    return _METHODS[method](readable, x.requires_grad_(), chosen)


def kernels(network: nn.Module) -> Floats:
    """Return the kernels of a network's first convolution, float32 (N, C, k, k)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            return np.asarray(module.weight.detach().float().cpu().numpy())
    raise _no_convolution()


def feature_maps(network: nn.Module, patch: Floats) -> list[FeatureMaps]:
    """Return what each convolution of a network, in the order of its work, makes of a patch (C, S, S)."""
    readable = _readable(network, rectified=False)
    x = torch.from_numpy(np.ascontiguousarray(patch, np.float32))[None].to(_device_of(network))
    found = _outputs(readable, x)
    if not found:
        raise _no_convolution()
    return [FeatureMaps(name, output[0].float().cpu().numpy()) for name, _, output in found]


def _deconvolution(network: nn.Module, x: torch.Tensor, target: int) -> Floats:
    from captum.attr import Deconvolution

    return _sent_back(Deconvolution(network), x, target)


def _guided_backprop(network: nn.Module, x: torch.Tensor, target: int) -> Floats:
    from captum.attr import GuidedBackprop

    return _sent_back(GuidedBackprop(network), x, target)


def _sent_back(method: Any, x: torch.Tensor, target: int) -> Floats:
    import warnings

    with warnings.catch_warnings():
        # captum announces that it puts hooks on activations, and takes them off again.
        warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU", category=UserWarning)
        found = method.attribute(x, target=target)
    return np.asarray(found[0].detach().float().cpu().numpy())


def _grad_cam(network: nn.Module, x: torch.Tensor, target: int) -> Floats:
    from captum.attr import LayerGradCam

    layers = [(layer, output) for _, layer, output in _outputs(network, x) if min(output.shape[2:]) >= _LEAST_SIDE]
    if not layers:
        raise _no_convolution()
    found = LayerGradCam(network, layers[-1][0]).attribute(x, target=target, relu_attributions=True)
    whole = functional.interpolate(found.detach().float(), x.shape[2:], mode="bilinear", align_corners=False)
    return np.asarray(whole[0, 0].cpu().numpy())


def _occlusion(network: nn.Module, x: torch.Tensor, target: int) -> Floats:
    """Cover squares that lie side by side, so that a pixel belongs to one square only."""
    from captum.attr import Occlusion

    side = max(1, x.shape[-1] // 8)
    channels = x.shape[1]
    found = Occlusion(network).attribute(
        x.detach(),
        sliding_window_shapes=(channels, side, side),
        strides=(channels, side, side),
        baselines=x.detach().mean(dim=(2, 3), keepdim=True).expand_as(x),
        target=target,
        perturbations_per_eval=_AT_ONCE,
    )
    return np.asarray(found[0, 0].detach().float().cpu().numpy())


_METHODS: dict[str, Callable[[nn.Module, torch.Tensor, int], Floats]] = {
    "deconvolution": _deconvolution,
    "guided-backprop": _guided_backprop,
    "grad-cam": _grad_cam,
    "occlusion": _occlusion,
}


class _AsReLU(nn.ReLU):
    """Another activation under the one name by which captum finds the places where gradients are rectified."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the activation."""
        y: torch.Tensor = self.activation(x)
        return y


def _readable(network: nn.Module, *, rectified: bool) -> nn.Module:
    """Return a copy in evaluation mode that hooks can read: nothing in it works in place."""
    made = copy.deepcopy(network).float().eval()
    for parameter in made.parameters():
        parameter.requires_grad_(False)
    for module in made.modules():
        if getattr(module, "inplace", False):
            # A hook on an activation that overwrites its input would make autograd refuse the way back.
            module.inplace = False  # type: ignore[assignment]
    if rectified:
        for module in list(made.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, _ACTIVATIONS) and not isinstance(module, _AsReLU):
                    setattr(module, name, _AsReLU(child))
    return made


def _outputs(network: nn.Module, x: torch.Tensor) -> list[tuple[str, nn.Module, torch.Tensor]]:
    """Return name, module and output of every convolution that makes maps, in the order in which they run."""
    found: list[tuple[str, nn.Module, torch.Tensor]] = []

    def hook(name: str) -> Callable[[nn.Module, Any, torch.Tensor], None]:
        return lambda module, _inputs, output: found.append((name, module, output.detach()))

    handles = [m.register_forward_hook(hook(name)) for name, m in network.named_modules() if isinstance(m, nn.Conv2d)]
    try:
        with torch.no_grad():
            network(x)
    finally:
        for handle in handles:
            handle.remove()
    # The 1 × 1 maps of attention within blocks are no pictures.
    return [each for each in found if each[2].ndim == 4 and min(each[2].shape[2:]) > 1]


def _device_of(network: nn.Module) -> torch.device:
    first = next(network.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def _no_convolution() -> UserError:
    return UserError("This network has no convolution to look into.", "Choose occlusion, or another classifier.")
