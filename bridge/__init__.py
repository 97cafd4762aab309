"""Data plane: the audio of a call, its turns, and the leg to the model. Knows nothing of SIP."""
