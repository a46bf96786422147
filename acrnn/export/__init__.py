"""Export of trained networks to files that take waveforms: SavedModel, ONNX, LiteRT, each including its front end."""
