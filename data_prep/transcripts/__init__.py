"""What is said in recordings: speech recognisers behind one interface, and how often they err."""
