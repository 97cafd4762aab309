"""Data plane: RTP sockets, jitter buffer and the 20 ms tick of a worker."""
