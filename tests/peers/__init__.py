"""The far ends of the end-to-end tests: real programs that we did not write, and our own ear.

Each module starts one kind of peer on free ports, with its own copy of the configuration in a
folder of its own, so that several test runs on one machine do not meet.
"""
