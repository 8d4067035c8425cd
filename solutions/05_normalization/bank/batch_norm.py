"""Answers to `batch_norm`, right and wrong."""

import numpy as np
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import batch_norm
from ._shared import note_divisors, note_variances

bank = Bank(batch_norm)


# Right


@bank.accepted
def in_rows(x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3):
    rows = x.reshape(-1, x.shape[-1])
    mean, variance = (rows.mean(0), rows.var(0)) if training else (moving_mean, moving_variance)
    y = (rows - mean) / np.sqrt(variance + epsilon) * gamma + beta
    if training:
        moving_mean = moving_mean + (1 - momentum) * (mean - moving_mean)
        moving_variance = moving_variance + (1 - momentum) * (variance - moving_variance)
    return y.reshape(x.shape), moving_mean, moving_variance


@bank.accepted
def channel_by_channel(
    x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3
):
    y = np.empty(x.shape)
    means, variances = list(moving_mean), list(moving_variance)
    for c in range(x.shape[-1]):
        values = x[..., c].ravel()
        mean, variance = moving_mean[c], moving_variance[c]
        if training:
            mean = sum(values) / len(values)
            variance = sum((v - mean) ** 2 for v in values) / len(values)
            means[c] = momentum * means[c] + (1 - momentum) * mean
            variances[c] = momentum * variances[c] + (1 - momentum) * variance
        y[..., c] = gamma[c] * (x[..., c] - mean) / (variance + epsilon) ** 0.5 + beta[c]
    return y, np.array(means), np.array(variances)


@bank.accepted
def by_one_scale(
    x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3
):
    """A scale and an offset for each channel; the moving statistics as weighted averages."""
    if not training:
        scale = gamma / np.sqrt(moving_variance + epsilon)
        return [x * scale + (beta - moving_mean * scale), moving_mean.copy(), moving_variance]
    count = x.size // x.shape[-1]
    rows = x.reshape(count, -1)
    mean = np.ones(count) @ rows / count
    variance = np.einsum("ic,ic->c", rows, rows) / count - mean**2
    scale = gamma / np.sqrt(variance + epsilon)
    shares = [momentum, 1 - momentum]
    return [
        x * scale + (beta - mean * scale),
        np.average([moving_mean, mean], axis=0, weights=shares),
        np.average([moving_variance, variance], axis=0, weights=shares),
    ]


@bank.accepted
def by_a_layer(x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3):
    norm = layers.BatchNormalization(momentum=momentum, epsilon=epsilon)
    norm.build(x.shape)
    norm.set_weights([gamma, beta, moving_mean, moving_variance])
    y = norm(ops.convert_to_tensor(x, "float32"), training=training)
    return tuple(map(ops.convert_to_numpy, (y, norm.moving_mean, norm.moving_variance)))


@bank.accepted
def by_ops(x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3):
    tensors = (gamma, beta, moving_mean, moving_variance)
    x = ops.convert_to_tensor(x, "float32")
    gamma, beta, old_mean, old_variance = (ops.convert_to_tensor(t, "float32") for t in tensors)
    if not training:
        y = ops.batch_normalization(x, old_mean, old_variance, -1, beta, gamma, epsilon)
        return y, moving_mean, moving_variance
    mean, variance = ops.moments(x, list(range(len(x.shape) - 1)))
    y = ops.batch_normalization(x, mean, variance, -1, beta, gamma, epsilon)
    new_mean = old_mean * momentum + mean * (1 - momentum)
    return y, new_mean, old_variance * momentum + variance * (1 - momentum)


@bank.accepted
def channels_first(
    x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3
):
    channels = np.moveaxis(x, -1, 0).reshape(x.shape[-1], -1)
    statistics = np.array([moving_mean, moving_variance])
    used = statistics
    if training:
        used = np.array([[row.mean(), row.std() ** 2] for row in channels]).T
        statistics = momentum * statistics + (1 - momentum) * used
    rows = (channels - used[0][:, None]) * (gamma / np.sqrt(used[1] + epsilon))[:, None] + beta[
        :, None
    ]
    return np.moveaxis(rows.reshape(x.shape[-1], *x.shape[:-1]), 0, -1), *statistics


# Wrong: what the wrong answers are made of


def root(variance, epsilon):
    return np.sqrt(variance + epsilon)


def weighted(distance, gamma, beta):
    """The end of a batch normalisation."""
    return gamma * distance + beta


def mixed(old, batch, momentum):
    """A moving statistic after a step."""
    return momentum * old + (1 - momentum) * batch


