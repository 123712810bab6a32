"""Which products suit whom: one small module a recommender, and what blends, spreads and judges them."""
