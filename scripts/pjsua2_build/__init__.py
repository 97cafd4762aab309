"""Builds pjsua2 from source with raised limits; scripts/build-pjsua2 is its command."""
