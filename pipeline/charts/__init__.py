"""Charts by our own small code, as SVG and for a terminal; pure functions that import no framework."""
