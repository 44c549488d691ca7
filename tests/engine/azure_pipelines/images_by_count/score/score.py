import argparse
import json
import os


def init():
    global args, names
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--least", type=int)
    parser.add_argument("--folder")
    args, _ = parser.parse_known_args()
    with open(args.model) as file:
        names = json.load(file)


def run(mini_batch):
    assert len(mini_batch) <= 4, mini_batch
    results = []
    for path in mini_batch:
        assert os.path.isfile(os.path.join(args.folder, os.path.basename(path)))
        with open(path, "rb") as file:
            pixels = file.read().split(b"\n", 3)[3]
        ink = sum(pixel >= args.least for pixel in pixels)
        results.append(f"{os.path.basename(path)}:{names[ink % len(names)]}")
    return results