def made(
    x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon,
    mean=np.mean, variance=np.var, mix=mixed, divisor=root, end=weighted,
    distance=np.subtract,
    used=lambda batch, old, new, training: batch if training else old,
    kept=lambda batch, old, new, training: new if training else old,
):  # fmt: skip
    """Batch normalisation of parts.

    `batch`, `old` and `new` are pairs of statistics, (2, C): those of the batch, and the moving
    ones before the step and after it. `used` says which `y` is normalised with, `kept` which are
    returned.
    """
    axes = tuple(range(x.ndim - 1))
    batch = np.stack([mean(x, axis=axes, keepdims=False), variance(x, axis=axes, keepdims=False)])
    old = np.stack([moving_mean, moving_variance])
    new = mix(old, batch, momentum)
    centre, spread = used(batch, old, new, training)
    y = end(distance(x, centre) / divisor(spread, epsilon), gamma, beta)
    return y, *kept(batch, old, new, training)


# Wrong: how `x` is normalised

note_divisors(bank, made)
note_variances(bank, made)


bank.variant(
    "not_centred",
    "The mean is not subtracted; subtract it before you divide.",
    made,
    distance=lambda x, centre: x,
)
bank.variant("mean_added", "The mean is subtracted, not added.", made, distance=np.add)


def ended(name, hint, end):
    """Note another end of the normalisation as wrong."""
    bank.variant(name, hint, made, end=end)


ended(
    "gamma_missing",
    "What is normalised is multiplied by `gamma`, channel by channel: here it is not.",
    lambda z, gamma, beta: z + beta,
)
ended(
    "beta_missing", "`beta` is added at the end: here it is not.", lambda z, gamma, beta: gamma * z
)
ended(
    "neither",
    "`gamma` and `beta` are not used: multiply by the one, then add the other.",
    lambda z, gamma, beta: z,
)
ended(
    "exchanged",
    "`gamma` multiplies and `beta` is added; here they are exchanged.",
    lambda z, gamma, beta: beta * z + gamma,
)
ended(
    "added_first",
    "`gamma` multiplies first, then `beta` is added: here `beta` is multiplied too.",
    lambda z, gamma, beta: gamma * (z + beta),
)
ended(
    "beta_subtracted",
    "`beta` is added, not subtracted.",
    lambda z, gamma, beta: gamma * z - beta,
)
ended(
    "divided_by_gamma",
    "`gamma` multiplies; here it divides.",
    lambda z, gamma, beta: z / gamma + beta,
)
ended(
    "size_of_gamma",
    "`gamma` may be negative: its sign counts.",
    lambda z, gamma, beta: np.abs(gamma) * z + beta,
)


def untrained(right, wrong):
    """A function of the arguments that is `wrong` outside training."""

    def answer(*arguments):
        return (right if arguments[5] else wrong)(*arguments)

    return answer


def no_epsilon(x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon):
    return made(
        x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon,
        divisor=lambda v, e: np.sqrt(v),
    )  # fmt: skip


def no_weights(x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon):
    return made(
        x, 1.0, 0.0, moving_mean, moving_variance, training, momentum, epsilon
    )  # fmt: skip


bank.variant(
    "epsilon_in_training_only",
    "The epsilon is added to the moving variance too: here it is missing where not training.",
    untrained(batch_norm, no_epsilon),
)
bank.variant(
    "epsilon_outside_training_only",
    "The epsilon is added to the variance of the batch too: here it is missing in training.",
    untrained(no_epsilon, batch_norm),
)
bank.variant(
    "weighted_in_training_only",
    "`gamma` and `beta` count where not training as well.",
    untrained(batch_norm, no_weights),
)


# Wrong: over what the means are


def over(x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon, axes=(0,)):
    """Statistics over other axes of `x`, whatever shape they get."""
    if not training:
        return batch_norm(
            x, gamma, beta, moving_mean, moving_variance, False, momentum, epsilon
        )  # fmt: skip
    axes = axes(x.ndim) if callable(axes) else axes
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    y = gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
    mean, variance = np.squeeze(mean, axes), np.squeeze(variance, axes)
    return y, mixed(moving_mean, mean, momentum), mixed(moving_variance, variance, momentum)


bank.variant(
    "first_axis_only",
    "A channel has one mean: it is over all axes but the last, not over the first alone.",
    over,
)
bank.variant(
    "four_axes_only",
    "`x` may have two axes or more: the mean is over all but the last, however many there are.",
    over,
    axes=(0, 1, 2),
)
bank.variant(
    "two_axes_or_four",
    "`x` may have three axes as well: the mean is over all but the last, and the last is always "
    "the channels.",
    over,
    axes=lambda ndim: (0,) if ndim == 2 else (0, 1, 2),
)
bank.variant(
    "over_the_channels",
    "A channel has its own mean over all other axes; here a mean is over the channels, as in layer "
    "normalisation.",
    over,
    axes=(-1,),
)
bank.variant(
    "over_everything",
    "Every channel has a mean of its own; here one mean is taken of the whole array.",
    over,
    axes=lambda ndim: tuple(range(ndim)),
)
bank.variant(
    "each_entry",
    "The mean is over the batch as well as over the positions; here every entry of the batch has "
    "its own (instance normalisation).",
    over,
    axes=lambda ndim: tuple(range(1, ndim - 1)) or (0,),
)
bank.variant(
    "sum_for_mean",
    "The mean of the batch is its sum divided by the count: here it is not divided.",
    made,
    mean=np.sum,
)
bank.variant(
    "divided_by_the_batch",
    "The count is that of all numbers of a channel, in all positions, not the size of the batch.",
    made,
    mean=lambda x, axis, keepdims: x.sum(axis=axis) / len(x),
)


