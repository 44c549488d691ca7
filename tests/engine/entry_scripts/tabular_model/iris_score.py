# The frame is changed in place, and given back with a new column: every row is one result.
import argparse
import os
import pickle

from azureml.core.model import Model


def init():
    global iris_model

    parser = argparse.ArgumentParser(description="Iris model serving")
    parser.add_argument("--model_name", dest="model_name", required=True)
    args, _ = parser.parse_known_args()

    model_path = Model.get_model_path(args.model_name)
    assert os.path.isfile(model_path), model_path
    with open(model_path, "rb") as model_file:
        iris_model = pickle.load(model_file)


def run(input_data):
    pred = iris_model.predict(input_data[["sepal_length", "sepal_width", "petal_length", "petal_width"]].to_numpy())
    input_data["variety"] = pred
    input_data.drop(columns=["sepal_length", "sepal_width", "petal_length", "petal_width", "species"], inplace=True)
    return input_data
