"""The program's entry, also ``python -m napari_cellsynth``: an interrupt while all else is being loaded is a stop."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from napari_cellsynth.cli import main as run
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(3)
    run()


if __name__ == "__main__":
    main()
