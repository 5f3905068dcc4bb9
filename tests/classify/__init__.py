"""Tests of the classifiers; a package, so that its modules may be named as those of other folders are."""