@bank.mistake("The moving statistics have one number for each channel: their shape is (C,).")
def axes_kept(x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3):
    y, mean, variance = batch_norm(
        x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon
    )
    if training:
        mean, variance = (a.reshape((1,) * (x.ndim - 1) + (-1,)) for a in (mean, variance))
    return y, mean, variance


# Wrong: with which statistics `x` is normalised


def used(name, hint, choose):
    """Note a wrong choice of the statistics that `y` is computed with."""
    bank.variant(name, hint, made, used=choose)


def first_of(one, other):
    """The mean of one pair of statistics and the variance of another."""
    return one[0], other[1]


used(
    "moving_in_training",
    "In training `y` is normalised with mean and variance of the batch; here it is with the moving "
    "ones.",
    lambda batch, old, new, training: old,
)
used(
    "updated_in_training",
    "In training `y` is normalised with mean and variance of the batch; here it is with the moving "
    "ones after their update.",
    lambda batch, old, new, training: new if training else old,
)
used(
    "batch_always",
    "Where not training, `y` is normalised with the moving statistics; here it is with those of "
    "the batch.",
    lambda batch, old, new, training: batch,
)
used(
    "training_turned_round",
    "In training `y` comes from the batch's statistics, else from the moving ones; here it is the "
    "other way round.",
    lambda batch, old, new, training: old if training else batch,
)
used(
    "variance_moving_in_training",
    "In training the variance is that of the batch as the mean is; here it is the moving one.",
    lambda batch, old, new, training: first_of(batch, old) if training else old,
)
used(
    "mean_moving_in_training",
    "In training the mean is that of the batch as the variance is; here it is the moving one.",
    lambda batch, old, new, training: first_of(old, batch) if training else old,
)
used(
    "mean_of_batch_always",
    "Where not training, the mean is the moving one as the variance is; here it is the batch's.",
    lambda batch, old, new, training: batch if training else first_of(batch, old),
)
used(
    "variance_of_batch_always",
    "Where not training, the variance is the moving one as the mean is; here it is the batch's.",
    lambda batch, old, new, training: batch if training else first_of(old, batch),
)


# Wrong: what is kept


def kept(name, hint, choose):
    """Note a wrong choice of the statistics that are returned."""
    bank.variant(name, hint, made, kept=choose)


kept(
    "never_updated",
    "In training the moving statistics are updated; here they come back as they were.",
    lambda batch, old, new, training: old,
)
kept(
    "always_updated",
    "Where not training, the moving statistics stay as they are; here they are updated as well.",
    lambda batch, old, new, training: new,
)
kept(
    "update_turned_round",
    "The moving statistics are updated in training and stay as they are elsewhere; here it is the "
    "other way round.",
    lambda batch, old, new, training: old if training else new,
)
kept(
    "batch_returned",
    "In training the moving statistics after the update are returned, not those of the batch.",
    lambda batch, old, new, training: batch if training else old,
)
kept(
    "what_was_used",
    "The moving statistics are returned; here those of the batch are, in training and outside it.",
    lambda batch, old, new, training: batch,
)
kept(
    "only_the_mean_updated",
    "The moving variance is updated as the moving mean is; here it stays as it was.",
    lambda batch, old, new, training: first_of(new, old) if training else old,
)
kept(
    "only_the_variance_updated",
    "The moving mean is updated as the moving variance is; here it stays as it was.",
    lambda batch, old, new, training: first_of(old, new) if training else old,
)
kept(
    "variance_first",
    "The results are `y`, the moving mean, the moving variance; here the last two are exchanged.",
    lambda batch, old, new, training: (new if training else old)[::-1],
)
kept(
    "deviation_kept",
    "The third result is the moving variance, not its root.",
    lambda batch, old, new, training: (
        (new if training else old)[0],
        np.sqrt((new if training else old)[1]),
    ),
)
bank.variant(
    "everything_always",
    "Use the argument `training`: where it is False, the moving statistics normalise `x` and stay "
    "as they are.",
    made,
    used=lambda batch, old, new, training: batch,
    kept=lambda batch, old, new, training: new,
)
bank.variant(
    "flag_turned_round",
    "What belongs to training is done where not training, and the other way round.",
    made,
    used=lambda batch, old, new, training: old if training else batch,
    kept=lambda batch, old, new, training: old if training else new,
)


