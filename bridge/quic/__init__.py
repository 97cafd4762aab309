"""QUIC as both ends of the model leg use it: datagrams that stay fast on a bad network."""
