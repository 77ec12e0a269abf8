"""What this beamline adds to the files of its scans: NXscan and NXstxm entries."""

from typing import ClassVar

from bec_services.file_writer import Draft, Layout


class RotationScan(Layout):
    """Adds an NXscan: an image, an angle and a monitor at each point.

    To scans of one motor with a camera that counts; others lack what it takes.
    """

    top: ClassVar[str] = "/entry/scan"

    def add(self, draft: Draft) -> None:
        """Add it, where there is an image for each angle."""
        motors, monitors = draft.begin.motors, draft.tagged("monitor")
        images = [
            path
            for device in draft.begin.monitored
            for signal in draft.signals(device)
            if draft.rank(path := draft.value(device, signal)) == 2
            and draft.is_whole(path)
        ]
        if len(motors) != 1 or not images or not monitors:
            return
        top = self.top
        draft.entry(top, "NXscan")
        draft.group(f"{top}/instrument", "NXinstrument")
        draft.group(f"{top}/instrument/detector", "NXdetector")
        draft.link(f"{top}/instrument/detector/data", images[0])
        draft.group(f"{top}/sample", "NXsample")
        draft.link(f"{top}/sample/rotation_angle", draft.value(motors[0]))
        draft.group(f"{top}/monitor", "NXmonitor")
        draft.link(f"{top}/monitor/data", draft.value(monitors[0]))
        axes = ["rotation_angle", ".", "."]
        draft.group(f"{top}/data", "NXdata", signal="data", axes=axes)
        draft.link(f"{top}/data/data", images[0])
        draft.link(f"{top}/data/rotation_angle", draft.value(motors[0]))


class Microscope(Layout):
    """Adds an NXstxm: an image of the sample, for scans of a grid of two motors.

    The energy is that of the device `mono`; without it nothing is added.
    """

    top: ClassVar[str] = "/entry/stxm"

    def add(self, draft: Draft) -> None:
        """Add it, where there is a grid and an energy."""
        image, axes = draft.plotted()
        energy = draft.known(draft.value("mono"))
        if len(axes) != 2 or draft.rank(image) != 2 or energy is None:
            return
        top, (slow, fast) = self.top, axes
        draft.entry(top, "NXstxm")
        draft.group(f"{top}/instrument", "NXinstrument")
        draft.link(f"{top}/instrument/source", "/entry/instrument/source")
        draft.group(f"{top}/instrument/monochromator", "NXmonochromator")
        draft.field(f"{top}/instrument/monochromator/energy", [energy], units="eV")
        draft.group(f"{top}/instrument/detector", "NXdetector")
        draft.link(f"{top}/instrument/detector/data", image)
        draft.group(f"{top}/sample", "NXsample")
        draft.field(f"{top}/sample/rotation_angle", 0.0, units="deg")
        names = ["sample_y", "sample_x"]
        draft.group(f"{top}/data", "NXdata", signal="data", axes=names)
        draft.field(f"{top}/data/stxm_scan_type", "sample image")
        draft.link(f"{top}/data/data", image)
        draft.field(f"{top}/data/energy", [energy], units="eV")
        draft.link(f"{top}/data/sample_y", slow)
        draft.link(f"{top}/data/sample_x", fast)
