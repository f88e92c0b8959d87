"""Taxi trips in Chicago: whether the tip is over a fifth of the fare, from when, where, how far and how it was paid."""
