"""Segments before they are merged: what a definition says, whom it would take, and why."""
