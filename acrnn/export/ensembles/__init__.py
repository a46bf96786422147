"""Ensembles: networks of one experiment that differ in their random seed, exported as one model with averaged posteriors."""
