"""One file = one source; each defines `SOURCE`, and being here is what makes it known."""
