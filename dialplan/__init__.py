"""Decides which agent a call reaches. A core without I/O; imports neither of the other packages."""
