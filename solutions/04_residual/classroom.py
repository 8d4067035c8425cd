"""A made-up class on this exercise, for the demonstration and the tests: what each student wrote.

None of it is known to the answer key: it is written here once more, as students would.
"""

from book.classroom import Student

# --- residual_block -----------------------------------------------------------------------------

BLOCK = """
def residual_block(x, filters, stride=1):
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, strides=stride, use_bias=False)(x)
        shortcut = layers.BatchNormalization()(shortcut)
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation("relu")(layers.Add()([x, shortcut]))
"""

BLOCK_SEQUENTIAL = """
def residual_block(x, filters, stride=1):
    branch = keras.Sequential([
        layers.Conv2D(filters, (3, 3), stride, "same", use_bias=False),
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        layers.ReLU(),
        layers.Conv2D(filters, (3, 3), padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
    ])
    same = stride == 1 and x.shape[-1] == filters
    skip = layers.Identity() if same else keras.Sequential([
        layers.Conv2D(filters, (1, 1), stride, use_bias=False),
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
    ])
    return layers.ReLU()(skip(x) + branch(x))
"""

BLOCK_SUBCLASSED = """
class Residual(keras.layers.Layer):
    def __init__(self, filters, stride, project, **kwargs):
        super().__init__(**kwargs)
        self.second = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.first = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)
        self.norms = [layers.BatchNormalization() for _ in range(3 if project else 2)]
        self.project = layers.Conv2D(filters, 1, stride, use_bias=False) if project else None

    def call(self, x, training=None):
        y = ops.relu(self.norms[0](self.first(x), training=training))
        y = self.norms[1](self.second(y), training=training)
        if self.project is not None:
            x = self.norms[2](self.project(x), training=training)
        return ops.relu(x + y)


def residual_block(x, filters, stride=1):
    return Residual(filters, stride, stride > 1 or x.shape[-1] != filters)(x)
"""

BLOCK_DENSE_SKIP = """
def residual_block(x, filters, stride=1):
    def conv_bn(inputs, step):
        outputs = layers.Conv2D(filters, 3, strides=step, padding="same", use_bias=False,
                                kernel_initializer="he_normal")(inputs)
        return layers.BatchNormalization()(outputs)

    if stride == 1 and x.shape[-1] == filters:
        skip = x
    else:
        # a 1x1 convolution is a dense layer on every stride-th position
        skip = layers.Dense(filters, use_bias=False)(x[:, ::stride, ::stride, :])
        skip = layers.BatchNormalization()(skip)
    y = ops.maximum(conv_bn(x, stride), 0.0)
    return ops.relu(ops.add(conv_bn(y, 1), skip))
"""

# --- zero_pad_shortcut --------------------------------------------------------------------------

PAD = """
def zero_pad_shortcut(x, filters, stride):
    x = x[:, ::stride, ::stride, :]
    return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, filters - x.shape[-1]]])
"""

PAD_CONCATENATE = """
def zero_pad_shortcut(x, filters, stride):
    y = layers.MaxPooling2D(pool_size=1, strides=stride)(x)
    missing = filters - y.shape[-1]
    if missing == 0:
        return y
    zeros = ops.zeros_like(y[..., :1])
    return layers.Concatenate()([y, ops.repeat(zeros, missing, axis=-1)])
"""

PAD_LAMBDA = """
def zero_pad_shortcut(x, filters, stride):
    extra = filters - x.shape[-1]
    thin = layers.Lambda(lambda t: t[:, ::stride, ::stride])(x)
    return layers.Lambda(lambda t: ops.pad(t, ((0, 0),) * 3 + ((0, extra),)))(thin)
"""

# --- bottleneck_block ---------------------------------------------------------------------------

