"""One file is one destination: a module that defines `connect`, or `DESTINATION` where it is handed files."""
