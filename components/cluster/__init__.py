"""Training in several processes: the cluster in ``TF_CONFIG``, and its processes when they are ours. No framework."""
