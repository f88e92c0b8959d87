"""The columns of the file of penguins."""

LABEL = "species"  # 0 Adelie, 1 Chinstrap, 2 Gentoo
CLASSES = 3
# Each scaled to 0..1 over all penguins that were measured.
MEASURES = ("culmen_length_mm", "culmen_depth_mm", "flipper_length_mm", "body_mass_g")
