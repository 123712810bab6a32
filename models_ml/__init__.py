"""features → scores: clusters and purchase propensity."""
