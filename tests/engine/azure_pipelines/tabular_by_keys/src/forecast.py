import argparse
import json
import os

import pandas


def init():
    global args
    parser = argparse.ArgumentParser()
    parser.add_argument("--drop_cols")
    parser.add_argument("--trained")
    args, _ = parser.parse_known_args()


def run(mini_batch, mini_batch_context):
    assert os.environ["JUICE_UNIT"] == "bottles"
    keys = mini_batch_context.partition_key_value
    assert set(mini_batch["Brand"]) == {keys["Brand"]}
    columns = list(mini_batch.drop(columns=args.drop_cols).columns)
    with open(os.path.join(args.trained, "{Store}-{Brand}.json".format(**keys)), "w") as file:
        json.dump(columns, file)
    mean = mini_batch["Quantity"].mean()
    return pandas.DataFrame({"Store": mini_batch["Store"], "Brand": mini_batch["Brand"], "Mean": mean})
