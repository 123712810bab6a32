"""The same subset of the work by Smalti and by others, one module an engine; `make bench-peers`."""
