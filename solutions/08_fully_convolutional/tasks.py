"""Exercise 08: fully convolutional nets. What is asked; the answers are in `bank/`.

`docs/authoring.md` explains how such a file is written.
"""

import keras
import numpy as np
from keras import layers

from autograder.data.arguments import Classifier, Input
from autograder.setting.task import Task, Trial, trial

# Model answers


def dense_to_conv(model):
    """A classifier's dense layers as convolutions (Long, Shelhamer and Darrell 2015)."""
    x = inputs = keras.Input((None, None, model.input_shape[-1]))
    window = None
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        if isinstance(layer, layers.Flatten):
            window = layer.input.shape[1:3]
            continue
        if window and isinstance(layer, layers.Dense):
            new = layers.Conv2D(
                layer.units, window, activation=layer.activation, use_bias=layer.use_bias
            )
            window = (1, 1)
        else:
            new = type(layer).from_config(layer.get_config())
        x = new(x)
        shapes = [weight.shape for weight in new.weights]
        old = layer.get_weights()
        new.set_weights([np.reshape(w, shape) for w, shape in zip(old, shapes, strict=True)])
    return keras.Model(inputs, x)


def doubled(x):
    """A map twice as large."""
    return layers.UpSampling2D(2, interpolation="bilinear")(x)


def fcn8_head(pool3, pool4, pool5, classes):
    """The scores of FCN-8s from three depths (Long, Shelhamer and Darrell 2015)."""
    x = layers.Conv2D(classes, 1)(pool5)
    x = layers.Add()([doubled(x), layers.Conv2D(classes, 1)(pool4)])
    x = layers.Add()([doubled(x), layers.Conv2D(classes, 1)(pool3)])
    return layers.UpSampling2D(8, interpolation="bilinear")(x)


def mean_iou(truth, prediction, classes, ignore=255):
    """The mean over classes of intersection over union (Everingham and others 2015)."""
    kept = truth != ignore
    truth, prediction = truth[kept], prediction[kept]
    ratios = []
    for number in range(classes):
        either = np.sum((truth == number) | (prediction == number))
        if either > 0:
            ratios.append(np.sum((truth == number) & (prediction == number)) / either)
    return float(np.mean(ratios))


# What is tried


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def conv(filters: int, kernel: int, **options) -> tuple[str, dict]:
    """A convolution of a classifier."""
    return "Conv2D", {"filters": filters, "kernel_size": kernel, **options}


def dense(units: int, **options) -> tuple[str, dict]:
    """A dense layer of a classifier."""
    return "Dense", {"units": units, **options}


RELU, NORM, FLATTEN = ("ReLU", {}), ("BatchNormalization", {}), ("Flatten", {})
DROPOUT = ("Dropout", {"rate": 0.5})
POOL = ("MaxPooling2D", {"pool_size": 2})


def chain(rng: np.random.Generator, shape: tuple, *steps: tuple, functional=False) -> Classifier:
    """A trained classifier on inputs of this shape."""
    return Classifier(shape, steps, int(rng.integers(1 << 30)), functional)


def dense_to_conv_trials(rng: np.random.Generator) -> list[Trial]:
    """Sequential and functional; one dense layer and several, with and without bias.

    Dropout before, between and nowhere; `valid` and `same`, strides; batch normalisation, whose
    moving statistics are weights too. The original size, and more rows, more columns, both.
    """
    a, b, c, d = numbers(rng, 3, 6, 4)
    e, f = numbers(rng, 7, 9, 2)
    more = int(rng.integers(1, 4))
    softmax = {"activation": "softmax"}
    valid = (conv(a, 3, activation="relu"), POOL, FLATTEN)
    same = (conv(b, 3, strides=2, padding="same"), RELU, FLATTEN)
    two = (dense(e, activation="relu"), DROPOUT, dense(d, **softmax))
    three = (dense(e, activation="tanh"), dense(c, use_bias=False), dense(f))
    normed = (conv(a, 2, use_bias=False), NORM, RELU, conv(c, 3, padding="same"), FLATTEN)
    return [
        trial((8, 12, 2), model=chain(rng, (8, 12, 2), *valid, *two)),
        trial((13 + 2 * more, 10, 3), model=chain(rng, (9, 10, 3), *valid, *three)),
        trial(
            (11, 15 + 2 * more, 2),
            model=chain(rng, (11, 8, 2), *same, DROPOUT, *two, functional=True),
        ),
        trial((9, 7, 3), model=chain(rng, (9, 7, 3), *same, *three, functional=True)),
        trial((7, 5, 2), model=chain(rng, (7, 5, 2), *normed, dense(f), functional=True)),
        trial(
            (10, 5 + more, 3),
            model=chain(rng, (5, 4, 3), *normed, dense(e, activation="sigmoid"), DROPOUT, dense(b)),
        ),
    ]


