"""Commits, trees and files of a git repository, read from its object files: nothing is run, and no setting of the
repository takes effect.

dulwich decodes what git writes; what is looked at, how far and in which order is decided here. `repository` needs
dulwich, from the extra `report`; the other modules do not.
"""