# Wrong: the update


def updated(name, hint, mix):
    """Note another update of the moving statistics as wrong."""
    bank.variant(name, hint, made, mix=mix)


updated(
    "momentum_of_the_batch",
    "The momentum is the share that the old value keeps (Keras); here it is that of the batch, as "
    "in PyTorch.",
    lambda old, batch, momentum: (1 - momentum) * old + momentum * batch,
)
updated(
    "batch_not_weighted",
    "The two shares add up to 1: the batch's is what the momentum leaves, here it is 1.",
    lambda old, batch, momentum: momentum * old + batch,
)
updated(
    "both_weighted_alike",
    "The two shares add up to 1: here old value and batch are both multiplied by the momentum.",
    lambda old, batch, momentum: momentum * (old + batch),
)
updated(
    "old_not_weighted",
    "The two shares add up to 1: the old value keeps the momentum's share, here it keeps all.",
    lambda old, batch, momentum: old + (1 - momentum) * batch,
)
updated(
    "plain_average",
    "The momentum says how much the old value counts; here old and new count alike.",
    lambda old, batch, momentum: (old + batch) / 2,
)
updated(
    "batch_subtracted",
    "The two shares are added, not subtracted.",
    lambda old, batch, momentum: momentum * old - (1 - momentum) * batch,
)
updated(
    "old_forgotten",
    "The old moving value counts too, with the momentum's share; here only the batch comes in.",
    lambda old, batch, momentum: (1 - momentum) * batch,
)
updated(
    "debiased",
    "Keras does not divide by 1 - momentum (a correction that Adam makes): the mix is all.",
    lambda old, batch, momentum: mixed(old, batch, momentum) / (1 - momentum),
)
updated(
    "deviations_mixed",
    "The variances are mixed as they are; here their roots are, and the result is squared.",
    lambda old, batch, momentum: np.stack(
        [
            mixed(old, batch, momentum)[0],
            mixed(np.sqrt(old[1]), np.sqrt(batch[1]), momentum) ** 2,
        ]
    ),
)
updated(
    "deviation_mixed_in",
    "The moving variance is mixed with the variance of the batch; here it is with its root.",
    lambda old, batch, momentum: mixed(old, np.stack([batch[0], np.sqrt(batch[1])]), momentum),
)
updated(
    "means_distance_added",
    "The moving variance is a mix of variances; how far the two means lie apart does not come in.",
    lambda old, batch, momentum: (
        mixed(old, batch, momentum)
        + np.stack(
            [0 * old[0], momentum * (1 - momentum) * np.square(old[0] - batch[0])],
        )
    ),
)


@bank.mistake(
    "The moving variance is updated with the population variance too; the sample variance is "
    "PyTorch's."
)
def sample_variance_kept(
    x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3
):
    y, mean, variance = batch_norm(
        x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon
    )
    if training:
        variance = mixed(moving_variance, x.reshape(-1, x.shape[-1]).var(axis=0, ddof=1), momentum)
    return y, mean, variance


@bank.mistake(
    "This is PyTorch's update: in Keras the momentum is the share that the old value keeps, and "
    "the moving variance is mixed with the population variance."
)
def as_in_pytorch(
    x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3
):
    count = x.size // x.shape[-1]
    factors = np.array([[1], [count / max(count - 1, 1)]])
    return made(
        x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon,
        mix=lambda old, batch, momentum: mixed(batch * factors, old, momentum),
    )  # fmt: skip


@bank.mistake("The moving variance is updated with the variance alone, without the epsilon.")
def epsilon_kept(
    x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3
):
    y, mean, variance = batch_norm(
        x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon
    )
    return y, mean, variance + (1 - momentum) * epsilon if training else variance


@bank.mistake(
    "The variance of the batch is measured from its own mean; here it is measured from the moving "
    "mean."
)
def from_the_moving_mean(
    x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3
):
    def variance(x, axis, keepdims):
        return np.mean((x - moving_mean) ** 2, axis=axis)

    return made(
        x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon, variance=variance
    )


@bank.mistake(
    "The variance of the batch is measured from its own mean; here it is measured from the moving "
    "mean after its update."
)
def from_the_updated_mean(
    x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3
):
    def variance(x, axis, keepdims):
        return np.mean((x - mixed(moving_mean, x.mean(axis=axis), momentum)) ** 2, axis=axis)

    return made(
        x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon, variance=variance
    )


@bank.mistake("A batch of one is normalised as any other, by its own mean and variance.")
def batch_of_one_as_it_is(
    x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3
):
    alone = x.size == x.shape[-1]
    return batch_norm(
        x, gamma, beta, moving_mean, moving_variance, training and not alone, momentum, epsilon
    )
