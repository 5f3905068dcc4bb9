"""What a package may add to napari-cellsynth, one file each: a GAN recipe, a way to balance classes, a segmenter."""
