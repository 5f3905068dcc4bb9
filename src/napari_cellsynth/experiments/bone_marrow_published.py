"""What the bone-marrow paper prints (S2, tables 6 to 9): three sources, 12 types, balanced to 10,000 images each."""

from __future__ import annotations


def _rows(names: tuple[str, ...], rows: dict[str, tuple[object, ...]]) -> dict[str, dict[str, object]]:
    return {row: dict(zip(names, values, strict=True)) for row, values in rows.items()}


GANS = _rows(
    ("FID", "precision", "F1", "recall", "LPIPS", "IS", "PSNR", "SSIM", "l1 %", "l2 %"),
    {
        "acgan": (64.36, 94.33, 93.42, 93.67, 0.25, "11.32 ± 0.54", 33.46, 0.9012, 13.7, 6.1),
        "cwgan-gp": (77.57, 88.15, 88.10, 88.67, 0.38, "8.23 ± 0.33", 31.22, 0.8956, 13.9, 6.3),
        "infogan": (75.44, 90.23, 88.36, 89.91, 0.35, "9.22 ± 0.65", 30.22, 0.9288, 11.6, 5.8),
        "dcgan": (78.91, 87.36, 87.16, 88.11, 0.40, "8.01 ± 0.36", 31.42, 0.9260, 12.8, 6.3),
        "cgan": (71.02, 93.65, 92.55, 93.03, 0.31, "10.59 ± 0.77", 30.22, 0.9400, 13.9, 6.5),
        "c-wgan-gp": (60.33, 97.10, 96.16, 96.99, 0.23, "14.52 ± 0.10", 38.01, 0.9714, 8.7, 3.8),
    },
)
"""Tables 6 and 7."""

_CLASSIFIERS = ("recall", "F1", "specificity", "precision")

ORIGINAL = _rows(
    _CLASSIFIERS,
    {
        "vgg19": (65.88, 63.11, 77.55, 64.15),
        "resnet50": (79.18, 81.26, 81.14, 78.37),
        "inception-v3": (82.72, 80.31, 85.11, 81.02),
        "xception": (82.37, 80.17, 84.26, 81.11),
        "efficientnet": (86.33, 84.22, 88.46, 85.03),
        "logistic": (78.25, 74.53, 82.40, 77.29),
        "naive-bayes": (74.11, 74.74, 77.65, 74.93),
        "svm": (86.72, 85.44, 91.30, 85.47),
        "random-forest": (79.15, 81.33, 83.21, 79.46),
        "sequential": (90.48, 89.11, 89.97, 90.72),
    },
)
"""Table 8."""

BALANCED = _rows(
    _CLASSIFIERS,
    {
        "vgg19": (70.23, 65.86, 81.36, 69.80),
        "resnet50": (82.38, 83.67, 84.16, 83.45),
        "inception-v3": (86.01, 84.99, 87.23, 85.10),
        "xception": (85.56, 83.10, 86.17, 83.99),
        "efficientnet": (88.91, 87.19, 91.10, 88.56),
        "logistic": (82.13, 82.66, 84.31, 82.18),
        "naive-bayes": (77.01, 77.33, 79.77, 77.60),
        "svm": (90.71, 88.33, 92.30, 89.91),
        "random-forest": (83.56, 84.73, 85.07, 83.55),
        "sequential": (96.55, 96.01, 95.10, 96.93),
    },
)
"""Table 9; of the accuracy the text gives one figure."""
BALANCED["sequential"]["accuracy"] = 96.98
