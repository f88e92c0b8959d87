"""The node that searches: Optuna over trainings of the problem's Estimator, each in a process of its own."""
