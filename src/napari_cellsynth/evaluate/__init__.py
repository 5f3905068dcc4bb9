"""Honest figures: splits by group, scores, intervals, distances between sets of patches, a report.

``splits``, ``scores``, ``statistics`` and ``summary`` need no torch; ``quality`` compares real with
synthetic patches; ``report`` and ``figures`` write a self-contained HTML page. Import the modules by name;
nothing heavy is loaded here.
"""
