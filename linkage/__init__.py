"""Records of people without a common key → links between them, for the identity graph."""

from linkage.link import LinkageError, Outcome, link

__all__ = ["LinkageError", "Outcome", "link"]
