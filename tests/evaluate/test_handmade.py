from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import numpy as np
from napari_cellsynth.evaluate.extractors import features
assert features(np.zeros((2, 3, 16, 16), np.float32)).shape == (2, 87)
sys.exit("torch" in sys.modules)
"""


def test_they_need_no_torch_which_a_worker_beside_the_window_would_wait_for() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)
