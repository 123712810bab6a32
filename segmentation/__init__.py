"""Segments before they are merged: written without SQL, whom a definition would take, and why."""
