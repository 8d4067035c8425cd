"""Every architecture of this book: when it appeared, where it stands here, and what it builds on.

In the order of their first appearance in public, which is often a year before the conference.
"""

from __future__ import annotations

from dataclasses import dataclass

FAMILIES = ("parts", "classes", "pixels", "boxes", "joints")
"""What a net gives: parts of nets; classes; a value a pixel; boxes; key points of bodies."""


@dataclass(frozen=True)
class Entry:
    """One architecture, or one part that others are built of.

    Attributes:
        name: as this book calls it.
        year: of its first appearance.
        chapter: where it is met first, 1 to 16.
        family: see ``FAMILIES``.
        parents: names of what it builds on, as far as it is in this book.
        source: authors and number.
        builder: dotted name of what makes it in ``convbook``, or None where nothing does.
    """

    name: str
    year: int
    chapter: int
    family: str
    parents: tuple[str, ...]
    source: str
    builder: str | None = None


_HERE = "convbook.architectures"

LINEAGE = (
    Entry("convolution", 1980, 1, "parts", (), "Fukushima 1980; LeCun et al. 1989"),
    Entry(
        *("LeNet-5", 1998, 3, "classes", ("convolution",)),
        *("LeCun, Bottou, Bengio and Haffner 1998", f"{_HERE}.classic.lenet5"),
    ),
    Entry(
        *("AlexNet", 2012, 3, "classes", ("LeNet-5",)),
        *("Krizhevsky, Sutskever and Hinton 2012", f"{_HERE}.classic.alexnet"),
    ),
    Entry(
        *("R-CNN", 2013, 11, "boxes", ("AlexNet",)),
        *("Girshick et al. 2014, arXiv:1311.2524", f"{_HERE}.rcnn.RCNN"),
    ),
    Entry(
        *("Network in network", 2013, 6, "classes", ("AlexNet",)),
        *("Lin, Chen and Yan 2013, arXiv:1312.4400", f"{_HERE}.inception.network_in_network"),
    ),
    Entry(
        *("VGG", 2014, 3, "classes", ("AlexNet",)),
        *("Simonyan and Zisserman 2015, arXiv:1409.1556", f"{_HERE}.classic.vgg"),
    ),
    Entry(
        *("GoogLeNet", 2014, 6, "classes", ("Network in network",)),
        *("Szegedy et al. 2015, arXiv:1409.4842", f"{_HERE}.inception.googlenet"),
    ),
    Entry(
        *("FCN", 2014, 8, "pixels", ("VGG",)),
        *("Long, Shelhamer and Darrell 2015, arXiv:1411.4038",),
        f"{_HERE}.fully_convolutional.fcn",
    ),
    Entry(
        *("batch norm", 2015, 5, "parts", ()),
        *("Ioffe and Szegedy 2015, arXiv:1502.03167", "convbook.normalization.normalize_maps"),
    ),
    Entry(
        *("Fast R-CNN", 2015, 11, "boxes", ("R-CNN", "VGG")),
        *("Girshick 2015, arXiv:1504.08083", f"{_HERE}.rcnn.vgg_fast_rcnn"),
    ),
    Entry(
        *("U-Net", 2015, 10, "pixels", ("FCN",)),
        *("Ronneberger, Fischer and Brox 2015, arXiv:1505.04597", f"{_HERE}.unet.unet"),
    ),
    Entry(
        *("Faster R-CNN", 2015, 12, "boxes", ("Fast R-CNN",)),
        *("Ren et al. 2015, arXiv:1506.01497", f"{_HERE}.faster_rcnn.vgg_faster_rcnn"),
    ),
    Entry(
        *("SegNet", 2015, 10, "pixels", ("VGG", "FCN")),
        *("Badrinarayanan et al. 2017, arXiv:1511.00561", f"{_HERE}.unet.segnet"),
    ),
    Entry(
        *("dilation", 2015, 2, "parts", ("convolution",)),
        *("Yu and Koltun 2016, arXiv:1511.07122", f"{_HERE}.probes.dilated_net"),
    ),
    Entry(
        *("Inception V3", 2015, 6, "classes", ("GoogLeNet", "batch norm")),
        *("Szegedy et al. 2016, arXiv:1512.00567", f"{_HERE}.inception.inception_v3"),
    ),
    Entry(
        *("SSD", 2015, 13, "boxes", ("Faster R-CNN", "VGG")),
        *("Liu et al. 2016, arXiv:1512.02325", f"{_HERE}.single_shot.ssd300"),
    ),
    Entry(
        *("ResNet", 2015, 4, "classes", ("VGG", "batch norm")),
        *("He et al. 2016, arXiv:1512.03385", f"{_HERE}.residual.resnet"),
    ),
    Entry(
        *("pose machine", 2016, 15, "joints", ("FCN",)),
        *("Wei et al. 2016, arXiv:1602.00134", f"{_HERE}.pose.pose_machine"),
    ),
    Entry(
        *("pre-activated ResNet", 2016, 4, "classes", ("ResNet",)),
        *("He et al. 2016, arXiv:1603.05027", f"{_HERE}.residual.preactivated_block"),
    ),
    Entry(
        *("hourglass", 2016, 15, "joints", ("pre-activated ResNet", "FCN")),
        *("Newell, Yang and Deng 2016, arXiv:1603.06937", f"{_HERE}.pose.stacked_hourglass"),
    ),
    Entry(
        *("DeeperCut", 2016, 15, "joints", ("ResNet", "dilation")),
        *("Insafutdinov et al. 2016, arXiv:1605.03170", f"{_HERE}.pose.part_net"),
    ),
    Entry(
        *("layer norm", 2016, 5, "parts", ("batch norm",)),
        *("Ba, Kiros and Hinton 2016, arXiv:1607.06450", "convbook.normalization.normalize_maps"),
    ),
    Entry(
        *("ESPCN", 2016, 9, "pixels", ("convolution",)),
        *("Shi et al. 2016, arXiv:1609.05158", f"{_HERE}.super_resolution.espcn"),
    ),
    Entry(
        *("SRGAN", 2016, 9, "pixels", ("ESPCN", "ResNet")),
        *("Ledig et al. 2017, arXiv:1609.04802", f"{_HERE}.super_resolution.srgan_generator"),
    ),
    Entry(
        *("Xception", 2016, 7, "classes", ("Inception V3", "ResNet")),
        *("Chollet 2017, arXiv:1610.02357", f"{_HERE}.efficient.xception"),
    ),
    Entry(
        *("pix2pix", 2016, 10, "pixels", ("U-Net",)),
        *("Isola et al. 2017, arXiv:1611.07004", f"{_HERE}.image_to_image.Adversaries"),
    ),
    Entry(
        *("PSPNet", 2016, 10, "pixels", ("FCN", "ResNet", "dilation")),
        *("Zhao et al. 2017, arXiv:1612.01105", f"{_HERE}.pyramid.pspnet"),
    ),
    Entry(
        *("feature pyramid", 2016, 14, "boxes", ("Faster R-CNN", "ResNet")),
        *("Lin et al. 2017, arXiv:1612.03144", f"{_HERE}.mask_rcnn.top_down"),
    ),
    Entry(
        *("Darknet-19", 2016, 13, "classes", ("VGG", "Network in network", "batch norm")),
        *("Redmon and Farhadi 2016, arXiv:1612.08242", f"{_HERE}.single_shot.darknet19"),
    ),
    Entry(
        *("YOLOv2", 2016, 13, "boxes", ("Darknet-19", "Faster R-CNN")),
        *("Redmon and Farhadi 2016, arXiv:1612.08242", f"{_HERE}.single_shot.yolov2"),
    ),
    Entry(
        *("Mask R-CNN", 2017, 14, "boxes", ("Faster R-CNN", "feature pyramid", "FCN")),
        *("He et al. 2017, arXiv:1703.06870", f"{_HERE}.mask_rcnn.resnet_mask_rcnn"),
    ),
    Entry(
        *("transformer", 2017, 16, "parts", ("ResNet", "layer norm")),
        *("Vaswani et al. 2017, arXiv:1706.03762", f"{_HERE}.transformer.EncoderLayer"),
    ),
    Entry(
        *("squeeze-and-excitation", 2017, 7, "parts", ("ResNet",)),
        *("Hu, Shen and Sun 2018, arXiv:1709.01507", f"{_HERE}.attention.squeeze_excite"),
    ),
    Entry(
        *("MobileNetV2", 2018, 7, "classes", ("Xception", "ResNet")),
        *("Sandler et al. 2018, arXiv:1801.04381", f"{_HERE}.efficient.mobilenet_v2"),
    ),
    Entry(
        *("DeepLabv3+", 2018, 10, "pixels", ("Xception", "PSPNet", "U-Net")),
        *("Chen et al. 2018, arXiv:1802.02611", f"{_HERE}.pyramid.deeplab"),
    ),
    Entry(
        *("group norm", 2018, 5, "parts", ("layer norm",)),
        *("Wu and He 2018, arXiv:1803.08494", "convbook.normalization.normalize_maps"),
    ),
    Entry(
        *("DETR", 2020, 16, "boxes", ("ResNet", "transformer")),
        *("Carion et al. 2020, arXiv:2005.12872", f"{_HERE}.detr.detr_resnet50"),
    ),
    Entry(
        *("Vision Transformer", 2020, 16, "classes", ("transformer",)),
        *("Dosovitskiy et al. 2021, arXiv:2010.11929",),
        f"{_HERE}.vision_transformer.vision_transformer",
    ),
)
"""All of them, oldest first."""


def ancestors(name: str) -> list[str]:
    """Return everything an architecture builds on, at any remove, oldest first.

    Raises:
        ValueError: if the book has no such architecture.
    """
    by_name = {entry.name: entry for entry in LINEAGE}
    if name not in by_name:
        raise ValueError(f'This book has no "{name}": choose of {", ".join(by_name)}.')
    found, waiting = set(), [*by_name[name].parents]
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting.extend(by_name[parent].parents)
    return [entry.name for entry in LINEAGE if entry.name in found]
