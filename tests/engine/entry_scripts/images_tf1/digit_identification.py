# As people wrote them for TensorFlow 1: a global session, positional paths, one string for each image.
import argparse
import os

import numpy as np
import tensorflow as tf
from azureml.core import Model
from PIL import Image

tf = getattr(getattr(tf, "compat", tf), "v1", tf)


def init():
    global g_tf_sess

    parser = argparse.ArgumentParser()
    parser.add_argument("--model_dir", default="")
    args, _ = parser.parse_known_args()
    print("model_dir:", args.model_dir)

    # hard-coded: no configuration lists it
    model_path = Model.get_model_path("mnist-prs")
    tf.disable_eager_execution()
    tf.reset_default_graph()
    g_tf_sess = tf.Session()
    saver = tf.train.import_meta_graph(os.path.join(model_path, "mnist-tf.model.meta"))
    saver.restore(g_tf_sess, os.path.join(model_path, "mnist-tf.model"))


def run(mini_batch):
    print(f"run method start: {__file__}, run({mini_batch})")
    resultList = []
    in_tensor = g_tf_sess.graph.get_tensor_by_name("network/X:0")
    output = g_tf_sess.graph.get_tensor_by_name("network/output/MatMul:0")

    for image in mini_batch:
        data = Image.open(image)
        np_im = np.array(data).reshape((1, 784))
        inference_result = output.eval(feed_dict={in_tensor: np_im}, session=g_tf_sess)
        best_result = np.argmax(inference_result)
        resultList.append(f"{os.path.basename(image)}: {best_result}")

    return resultList
