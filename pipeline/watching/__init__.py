"""TensorBoard on the trainings of a workspace, the one that is under way among them."""
