"""Control plane: pjsua2 for signalling only. Never touches audio."""
