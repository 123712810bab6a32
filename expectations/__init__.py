"""Gates on what Python wrote: the raw profile and the scores."""
