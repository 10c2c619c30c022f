"""Whether a model fits a machine and how fast it answers: the estimate, what it rests on, the catalogue of models."""
