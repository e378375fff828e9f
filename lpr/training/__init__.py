"""Makes the weights of the plate reader; imported by nothing at run time."""
