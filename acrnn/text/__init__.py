"""What is said: words of a text, the vocabulary a network knows, and where texts come from."""
