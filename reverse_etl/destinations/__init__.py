"""One file is one destination: a module that defines `DESTINATION`."""