BOTTLENECK = """
def bottleneck_block(x, filters, stride=1):
    shortcut = x
    if stride != 1 or x.shape[-1] != 4 * filters:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, use_bias=False)(x)
        shortcut = layers.BatchNormalization()(shortcut)
    x = layers.Conv2D(filters, 1, strides=stride, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(4 * filters, 1, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(layers.add([shortcut, x]))
"""

BOTTLENECK_LOOP = """
def bottleneck_block(x, filters, stride=1):
    y = x
    for i, (width, kernel) in enumerate([(filters, 1), (filters, 3), (4 * filters, 1)]):
        if kernel == 3:
            y = layers.ZeroPadding2D(1)(y)
        y = layers.Conv2D(width, kernel, strides=stride if i == 0 else 1, use_bias=False)(y)
        y = layers.BatchNormalization()(y)
        if i < 2:
            y = keras.activations.relu(y)
    if y.shape[1:] != x.shape[1:]:
        x = layers.Conv2D(4 * filters, 1, strides=stride, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
    return keras.activations.relu(y + x)
"""

# --- resnet -------------------------------------------------------------------------------------

RESNET = """
def resnet(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(64, 7, strides=2, padding="same", use_bias=False)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for stage, count in enumerate(blocks):
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            x = bottleneck_block(x, 64 * 2**stage, stride)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
"""

RESNET_BY_HAND = """
def resnet(blocks, classes=1000, input_shape=(224, 224, 3)):
    stem = keras.Sequential([
        layers.Conv2D(64, 7, 2, "same", use_bias=False), layers.BatchNormalization(),
        layers.Activation("relu"), layers.MaxPool2D(3, 2, "same"),
    ], name="stem")
    image = layers.Input(shape=input_shape)
    x = stem(image)
    for filters, count, stride in zip([64, 128, 256, 512], blocks, [1, 2, 2, 2]):
        x = bottleneck_block(x, filters, stride)
        for _ in range(count - 1):
            x = bottleneck_block(x, filters)
    x = ops.mean(x, axis=(1, 2))
    logits = layers.Dense(classes)(x)
    return keras.Model(inputs=image, outputs=layers.Softmax()(logits))
"""

# The exercise's own imports may change; a student's cell brings what it uses.
IMPORTS = "import keras\nfrom keras import layers, ops\n\n"

RIGHT = {
    "residual_block": BLOCK,
    "zero_pad_shortcut": PAD,
    "bottleneck_block": BOTTLENECK,
    "resnet": RESNET,
}


def changed(source: str, old: str, new: str, count: int = -1) -> str:
    """`source` with `old` replaced; a mistake that no longer changes anything is an error."""
    if old not in source:
        raise ValueError(f"{old!r} is not in the answer it was to be replaced in.")
    return source.replace(old, new, count)


def student(name: str, story: str, wrong: tuple[str, ...] = (), **answers: str) -> Student:
    """A student with the plain right answers but for those given; `wrong` names the wrong ones."""
    sources = {
        task: IMPORTS + source.strip() + "\n" for task, source in {**RIGHT, **answers}.items()
    }
    verdicts = {task: "wrong" if task in wrong else "correct" for task in RIGHT}
    return Student(name, story, sources, verdicts)


def only(name: str, story: str, tasks: tuple[str, ...]) -> Student:
    """A student who answered some of the tasks, rightly, and left the others."""
    full = student(name, story)
    sources = {task: full.answers[task] for task in tasks}
    return Student(
        name, story, sources, {task: "correct" if task in tasks else "missing" for task in RIGHT}
    )


