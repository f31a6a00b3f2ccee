"""Registration error of the stereotactic frame on synthetic images with known truth.

``python benchmarks/localizer.py ct 200`` (or ``mr``): random poses, contrast, noise, rod
diameter and missing slices; then planted faults on every tenth pose. One CT takes about 4 s.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gkplan.errors import FrameError
from gkplan.frames import Array
from gkplan.localizer import (
    SCANNERS,
    AxialSlices,
    Box,
    Localisation,
    Scanner,
    Scene,
    box_names,
    load_box,
    localise,
    random_scene,
    render,
)

# What the errors have to stay below, mm: mean over the frame space, and its largest.
LIMITS = {"ct": (0.10, 0.25), "mr": (0.30, 0.60)}


def varied(scanner: Scanner, rng: np.random.Generator) -> Scanner:
    """Another contrast, noise and rod."""
    is_ct = scanner.modality == "CT"
    return replace(
        scanner,
        rod=rng.uniform(500, 1500) if is_ct else rng.uniform(400, 1000),
        noise=rng.uniform(12, 30) if is_ct else rng.uniform(15, 40),
        rod_radius_mm=rng.uniform(1.0, 2.0) if is_ct else rng.uniform(1.5, 2.5),
        blur_mm=rng.uniform(0.5, 0.8),
    )


def frame_space() -> Array:
    """Leksell points (n, 3) of a lattice over 40 to 160 mm along each axis."""
    steps = np.linspace(40.0, 160.0, 7)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)


def target_errors(found: Localisation, scene: Scene) -> Array:
    """Distance (n,) from where a target is to where the images and the transform say it is."""
    there = frame_space()
    seen = scene.patient_from_leksell(there)
    if scene.distortion is not None:
        seen = scene.distortion.displayed(seen)
    return np.asarray(np.linalg.norm(found.leksell_from_patient(seen) - there, axis=1))


@dataclass(frozen=True)
class Case:
    """A scene, how it is imaged, and what of it."""

    box: Box
    scene: Scene
    scanner: Scanner
    seed: int

    @classmethod
    def random(cls, modality: str, seed: int) -> Case:
        rng = np.random.default_rng(seed)
        box = load_box(box_names()[seed % 2])
        scanner = varied(SCANNERS[modality], rng)
        return cls(box, random_scene(box, scanner, rng), scanner, seed)

    def images(self, scene: Scene | None = None) -> AxialSlices:
        whole = render(scene or self.scene, self.scanner, self.seed)
        kept = np.random.default_rng(self.seed).random(len(whole.z_mm)) > 0.05
        return replace(whole, pixels=whole.pixels[kept], z_mm=whole.z_mm[kept])

    def faults(self, images: AxialSlices) -> Iterator[tuple[str, AxialSlices, str | None]]:
        rng = np.random.default_rng(self.seed)
        rod = self.box.rods[rng.integers(len(self.box.rods))].name
        plate = ("right", "left", "anterior")[rng.integers(3)]
        shift = rng.normal(size=3)
        shift *= 5.0 / np.linalg.norm(shift)
        yield "rod removed", self.images(self.scene.without(rod)), None
        yield "third of a rod broken out", self.images(self.scene.broken(rod, 40.0, 80.0)), None
        yield "plate displaced by 5 mm", self.images(self.scene.displaced(plate, shift)), None
        (other,) = (name for name in box_names() if name != self.box.name)
        yield "wrong box", images, other
        yield "left-right mirrored", replace(images, pixels=images.pixels[:, :, ::-1]), None
        yield "slices in reverse", replace(images, pixels=images.pixels[::-1]), None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modality", choices=sorted(SCANNERS))
    parser.add_argument("count", type=int, nargs="?", default=200)
    args = parser.parse_args()
    means, largest, fiducial = [], [], []
    noticed: dict[str, list[bool]] = {}
    for seed in range(args.count):
        case = Case.random(args.modality, seed)
        images = case.images()
        found = localise(images)
        assert found.box == case.box, f"seed {seed}: {found.box.name} is the wrong box"
        errors = target_errors(found, case.scene)
        means.append(errors.mean())
        largest.append(errors.max())
        fiducial.append((found.mean_mm, found.max_mm))
        if seed % 10 == 0:
            for fault, spoilt, box_name in case.faults(images):
                try:
                    seen = bool(localise(spoilt, box_name).notes)
                except FrameError:
                    seen = True
                noticed.setdefault(fault, []).append(seen)
        if seed % 10 == 9:
            print(
                f"{seed + 1}: largest mean {max(means):.3f}, largest {max(largest):.3f}", flush=True
            )
    mean_limit, most = LIMITS[args.modality]
    fid = np.array(fiducial)
    print(f"{args.modality}, {args.count} poses: target registration error over 40..160 mm")
    print(
        f"  mean of all {np.mean(means):.3f}, worst pose {max(means):.3f} mm (limit {mean_limit})"
    )
    print(f"  largest: median {np.median(largest):.3f}, worst {max(largest):.3f} mm (limit {most})")
    print(f"  fiducial error: mean {fid[:, 0].mean():.3f}, largest {fid[:, 1].max():.3f} mm")
    for fault, seen in noticed.items():
        print(f"  {fault}: noticed in {sum(seen)} of {len(seen)}")
    assert max(means) <= mean_limit
    assert max(largest) <= most
    assert all(all(seen) for seen in noticed.values())


if __name__ == "__main__":
    main()
