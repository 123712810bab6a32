"""A seeded shop with hidden truth."""