CLASS = [
    student("ada", "all right, functional style"),
    student(
        "ben",
        "all right: Sequential branches, another epsilon and momentum",
        residual_block=BLOCK_SEQUENTIAL,
        zero_pad_shortcut=PAD_CONCATENATE,
        resnet=RESNET_BY_HAND,
    ),
    student(
        "chloe",
        "all right: a Layer of her own, its parts made in another order",
        residual_block=BLOCK_SUBCLASSED,
        bottleneck_block=BOTTLENECK_LOOP,
    ),
    student(
        "dmitri",
        "all right: Dense for the 1x1 convolution, keras.ops throughout",
        residual_block=BLOCK_DENSE_SKIP,
        zero_pad_shortcut=PAD_LAMBDA,
        bottleneck_block=BOTTLENECK_LOOP,
        resnet=RESNET_BY_HAND,
    ),
    student(
        "emma",
        "no ReLU after the sum",
        ("residual_block",),
        residual_block=changed(
            BLOCK,
            'layers.Activation("relu")(layers.Add()([x, shortcut]))',
            "layers.Add()([x, shortcut])",
        ),
    ),
    student(
        "farid",
        "biases left in the block's convolutions",
        ("residual_block",),
        residual_block=changed(BLOCK, ", use_bias=False", ""),
    ),
    student(
        "grace",
        "a projection on every shortcut",
        ("residual_block",),
        residual_block=changed(BLOCK, "if stride != 1 or x.shape[-1] != filters:", "if filters:"),
    ),
    student(
        "hugo",
        "adds the branch to itself: no shortcut at all",
        ("residual_block",),
        residual_block=changed(BLOCK, "[x, shortcut]", "[x, x]"),
    ),
    student(
        "ines",
        "averages where every stride-th position was asked for",
        ("zero_pad_shortcut",),
        zero_pad_shortcut=changed(
            PAD,
            "x = x[:, ::stride, ::stride, :]",
            'x = layers.AveragePooling2D(stride, padding="same")(x)',
        ),
    ),
    student(
        "jonas",
        "puts the zero channels first",
        ("zero_pad_shortcut",),
        zero_pad_shortcut=changed(PAD, "[0, filters - x.shape[-1]]", "[filters - x.shape[-1], 0]"),
    ),
    student(
        "kira",
        "the bottleneck's stride in its 3x3 convolution, and so in the whole net",
        ("bottleneck_block", "resnet"),
        bottleneck_block=changed(
            changed(
                BOTTLENECK,
                "    x = layers.Conv2D(filters, 1, strides=stride, use_bias=False)(x)",
                "    x = layers.Conv2D(filters, 1, use_bias=False)(x)",
            ),
            'layers.Conv2D(filters, 3, padding="same"',
            'layers.Conv2D(filters, 3, strides=stride, padding="same"',
        ),
    ),
    student(
        "liam",
        "normalises after adding, in one task",
        ("residual_block",),
        residual_block=changed(
            changed(
                BLOCK,
                "    x = layers.BatchNormalization()(x)\n    return",
                "    return",
            ),
            "layers.Add()([x, shortcut])",
            "layers.BatchNormalization()(layers.Add()([x, shortcut]))",
        ),
    ),
    student(
        "mei",
        "returns the class scores without a softmax",
        ("resnet",),
        resnet=changed(RESNET, ', activation="softmax"', ""),
    ),
    student(
        "noah",
        "forgot the pool after the first convolution",
        ("resnet",),
        resnet=changed(
            RESNET, '    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)\n', ""
        ),
    ),
    only("olga", "unfinished: the first two tasks", ("residual_block", "zero_pad_shortcut")),
    only("pablo", "untouched", ()),
    Student(
        "quinn",
        "a syntax error in one answer",
        {**student("", "").answers, "zero_pad_shortcut": "def zero_pad_shortcut(x, filters\n"},
        {**dict.fromkeys(RIGHT, "correct"), "zero_pad_shortcut": "missing"},
    ),
    Student(
        "rosa",
        "an answer that never ends",
        {
            **student("", "").answers,
            "bottleneck_block": "def bottleneck_block(x, filters, stride=1):\n"
            "    while True:\n        filters = filters + 1\n    return x\n",
        },
        None,
        status="timeout",
    ),
    Student("sven", "a file that is not a notebook", file="PK\x03\x04 not JSON", status="invalid"),
    Student("tara", "no file", file=None, status="missing"),
]
