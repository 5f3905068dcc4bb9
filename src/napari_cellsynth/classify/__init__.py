"""Classifiers of crops: recipes, networks, class weights, training and prediction.

``recipes`` and ``balance`` need no torch; ``networks``, ``model``, ``train``, ``predict`` and ``run`` do.
Import the modules by name; nothing heavy is loaded here.
"""
