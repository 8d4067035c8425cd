"""Answers to `group_norm`, right and wrong."""

import numpy as np
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import group_norm, normalize
from ._shared import divided, note_divisors, note_means, note_variances

bank = Bank(group_norm)


# Right


@bank.accepted
def group_by_group(x, groups, gamma, beta, epsilon=1e-5):
    result = np.zeros(x.shape)
    size = x.shape[3] // groups
    for picture in range(len(x)):
        for start in range(0, x.shape[3], size):
            part = x[picture, :, :, start : start + size]
            spread = np.sqrt(part.var() + epsilon)
            result[picture, :, :, start : start + size] = (part - part.mean()) / spread
    return result * gamma + beta


@bank.accepted
def by_splitting(x, groups, gamma, beta, epsilon=1e-5):
    parts = [normalize(part, (1, 2, 3), epsilon) for part in np.split(x, groups, axis=-1)]
    return np.concatenate(parts, axis=-1) * gamma + beta


@bank.accepted
def in_rows(x, groups, gamma, beta, epsilon=1e-5):
    """Channels first, a row for each picture and group."""
    n, h, w, c = x.shape
    rows = x.transpose(0, 3, 1, 2).reshape(n * groups, -1)
    rows = normalize(rows, (1,), epsilon)
    return rows.reshape(n, c, h, w).transpose(0, 2, 3, 1) * gamma + beta


