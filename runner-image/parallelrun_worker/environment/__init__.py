"""A job's own packages: what is asked for, installed once into a folder that all who ask for the same share.

Used on a laptop and in pods alike; there by the Python of the user's image.
"""
