"""PSNR and SSIM are those of scikit-image, whose photographs are held out."""

import numpy as np
import pytest
from keras import ops
from scipy import ndimage
from skimage import data as skimage_data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from convbook.data import other_photographs, photographs
from convbook.data.more_photos import PHOTOGRAPHS
from convbook.quality import detail, luminance, psnr, psnr_and_ssim, ssim


def pair(shape, noise=0.1):
    rng = np.random.default_rng(1)
    truth = rng.random(shape)
    return np.clip(truth + rng.normal(0, noise, shape), 0, 1), truth


def their_ssim(one, other, peak):
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    axis = -1 if one.ndim == 3 else None
    return structural_similarity(one, other, data_range=peak, channel_axis=axis, **window)


@pytest.mark.parametrize("shape", [(40, 31), (40, 31, 1), (24, 30, 3)])
@pytest.mark.parametrize("peak", [1.0, 255.0])
def test_psnr_and_ssim_are_those_of_scikit_image(shape, peak):
    one, other = (peak * each for each in pair(shape))
    theirs = peak_signal_noise_ratio(other, one, data_range=peak)
    assert psnr(one, other, peak) == pytest.approx(theirs, abs=1e-9)
    assert ssim(one, other, peak) == pytest.approx(their_ssim(one, other, peak), abs=1e-9)
    assert abs(ssim(one, other, 2 * peak) - their_ssim(one, other, peak)) > 1e-4


def test_both_measures_leave_out_the_frame_and_what_no_screen_shows():
    one, truth = pair((40, 31))
    framed = np.pad(one + 2 * (one == 1), 5, constant_values=7)
    expected = psnr(one, truth), ssim(one, truth)
    assert psnr_and_ssim(framed, np.pad(truth, 5), frame=5) == pytest.approx(expected)
    assert psnr_and_ssim(one, truth) == pytest.approx(expected)
    assert psnr_and_ssim(framed, np.pad(truth, 5)) != pytest.approx(expected)


def test_a_blurred_picture_has_less_detail():
    rng = np.random.default_rng(2)
    sharp = rng.random((1, 30, 30, 3))
    assert detail(ndimage.gaussian_filter(sharp, (0, 1, 1, 0))) < 0.5 * detail(sharp)
    steps = np.arange(4.0)[None, :, None, None] * np.ones((1, 1, 5, 1))
    assert detail(steps) == 1


def test_equal_pictures_have_no_noise():
    one, _ = pair((20, 20))
    assert psnr(one, one) == float("inf")
    assert ssim(one, one) == 1


def test_bytes_are_refused_where_keras_wraps_them_round():
    """If the last lines fail, Keras has mended its PSNR, and chapter 09 must not say otherwise."""
    dark, light = (np.full((1, 16, 16, 1), value, np.uint8) for value in (10, 250))
    for measure in (psnr, ssim):
        with pytest.raises(ValueError, match="uint8: give floats"):
            measure(dark[0], light[0])
    right = psnr(dark / 255.0, light / 255.0)
    assert right == pytest.approx(20 * np.log10(255 / 240))
    wrapped = float(ops.psnr(dark, light, max_val=255))
    assert abs(wrapped - right) > 5


def test_pictures_that_do_not_match_or_are_too_small_are_refused():
    with pytest.raises(ValueError, match="differ"):
        psnr(np.zeros((4, 4)), np.zeros((4, 5)))
    with pytest.raises(ValueError, match="11x11"):
        ssim(np.zeros((10, 40)), np.zeros((10, 40)))


def test_luminance_is_that_of_a_grey_picture_for_greys():
    grey = np.repeat(np.linspace(0, 1, 7)[:, None], 3, axis=1)
    np.testing.assert_allclose(luminance(grey)[:, 0], grey[:, 0], atol=1e-6)


def test_the_photographs_are_what_scikit_image_ships():
    found = other_photographs()
    assert list(found) == [each.name for each in PHOTOGRAPHS]
    for each in PHOTOGRAPHS:
        picture = found[each.name]
        assert picture.shape == (*each.size, 3)
        assert picture.dtype == np.float32
        assert 0 <= picture.min() <= picture.max() <= 1
        assert (np.ptp(picture, axis=-1).max() == 0) != each.colour
        assert each.licence
    for ours, theirs in {"cat": "chelsea", "coffee": "coffee", "coins": "coins"}.items():
        expected = getattr(skimage_data, theirs)() / 255
        shown = found[ours] if expected.ndim == 3 else found[ours][..., 0]
        np.testing.assert_allclose(shown, expected, atol=1e-6)


def test_no_held_out_photograph_is_one_that_nets_are_trained_on():
    trained = {picture.shape: picture for picture in photographs().values()}
    for picture in other_photographs(["rocket"]).values():  # of the same size
        for other in trained.values():
            assert picture.shape == other.shape
            assert np.abs(picture - other).mean() > 0.1


def test_an_unknown_photograph_is_told_which_there_are():
    with pytest.raises(ValueError, match='no photograph "lena": choose of astronaut'):
        other_photographs(["lena"])
    with pytest.raises(ValueError, match="give a list"):
        other_photographs("cat")
