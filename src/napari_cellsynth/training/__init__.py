"""What both kinds of training share: the device, crops on it, augmentation of batches, and checkpoints.

``device`` picks and describes the machine, ``loader`` keeps ragged crops on the device and cuts batches of
windows, ``augment`` moves batches about, ``checkpoint`` writes and reads training states without pickle.
Import from the submodules: nothing is imported with this package, because they need torch.
"""