def pools(height: int, width: int, channels: tuple[int, int, int]) -> dict[str, Input]:
    """Three maps, each half the one before; the last is (height, width)."""
    names = {"pool3": 4, "pool4": 2, "pool5": 1}
    return {
        name: Input((times * height, times * width, count))
        for (name, times), count in zip(names.items(), channels, strict=True)
    }


def fcn8_head_trials(rng: np.random.Generator) -> list[Trial]:
    """Higher and wider maps; more classes than channels and fewer, and one."""
    a, b, c, d = numbers(rng, 3, 8, 4)
    return [
        trial(**pools(2, 3, (a, b, c)), classes=d),
        trial(**pools(3, 2, (c, d, a)), classes=b),
        trial(**pools(1, 3, (d, c, b)), classes=1),
    ]


def labels(
    rng: np.random.Generator, shape: tuple, chosen: list[int], ignore: int, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Truth and prediction, right in two of three pixels; some are to be ignored.

    Of the classes `chosen` the last is in the prediction only.
    """
    truth = rng.choice(chosen[:-1], shape)
    other = rng.choice(chosen, shape)
    prediction = np.where(rng.random(shape) < 0.65, truth, other)
    truth[rng.random(shape) < 0.2] = ignore
    return truth.astype(kind), prediction.astype(kind)


def mean_iou_trials(rng: np.random.Generator) -> list[Trial]:
    """All classes; some absent; one in the truth only, in the prediction only, or only ignored.

    Bytes, whose products wrap round; more classes than a byte has, where 255 is one, and so many of
    them that no two labels can be taken for one; 0, and what is no class, as the label to be
    ignored; whole batches; two classes, of more pixels than a byte or a half float counts; one
    class; one pixel; a prediction that is right; a label that a byte takes for 0.
    """
    h, w, n = numbers(rng, 5, 9, 3)

    def of(shape, chosen, classes, ignore=255, kind="int64", **given):
        truth, prediction = labels(rng, shape, chosen, ignore, kind)
        if "missed" in given:
            prediction[prediction == given["missed"]] = chosen[1]
        if "inside" in given:
            prediction[truth == ignore] = given["inside"]
        options = {} if ignore == 255 else {"ignore": ignore}
        return trial(truth=truth, prediction=prediction, classes=classes, **options)

    plain = rng.integers(0, 4, (h, w))
    clean = np.where(rng.random((h, w)) < 0.7, plain, rng.integers(0, 4, (h, w)))
    many = [4, 255, 260] * 20 + [label for label in range(300) if label != 17]
    return [
        trial(truth=plain, prediction=clean, classes=4),
        of((w, h), [0, 1, 3, 2], 6),
        of((20, 17 + h), many, 300, ignore=17, inside=257, kind="int32"),
        of((3, h, w), [0, 17, 5, 20], 21, kind="uint8", missed=5),
        of((n, w), [1, 2, 3, 4], 5, ignore=0, inside=0, kind="uint8"),
        of((2, w, h), [2, 0, 1, 3], 4, ignore=-1, inside=1, missed=2),
        of((3, h, w), [3, 1, 2, 0], 5, ignore=3, inside=4),
        of((60 + w, 80 + h), [0, 1, 0], 2, kind="uint8"),
        trial(truth=np.array([[0, 255, 0]]), prediction=np.array([[0, 0, 0]]), classes=1),
        trial(truth=np.array([[2, 255]]), prediction=np.array([[2, 1]]), classes=3),
        trial(truth=np.array([[0, 1, 255]]), prediction=np.array([[1, 0, 255]]), classes=3),
        trial(truth=np.array([[256, 1]]), prediction=np.array([[0, 1]]), classes=257),
    ]


TASKS = [
    Task(
        name="dense_to_conv",
        kind="function",
        points=5,
        trials=dense_to_conv_trials,
        answer=dense_to_conv,
    ),
    Task(
        name="fcn8_head",
        kind="block",
        points=4,
        trials=fcn8_head_trials,
        answer=fcn8_head,
        places={"doubled": "of the doubling"},
    ),
    Task(
        name="mean_iou",
        kind="function",
        points=3,
        trials=mean_iou_trials,
        answer=mean_iou,
        tolerance=1e-5,
    ),
]

# What `autograder mutate` lists though it computes the same, each with the reason.
FILLED = "new.set_weights([np.reshape(w, shape) for w, shape in zip(old, shapes{})])"
STRICT = f"dense_to_conv: {FILLED.format(', strict=True')}"
EQUIVALENT_MUTANTS = {
    f"{STRICT} -> {FILLED.format('')}": "there are as many of both",
    f"{STRICT} -> {FILLED.format(', strict=False')}": "there are as many of both",
    "dense_to_conv: new = type(layer).from_config(layer.get_config()) -> "
    "new = layer.from_config(layer.get_config())": "a method of the class",
    "mean_iou: return float(np.mean(ratios)) -> return np.mean(ratios)": "a number of NumPy's",
}
