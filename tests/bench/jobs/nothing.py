"""Does nothing to each file, and returns it as done."""


def init():
    pass


def run(mini_batch):
    return [0]
