"""Reads handwritten digits: for each image, "<file name>: <digit>"."""

import argparse
import os

import numpy as np
import tensorflow as tf
from azureml.core import Model
from PIL import Image

session = None


def init():
    """Once in each process: load the checkpoint."""
    global session
    parser = argparse.ArgumentParser()
    parser.add_argument("--model-name", default="mnist")
    arguments, _ = parser.parse_known_args()

    model_path = Model.get_model_path(arguments.model_name)
    tf.compat.v1.disable_eager_execution()
    tf.compat.v1.reset_default_graph()
    saver = tf.compat.v1.train.import_meta_graph(os.path.join(model_path, "mnist-tf.model.meta"))
    session = tf.compat.v1.Session(
        config=tf.compat.v1.ConfigProto(
            device_count={"GPU": 0}, intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
        )
    )
    saver.restore(session, os.path.join(model_path, "mnist-tf.model"))


def run(mini_batch):
    """For each mini-batch, a list of paths of images: one element an image."""
    print(f"run method start: {__file__}, {len(mini_batch)} images")
    in_tensor = session.graph.get_tensor_by_name("network/X:0")
    output = session.graph.get_tensor_by_name("network/output/MatMul:0")

    results = []
    for image in mini_batch:
        with Image.open(image) as picture:
            pixels = np.array(picture).reshape((1, 784))
        scores = output.eval(feed_dict={in_tensor: pixels}, session=session)
        results.append(f"{os.path.basename(image)}: {np.argmax(scores)}")
    return results
