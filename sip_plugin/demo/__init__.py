"""A call that needs no phone, no key and no GPU."""
