"""Training: the `Estimator` protocol, networks trained by gradient descent, and their training steps."""
