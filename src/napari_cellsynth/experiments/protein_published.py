"""What the protein paper prints (S1, section 4.1 and tables 1 to 3): Human Protein Atlas images, 28 classes and 5."""

from __future__ import annotations

_COLUMNS = (
    "macro F1, train",
    "macro F1, test",
    "micro F1, train",
    "micro F1, test",
    "accuracy, train",
    "accuracy, test",
)


def _rows(rows: dict[str, tuple[float, ...]]) -> dict[str, dict[str, object]]:
    return {name: dict(zip(_COLUMNS, values, strict=True)) for name, values in rows.items()}


ENHANCEMENT: dict[str, dict[str, object]] = {"CLAHE": {"SSIM": 0.738}}
"""The one figure that the text gives (section 5); its table of all three is not in the paper."""

CLASSICAL = _rows(
    {
        "vgg16": (0.821, 0.812, 0.892, 0.871, 0.905, 0.884),
        "nasnet": (0.837, 0.778, 0.898, 0.826, 0.908, 0.820),
        "resnet50": (0.805, 0.794, 0.878, 0.845, 0.871, 0.853),
        "inception-v4": (0.828, 0.785, 0.890, 0.837, 0.893, 0.834),
    }
)
"""Table 2: five classes, classical augmentation."""

WITH_GAN = _rows(
    {
        "vgg16": (0.843, 0.834, 0.914, 0.894, 0.924, 0.906),
        "nasnet": (0.845, 0.791, 0.907, 0.847, 0.913, 0.843),
        "resnet50": (0.825, 0.813, 0.898, 0.862, 0.890, 0.876),
        "inception-v4": (0.836, 0.797, 0.902, 0.855, 0.908, 0.861),
    }
)
"""Table 3: five classes, with 1000 synthetic images of each."""


def _local(figures: dict[str, float]) -> dict[str, dict[str, object]]:
    return {name: {"macro F1, test": value} for name, value in figures.items()}


WHOLE = {
    512: _local(
        {
            "resnet50": 0.534,
            "resnet101": 0.538,
            "densenet121": 0.535,
            "inception-v3": 0.591,
            "inception-v4": 0.603,
            "xception": 0.587,
            "nasnet": 0.559,
        }
    ),
    256: _local(
        {
            "resnet50": 0.523,
            "resnet101": 0.513,
            "densenet121": 0.521,
            "inception-v3": 0.568,
            "inception-v4": 0.581,
            "xception": 0.572,
            "nasnet": 0.539,
        }
    ),
}
"""Table 1, the column of its own cross-validation, by the side of the images: 28 classes, several labels an image."""
