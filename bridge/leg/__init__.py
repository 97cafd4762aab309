"""The model leg: the connection that carries all calls of a worker to one endpoint."""
