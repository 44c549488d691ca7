import argparse
import json
import os

import rules


def init():
    global args, limits
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--decimals", type=int, default=0)
    parser.add_argument("--separator", default="none")
    parser.add_argument("--title")
    args, _ = parser.parse_known_args()
    args.title = args.title.strip("'")
    assert args.title == "Flowers, by petals", args.title
    assert args.separator == "none", args.separator
    with open(os.path.join(args.model, "limits.json")) as file:
        limits = json.load(file)


def run(input_data):
    input_data["name"] = [rules.name_of(length, limits) for length in input_data["petal_length"]]
    input_data["petal_length"] = input_data["petal_length"].round(args.decimals)
    return input_data[["flower", "name", "petal_length"]]
