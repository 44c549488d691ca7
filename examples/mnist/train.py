"""Trains the small network that this example serves, and writes the images that it is then judged on.

The data are 1,797 handwritten digits (data/optdigits.csv.gz, see README.md). The first half trains the network. The
second half becomes images/*.png and labels.txt, and is never shown to it; since the digits are in the order of the
people who wrote them, nearly all of the second half was also written by other hands.

The network is built as people built them in TensorFlow 1 (graph, session, Saver), with the tensor names of the usual
MNIST tutorial, because that is the kind of checkpoint that scripts such as code/digit_identification.py load.

    python train.py [--steps N]       in this folder; needs tensorflow and pillow; a minute or two
"""

import argparse
import csv
import gzip
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow.compat.v1 as tf
from PIL import Image

HERE = Path(__file__).resolve().parent
SIDE = 28
POOL = 2  # squares of so many pixels are averaged first: a quarter of the weights, and a model that fits a ConfigMap
HIDDEN = (160, 64)
KEPT = 0.7  # of the hidden values, in training (dropout)
BATCH = 128
SEED = 20240607


def read_digits():
    """All digits as uint8 images of 28 x 28 pixels, 0 to 255, and their labels, in the order of the file."""
    with gzip.open(HERE / "data" / "optdigits.csv.gz", "rt") as file:
        rows = np.array([[int(float(cell)) for cell in row] for row in csv.reader(file)])
    return np.stack([enlarge(row[:-1].reshape(8, 8)) for row in rows]), rows[:, -1]


def enlarge(ink):
    """One 8 x 8 digit with ink 0 to 16 as MNIST draws them: 20 x 20 pixels in the middle of 28 x 28."""
    small = Image.fromarray((ink * 255 // 16).astype(np.uint8))
    page = Image.new("L", (SIDE, SIDE))
    page.paste(small.resize((20, 20), Image.Resampling.BICUBIC), (4, 4))
    return np.asarray(page)


def write_test_half(images, labels):
    """images/<n>.png and labels.txt, one "<n>.png: label" a line."""
    folder = HERE / "images"
    folder.mkdir(exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png", optimize=True)
    lines = [f"{number}.png: {label}\n" for number, label in enumerate(labels)]
    (HERE / "labels.txt").write_text("".join(lines))


def distort(image, random):
    """The digit as another hand might have put it: turned, stretched and moved a little."""
    angle, shear = random.uniform(-0.15, 0.15), random.uniform(-0.3, 0.3)
    stretch = random.uniform(0.85, 1.15, 2)
    turn = np.array([[np.cos(angle), shear - np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * stretch
    middle = np.full(2, (SIDE - 1) / 2)
    move = middle - turn @ middle + random.uniform(-1, 1, 2)
    matrix = (turn[0, 0], turn[0, 1], move[0], turn[1, 0], turn[1, 1], move[1])
    picture = Image.fromarray(image).transform((SIDE, SIDE), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(picture)


def layer(name, values, width):
    """Variables <name>/kernel and <name>/bias; operations network/<name>/MatMul, BiasAdd and Relu."""
    with tf.variable_scope(name):
        spread = tf.random_normal_initializer(stddev=(2 / int(values.shape[1])) ** 0.5, seed=SEED)
        kernel = tf.get_variable("kernel", [int(values.shape[1]), width], initializer=spread)
        bias = tf.get_variable("bias", [width], initializer=tf.zeros_initializer())
    with tf.name_scope(f"network/{name}/"):
        return tf.nn.relu(tf.nn.bias_add(tf.matmul(values, kernel, name="MatMul"), bias, name="BiasAdd"), name="Relu")


def build(kept):
    """The graph, from network/X (raw pixels, 0 to 255) to network/output/MatMul (a score for each digit).

    Returns the tensors pixels, label and loss. ``kept`` below 1 drops the rest of the hidden values at random.
    """
    with tf.name_scope("network/"):
        pixels = tf.placeholder(tf.float32, [None, SIDE * SIDE], name="X")
        label = tf.placeholder(tf.int64, [None], name="y")
        square = tf.reshape(tf.multiply(pixels, 1 / 255, name="scaled"), [-1, SIDE, SIDE, 1])
        values = tf.reshape(tf.nn.avg_pool2d(square, POOL, POOL, "VALID"), [-1, (SIDE // POOL) ** 2])
    for name, width in zip(("h1", "h2"), HIDDEN, strict=True):
        values = layer(name, values, width)
        if kept < 1:
            values = tf.nn.dropout(values, rate=1 - kept, seed=SEED)
    with tf.variable_scope("output"):
        kernel = tf.get_variable("kernel", [HIDDEN[-1], 10], initializer=tf.random_normal_initializer(0, 0.1, SEED))
    scores = tf.matmul(values, kernel, name="network/output/MatMul")
    return pixels, label, tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=scores))


def save(session, variables):
    """model/mnist-tf.model.*: the weights, and the graph without what only training needs."""
    folder = HERE / "model"
    folder.mkdir(exist_ok=True)
    tf.train.Saver(variables).save(session, str(folder / "mnist-tf.model"))
    (folder / "checkpoint").unlink()


def train(images, labels, steps):
    """Train on distorted copies of these images and write the checkpoint."""
    random = np.random.default_rng(SEED)
    tf.disable_eager_execution()
    pixels, label, loss = build(KEPT)
    variables = tf.trainable_variables()
    rate = tf.placeholder(tf.float32, [])
    with tf.name_scope("train"):
        step = tf.train.AdamOptimizer(rate).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for number in range(steps):
            chosen = random.integers(0, len(images), BATCH)
            batch = [distort(images[index], random).reshape(-1) for index in chosen]
            feed = {pixels: np.stack(batch), label: labels[chosen], rate: 0.002 * (1 - number / steps)}
            value, _ = session.run([loss, step], feed)
            if number % 500 == 0:
                print(f"step {number}: loss {value:.4f}")
        weights = session.run(variables)
    restart_and_save(weights)


def restart_and_save(weights):
    """Put the trained weights into a graph that has no optimizer and no dropout in it, and save that."""
    tf.reset_default_graph()
    build(1)
    variables = tf.trainable_variables()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for variable, value in zip(variables, weights, strict=True):
            variable.load(value, session)
        save(session, variables)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6000)
    arguments = parser.parse_args()
    images, labels = read_digits()
    half = len(images) // 2
    write_test_half(images[half:], labels[half:])
    train(images[:half], labels[:half], arguments.steps)


if __name__ == "__main__":
    main()
