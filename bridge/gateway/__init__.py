"""The model side: a QUIC server that carries calls to agents."""
