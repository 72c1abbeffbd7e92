"""Commits, trees and files of a git repository, read from its object files. No program is started, and no setting of
the repository takes effect.

dulwich decodes the formats of git. This package decides which objects are read, how many, and in which order. Modules
that need dulwich, from the extra `report`, say so.
"""
