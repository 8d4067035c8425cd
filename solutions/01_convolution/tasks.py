"""Exercise 01: convolution by hand. Its answers are in `bank/`; see `docs/authoring.md`."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from autograder.setting.task import Task, Trial, trial

# Model answers


def output_size(size, kernel, stride=1, padding="valid", dilation=1):
    """`same` counts the strides begun; `valid` the places from the first window to the last."""
    if padding == "same":
        return -(-size // stride)
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def conv_parameters(kernel, in_channels, filters, bias=True):
    """A filter has a weight for each place and channel, and one bias."""
    return filters * (kernel * kernel * in_channels + bool(bias))


def zeros_around(image, kernels, stride, padding):
    """Zeros as Keras's `same` puts them: as few as the last window needs, the odd one behind."""
    if padding == "valid":
        return image
    sides = []
    for size, kernel in zip(image.shape[:2], kernels.shape[:2], strict=True):
        needed = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        sides.append((needed // 2, needed - needed // 2))
    return np.pad(image, [*sides, (0, 0)])


def conv2d(image, kernels, bias=None, stride=1, padding="valid"):
    """All windows at once, each multiplied with every filter."""
    image = zeros_around(image, kernels, stride, padding)
    windows = sliding_window_view(image, kernels.shape[:2], axis=(0, 1))[::stride, ::stride]
    maps = np.einsum("ijcyx,yxcf->ijf", windows, kernels)
    return maps if bias is None else maps + bias


SOBEL = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


def filtered(image, kernel):
    windows = sliding_window_view(image, kernel.shape)
    return np.einsum("ijyx,yx->ij", windows, kernel)


def gradient_magnitude(image):
    """Pythagoras on the Sobel filter and its transpose."""
    return np.sqrt(filtered(image, SOBEL) ** 2 + filtered(image, SOBEL.T) ** 2)


# What is tried


def number(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def size_trials(rng: np.random.Generator) -> list[Trial]:
    """Both paddings, with windows that fit exactly and that hang over; the limits; dilations.

    Kernels are odd and even in each branch, and larger and smaller than stride and dilation. One
    size, kernel and stride occur with both paddings and with two dilations. Dilated pictures have
    room for windows that are reckoned too wide, so that a count is never cut off at 1.
    """
    kernel, odd, even = number(rng, 4, 6), 2 * number(rng, 2, 4) + 1, 2 * number(rng, 2, 3)
    places, more = numbers(rng, 5, 9, 2)
    dilation = 7 - even // 2  # 5 or 4: neither equal to a kernel below nor a multiple
    wide, narrow = dilation**2 * (even - 1) + 1, 4 * (odd - 1) + 1
    return [
        trial(size=narrow + more, kernel=odd),
        trial(size=odd, kernel=odd),
        trial(size=kernel + 2 * places, kernel=kernel, stride=2),
        trial(size=kernel + 2 * places + 1, kernel=kernel, stride=2),
        trial(size=odd + 5 * places + 4, kernel=odd, stride=5),
        trial(size=even + 4 * places + 1, kernel=even, stride=4, padding="valid"),
        trial(size=odd + 3, kernel=odd, stride=odd + 2),
        trial(size=5 * places + 3, kernel=2, stride=5),
        trial(size=3 * places + 2, kernel=1, stride=3),
        trial(size=narrow + more, kernel=odd, stride=1, padding="same"),
        trial(size=number(rng, 12, 30), kernel=even, stride=1, padding="same"),
        trial(size=2 * places, kernel=odd, stride=2, padding="same"),
        trial(size=2 * places + 1, kernel=even, stride=2, padding="same"),
        trial(size=3 * more, kernel=even, stride=3, padding="same"),
        trial(size=4 * places + 1, kernel=3, stride=4, padding="same"),
        trial(size=5 * places + 3, kernel=even, stride=5, padding="same"),
        trial(size=3 * (11 + odd) + 1, kernel=odd, stride=11 + odd, padding="same"),
        trial(size=3, kernel=odd, stride=2, padding="same"),
        trial(size=wide + places, kernel=even, stride=1, padding="valid", dilation=dilation),
        trial(size=narrow + more, kernel=odd, stride=1, padding="valid", dilation=2),
        trial(size=wide, kernel=even - 1, stride=1, padding="valid", dilation=3),
        trial(size=wide + places, kernel=kernel, stride=1, padding="same", dilation=2),
        trial(size=places, kernel=1, stride=1, padding="valid", dilation=3),
        trial(size=3, kernel=odd, stride=5, padding="same"),
        trial(size=4 * more + 3, kernel=4, stride=4, padding="same"),
    ]


def parameter_trials(rng: np.random.Generator) -> list[Trial]:
    a, b, c, d, e, f, g, h, i = numbers(rng, 4, 40, 9)
    return [
        trial(kernel=4, in_channels=e, filters=f, bias=False),
        trial(kernel=3, in_channels=a, filters=b),
        trial(kernel=5, in_channels=c, filters=d, bias=True),
        trial(kernel=1, in_channels=g, filters=h),
        trial(kernel=7, in_channels=1, filters=i, bias=False),
        trial(kernel=2, in_channels=a, filters=1, bias=True),
        trial(kernel=3, in_channels=128, filters=256 + a),
    ]


def drawn(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


def conv2d_trials(rng: np.random.Generator) -> list[Trial]:
    """A case to work out; both paddings, strides 1 to 4, odd, even and oblong kernels, biases.

    A kernel higher than its picture; a bright picture, and one that is black in part; as many
    filters as channels; two pictures of one shape, to be told apart.
    """

    def sides(parity: int) -> tuple[int, int]:
        a, b = numbers(rng, 4, 6, 2)
        return 2 * a + parity, 2 * b + parity

    def case(image, kernel, bias: bool | None, *options, alike: bool = False):
        channels, filters = [number(rng, 2, 4)] * 2 if alike else numbers(rng, 2, 5, 2)
        given = {
            "image": drawn(rng, *image, channels),
            "kernels": drawn(rng, *kernel, channels, filters),
        }
        if bias is not None:
            given["bias"] = drawn(rng, filters) if bias else None
        return trial(**given, **dict(zip(("stride", "padding"), options)))  # noqa: B905

    def single(given: Trial) -> Trial:
        """The same in single precision."""
        arrays = {k: v.astype("float32") for k, v in given.arguments.items() if hasattr(v, "dtype")}
        return Trial({**given.arguments, **arrays})

    def dark(given: Trial) -> Trial:
        """The same with a corner that is black."""
        image = given.arguments["image"].copy()
        image[:8, :9] = 0
        return Trial({**given.arguments, "image": image})

    def bright(given: Trial) -> Trial:
        """The same with numbers as large as a photograph's."""
        return Trial({**given.arguments, "image": 200 * given.arguments["image"]})

    (even, odd), (low, high) = (sides(0)[0], sides(1)[0]), sides(0)
    digits = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])[:, :, None]
    places = np.array([[1.0, 10.0], [100.0, 1000.0]])[:, :, None, None]
    return [
        trial(image=digits, kernels=places),
        case((even, odd), (3, 2), None),
        single(case((odd, even), (2, 4), True)),
        bright(case((odd, even), (3, 4), True, 2, "valid")),
        case((even, odd), (3, 5), False, 1, "same"),
        case((low, high), (3, 5), True, 2, "same"),
        case(sides(1), (5, 3), True, 2, "same"),
        case((odd, even), (4, 2), False, 2, "same"),
        case((even + 3, odd + 3), (5, 4), True, 3, "same"),
        case((12, 9)[:: number(rng, 0, 1) or -1], (2, 1), True, 3, "same"),
        case((odd + 1, even + 3), (2, 1), False, 3, "valid"),
        case((low, odd), (1, 1), True, 2, "valid"),
        case((3, odd), (3, 3), False, alike=True),
        case((4, odd), (7, 3), True, 1, "same"),
        dark(case((4 * even, 4 * odd + 1), (3, 2), True, 4)),
        trial(image=digits[:, ::-1] + 4, kernels=places),
    ]


def magnitude_trials(rng: np.random.Generator) -> list[Trial]:
    """Two pictures that a reader can work out, one of a weak edge, then the sizes."""
    a, b, c, d = numbers(rng, 6, 12, 4)
    ramp = 3 * np.arange(a)[:, None] - 2.0 * np.arange(b)
    steps = np.arange(3.0)
    return [
        trial(image=np.tile(steps, (3, 1))),
        trial(image=np.tile(steps[:, None] / 32, (1, 3))),
        trial(image=drawn(rng, a, b)),
        trial(image=drawn(rng, 3, c)),
        trial(image=100 * drawn(rng, d, 4).astype("float32")),
        trial(image=ramp + 0.3 * drawn(rng, a, b)),
    ]


TASKS = [
    Task(
        name="output_size",
        kind="function",
        points=2,
        dtype="int",
        by_hand=True,
        trials=size_trials,
        answer=output_size,
    ),
    Task(
        name="conv_parameters",
        kind="function",
        points=1,
        dtype="int",
        by_hand=True,
        trials=parameter_trials,
        answer=conv_parameters,
    ),
    Task(
        name="conv2d",
        kind="function",
        points=5,
        by_hand=True,
        trials=conv2d_trials,
        tolerance=3e-5,  # float16 is refused; single precision stays below a tenth of it
        answer=conv2d,
        places={"zeros_around": "of the padding"},
    ),
    Task(
        name="gradient_magnitude",
        kind="function",
        points=2,
        by_hand=True,
        trials=magnitude_trials,
        tolerance=3e-5,  # float16 is refused; single precision stays below a tenth of it
        answer=gradient_magnitude,
    ),
]

_ZEROS = "for size, kernel in zip(image.shape[:2], kernels.shape[:2]"
_NEEDED = "(-(-size // stride) - 1) * stride + kernel - size"
EQUIVALENT_MUTANTS = {
    f"zeros_around: {_ZEROS}, strict=True): -> {_ZEROS}):": "both have two sides",
    f"zeros_around: {_ZEROS}, strict=True): -> {_ZEROS}, strict=False):": "both have two sides",
    f"zeros_around: needed = max({_NEEDED}, 0) -> needed = max(0, {_NEEDED})": "a maximum of two",
    "conv_parameters: return filters * (kernel * kernel * in_channels + bool(bias)) -> "
    "return filters * (kernel * kernel * in_channels + bias)": "True counts as 1",
}
