"""House prices: what a median house costs in a block of houses, given the block's census figures and place."""