@bank.accepted
def by_a_matrix(x, groups, gamma, beta, epsilon=1e-5):
    """Means of channels, then those of a group by a matrix that averages neighbours."""
    channels = x.shape[-1]
    number = np.arange(channels) // (channels // groups)
    average = (number[:, None] == number) / (channels // groups)
    mean = x.mean(axis=(1, 2)) @ average
    variance = np.square(x).mean(axis=(1, 2)) @ average - mean**2
    scale = gamma / np.sqrt(variance + epsilon)
    return np.einsum("nhwc,nc->nhwc", x, scale) + (beta - mean * scale)[:, None, None]


@bank.accepted
def by_a_layer(x, groups, gamma, beta, epsilon=1e-5):
    norm = layers.GroupNormalization(groups, epsilon=epsilon)
    norm.build(x.shape)
    norm.set_weights([gamma, beta])
    return ops.convert_to_numpy(norm(ops.convert_to_tensor(x, "float32")))


@bank.accepted
def by_ops(x, groups, gamma, beta, epsilon=1e-5):
    pictures, channels = x.shape[0], x.shape[-1]
    flat = ops.reshape(ops.cast(x, "float32"), (pictures, -1, groups, channels // groups))
    mean, variance = ops.moments(flat, [1, 3], keepdims=True)
    y = ops.reshape((flat - mean) / ops.sqrt(variance + epsilon), x.shape)
    return y * ops.cast(gamma, "float32") + ops.cast(beta, "float32")


# Wrong: what any normalisation can have


def made(x, groups, gamma, beta, epsilon, **options):
    """Group normalisation with another mean, variance or divisor."""
    parts = [divided(part, (1, 2, 3), epsilon, **options) for part in np.split(x, groups, -1)]
    return gamma * np.concatenate(parts, axis=-1) + beta


note_divisors(bank, made)
note_variances(bank, made)
note_means(bank, made)


# Wrong: which numbers share a mean


def over(x, groups, gamma, beta, epsilon, axes=(1, 2, 4)):
    """Other axes of (N, H, W, groups, channels in a group)."""
    parts = x.reshape(*x.shape[:-1], groups, -1)
    return gamma * normalize(parts, axes, epsilon).reshape(x.shape) + beta


def counted(x, groups, gamma, beta, epsilon, count=lambda groups, channels: groups):
    """Another number of groups."""
    return group_norm(x, count(groups, x.shape[-1]), gamma, beta, epsilon)


bank.variant(
    "each_position",
    "A group's mean is over all positions of the picture too; here every position has its own.",
    over,
    axes=(4,),
)
bank.variant(
    "whole_batch",
    "Every picture is normalised by itself; here the pictures of the batch share their means.",
    over,
    axes=(0, 1, 2, 4),
)
bank.variant(
    "as_a_batch",
    "This is batch normalisation: a mean here is over one picture and all the channels of a group, "
    "not over all pictures and one channel.",
    over,
    axes=(0, 1, 2),
)
bank.variant(
    "in_each_row",
    "A group's mean is over rows and columns; here every row has its own.",
    over,
    axes=(2, 4),
)
bank.variant(
    "in_each_column",
    "A group's mean is over rows and columns; here every column has its own.",
    over,
    axes=(1, 4),
)
bank.variant(
    "each_channel",
    "The channels of a group share one mean; here every channel has its own (instance "
    "normalisation).",
    over,
    axes=(1, 2),
)
bank.variant(
    "all_channels",
    "Use the argument `groups`: here all channels are one group.",
    over,
    axes=(1, 2, 3, 4),
)
bank.variant(
    "over_the_groups",
    "A group has a mean of its own; here the mean is over the groups, for each place in a group.",
    over,
    axes=(1, 2, 3),
)
bank.variant(
    "size_for_number",
    "`groups` is how many groups there are, not how many channels are in each.",
    counted,
    count=lambda groups, channels: channels // groups,
)


@bank.mistake(
    "The channels of a group are neighbours: here channels that lie `groups` apart are put "
    "together."
)
def interleaved(x, groups, gamma, beta, epsilon=1e-5):
    parts = x.reshape(*x.shape[:-1], -1, groups)
    return gamma * normalize(parts, (1, 2, 3), epsilon).reshape(x.shape) + beta


@bank.mistake(
    "A group is cut out of the channels, which are the last axis: here the reshape cuts each "
    "picture into pieces of rows."
)
def channels_first_reshape(x, groups, gamma, beta, epsilon=1e-5):
    n, h, w, c = x.shape
    parts = x.reshape(n, groups, h, w, c // groups)
    return gamma * normalize(parts, (2, 3, 4), epsilon).reshape(x.shape) + beta


@bank.mistake("A group is cut out of the channels, which are the last axis; here the rows are cut.")
def groups_of_rows(x, groups, gamma, beta, epsilon=1e-5):
    parts = [part for part in np.array_split(x, groups, axis=1) if part.size]
    return gamma * np.concatenate([normalize(p, (1, 2, 3), epsilon) for p in parts], 1) + beta


@bank.mistake("Mean and variance are both a group's; here the variance is that of each channel.")
def variance_of_channels(x, groups, gamma, beta, epsilon=1e-5):
    parts = x.reshape(*x.shape[:-1], groups, -1)
    mean = parts.mean(axis=(1, 2, 4), keepdims=True)
    variance = parts.var(axis=(1, 2), keepdims=True)
    return gamma * ((parts - mean) / np.sqrt(variance + epsilon)).reshape(x.shape) + beta


@bank.mistake("Mean and variance are both a group's; here the mean is that of each channel.")
def mean_of_channels(x, groups, gamma, beta, epsilon=1e-5):
    parts = x.reshape(*x.shape[:-1], groups, -1)
    mean = parts.mean(axis=(1, 2), keepdims=True)
    variance = parts.var(axis=(1, 2, 4), keepdims=True)
    return gamma * ((parts - mean) / np.sqrt(variance + epsilon)).reshape(x.shape) + beta


@bank.mistake(
    "The variance is that of all numbers of a group; the mean of its channels' variances lacks "
    "how far their means lie apart."
)
def mean_of_variances(x, groups, gamma, beta, epsilon=1e-5):
    parts = x.reshape(*x.shape[:-1], groups, -1)
    mean = parts.mean(axis=(1, 2, 4), keepdims=True)
    variance = parts.var(axis=(1, 2), keepdims=True).mean(axis=4, keepdims=True)
    return gamma * ((parts - mean) / np.sqrt(variance + epsilon)).reshape(x.shape) + beta


@bank.mistake("Only the first group is normalised: the others need it as well.")
def first_group_only(x, groups, gamma, beta, epsilon=1e-5):
    size = x.shape[-1] // groups
    y = np.array(x)
    y[..., :size] = normalize(y[..., :size], (1, 2, 3), epsilon)
    return gamma * y + beta


@bank.mistake("The last group is left as it was: the loop ends too early.")
def last_group_left_out(x, groups, gamma, beta, epsilon=1e-5):
    size = x.shape[-1] // groups
    y = group_norm(x, groups, np.ones(x.shape[-1]), np.zeros(x.shape[-1]), epsilon)
    y[..., -size:] = x[..., -size:]
    return gamma * y + beta


@bank.mistake("Every picture has its own mean and variance; here all take those of the first.")
def of_the_first_picture(x, groups, gamma, beta, epsilon=1e-5):
    parts = x.reshape(*x.shape[:-1], groups, -1)
    mean = parts[:1].mean(axis=(1, 2, 4), keepdims=True)
    variance = parts[:1].var(axis=(1, 2, 4), keepdims=True)
    return gamma * ((parts - mean) / np.sqrt(variance + epsilon)).reshape(x.shape) + beta


@bank.mistake("A single group is normalised as well, all channels together.")
def one_group_left_out(x, groups, gamma, beta, epsilon=1e-5):
    return gamma * x + beta if groups == 1 else group_norm(x, groups, gamma, beta, epsilon)


# Wrong: gamma and beta


def weighted(x, groups, gamma, beta, epsilon, weigh=lambda y, gamma, beta: gamma * y + beta):
    """Gamma and beta come in otherwise."""
    channels = x.shape[-1]
    y = group_norm(x, groups, np.ones(channels), np.zeros(channels), epsilon)
    return weigh(y, gamma, beta)


bank.variant(
    "gamma_missing",
    "What is normalised is multiplied by `gamma`, channel by channel: here it is not.",
    weighted,
    weigh=lambda y, gamma, beta: y + beta,
)
bank.variant(
    "beta_missing",
    "`beta` is added at the end: here it is not.",
    weighted,
    weigh=lambda y, gamma, beta: gamma * y,
)
bank.variant(
    "neither",
    "`gamma` and `beta` are not used: multiply by the one, then add the other.",
    weighted,
    weigh=lambda y, gamma, beta: y,
)
bank.variant(
    "exchanged",
    "`gamma` multiplies and `beta` is added; here they are exchanged.",
    weighted,
    weigh=lambda y, gamma, beta: beta * y + gamma,
)
bank.variant(
    "added_first",
    "`gamma` multiplies first, then `beta` is added: here `beta` is multiplied too.",
    weighted,
    weigh=lambda y, gamma, beta: gamma * (y + beta),
)
bank.variant(
    "beta_subtracted",
    "`beta` is added, not subtracted.",
    weighted,
    weigh=lambda y, gamma, beta: gamma * y - beta,
)
bank.variant(
    "divided_by_gamma",
    "`gamma` multiplies; here it divides.",
    weighted,
    weigh=lambda y, gamma, beta: y / gamma + beta,
)
bank.variant(
    "one_and_gamma",
    "`gamma` is the factor itself; here 1 is added to it.",
    weighted,
    weigh=lambda y, gamma, beta: (1 + gamma) * y + beta,
)
bank.variant(
    "size_of_gamma",
    "`gamma` may be negative: its sign counts.",
    weighted,
    weigh=lambda y, gamma, beta: np.abs(gamma) * y + beta,
)
bank.variant(
    "first_gamma",
    "Every channel has its own `gamma` and `beta`; here all take the first.",
    weighted,
    weigh=lambda y, gamma, beta: gamma[0] * y + beta[0],
)
bank.variant(
    "gammas_reversed",
    "`gamma` and `beta` stand in the order of the channels; here it is the opposite one.",
    weighted,
    weigh=lambda y, gamma, beta: gamma[::-1] * y + beta[::-1],
)
bank.variant(
    "with_relu",
    "There is no ReLU here: negative values stay.",
    weighted,
    weigh=lambda y, gamma, beta: np.maximum(gamma * y + beta, 0),
)


@bank.mistake(
    "Every channel has its own `gamma` and `beta`; here a group takes those of its first."
)
def gamma_of_the_group(x, groups, gamma, beta, epsilon=1e-5):
    size = x.shape[-1] // groups
    gamma, beta = (np.repeat(a[::size], size) for a in (gamma, beta))
    return group_norm(x, groups, gamma, beta, epsilon)


@bank.mistake(
    "`gamma` and `beta` have a number for each channel; here a whole group takes the one that "
    "stands at the group's own place."
)
def gamma_at_the_groups_place(x, groups, gamma, beta, epsilon=1e-5):
    size = x.shape[-1] // groups
    gamma, beta = (np.repeat(a[:groups], size) for a in (gamma, beta))
    return group_norm(x, groups, gamma, beta, epsilon)


@bank.mistake(
    "`gamma` and `beta` have a number for each channel; here all groups take those of the first "
    "group's channels."
)
def gammas_of_the_first_group(x, groups, gamma, beta, epsilon=1e-5):
    size = x.shape[-1] // groups
    gamma, beta = (np.tile(a[:size], groups) for a in (gamma, beta))
    return group_norm(x, groups, gamma, beta, epsilon)


@bank.mistake("One normalisation is asked for; here what comes out is normalised once more.")
def normalized_twice(x, groups, gamma, beta, epsilon=1e-5):
    channels = x.shape[-1]
    once = group_norm(x, groups, np.ones(channels), np.zeros(channels), epsilon)
    return group_norm(once, groups, gamma, beta, epsilon)


@bank.mistake(
    "`gamma` and `beta` come after the normalisation; here they come before it, which takes most "
    "of them away again."
)
def weighted_before(x, groups, gamma, beta, epsilon=1e-5):
    channels = x.shape[-1]
    return group_norm(gamma * x + beta, groups, np.ones(channels), np.zeros(channels), epsilon)


# Wrong: the result


@bank.mistake("The result has the shape of `x`: put the groups together again.")
def groups_left_apart(x, groups, gamma, beta, epsilon=1e-5):
    y = group_norm(x, groups, gamma, beta, epsilon)
    return y.reshape(*x.shape[:-1], groups, -1)


@bank.mistake("The channels come last in the result as they do in `x`.")
def channels_first(x, groups, gamma, beta, epsilon=1e-5):
    return np.moveaxis(group_norm(x, groups, gamma, beta, epsilon), -1, 1)


@bank.mistake(
    "The channels stand in another order: when the groups are put together again, the first group "
    "comes first."
)
def put_together_otherwise(x, groups, gamma, beta, epsilon=1e-5):
    channels = x.shape[-1]
    y = group_norm(x, groups, np.ones(channels), np.zeros(channels), epsilon)
    y = y.reshape(*x.shape[:-1], groups, -1).swapaxes(-1, -2).reshape(x.shape)
    return gamma * y + beta
