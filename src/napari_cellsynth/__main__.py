"""Run the command line as ``python -m napari_cellsynth``."""

from napari_cellsynth.cli import main

if __name__ == "__main__":
    main()
