"""Training of one network on several devices at once, each with a part of every batch (`tf.distribute`)."""
