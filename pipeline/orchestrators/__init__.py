"""The same chain for a scheduler elsewhere: what is compiled, and what each target makes of it.

Nothing here runs a node: that is :mod:`pipeline.local.single`, one node of a run on whatever machine it is called.
Only :mod:`pipeline.orchestrators.building` imports TFX.
"""
