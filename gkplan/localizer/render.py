"""Images of a scene: box, head, posts and pins, blurred, with partial volume and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gkplan.frames import Array
from gkplan.localizer.box import Rod
from gkplan.localizer.scene import Scanner, Scene
from gkplan.localizer.slices import AxialSlices, Pixels

_MARGIN_MM = 20.0
# The plates are slabs round their N; like the posts, of a usual size: nothing is measured on them.
_PLATE_MM = (12.0, 150.0)  # thickness, and width along each of the other two axes
_LAYERS = (("skin", (76.0, 94.0, 88.0)), ("skull", (71.0, 89.0, 83.0)), ("brain", (64, 82, 76)))
_POSTS_MM = ((28.0, 35.0), (172.0, 35.0), (32.0, 168.0), (168.0, 168.0))  # x, y; upright
_POST_RADIUS_MM, _PIN_RADIUS_MM, _PIN_Z_MM, _PIN_REACH_MM = 6.0, 2.0, 125.0, 20.0
_PART = 3  # samples along each axis of a voxel for partial volume
_NEAR_MM = 6.0


def render(scene: Scene, scanner: Scanner, seed: int, skip: tuple[int, ...] = ()) -> AxialSlices:
    """Axial images of a scene, all of its box in them.

    Parameters
    ----------
    seed : of the noise
    skip : numbers of slices (counted from 0, inferior) that are left out

    Returns
    -------
    AxialSlices
        Float values; the slices ascend in z.
    """
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    x, y, z = _axes(scene, scanner)
    z = np.delete(z, list(skip))
    images = np.empty((len(z), len(y), len(x)), dtype=np.float32)
    grid = np.stack(np.broadcast_arrays(x[None, :], y[:, None], 0.0), axis=-1)
    shown = _seen_rods(scene, scanner, x, y, z)
    for k, height in enumerate(z):
        points = grid + np.array([0.0, 0.0, height])
        clean = _background(_leksell(scene, points), scene, scanner)
        clean += shown[k] * (scanner.rod - clean)
        blurred = gaussian_filter(clean, scanner.blur_mm / scanner.pixel_mm, mode="nearest")
        images[k] = _noisy(blurred, scanner, rng)
    if scene.mirrored:
        images = images[:, :, ::-1]
    pixel = scanner.pixel_mm
    return AxialSlices(images, z, (x[0], y[0]), (pixel, pixel), scanner.modality)


def _leksell(scene: Scene, displayed: Array) -> Array:
    true = displayed if scene.distortion is None else scene.distortion.true(displayed)
    return scene.patient_from_leksell.inverse(true)


def _axes(scene: Scene, scanner: Scanner) -> tuple[Array, Array, Array]:
    """Coordinates of pixels and slices so that box and head are seen."""
    corners = np.array(
        [[c[i] for c in (r.start_mm, r.end_mm) for i in range(3)] for r in scene.rods]
    )
    placed = scene.patient_from_leksell(corners.reshape(-1, 3))
    low, high = placed.min(axis=0) - _MARGIN_MM, placed.max(axis=0) + _MARGIN_MM
    steps = (scanner.pixel_mm, scanner.pixel_mm, scanner.slice_mm)
    # Off the round numbers, as in life.
    x, y, z = (
        a + 0.37 + s * np.arange(int((b - a) / s)) for a, b, s in zip(low, high, steps, strict=True)
    )
    return x, y, z


def _background(p: Array, scene: Scene, scanner: Scanner) -> NDArray[np.float64]:
    """Values (rows, columns) of all but the rods at Leksell points (rows, columns, 3)."""
    values = np.full(p.shape[:2], scanner.air)
    for plate in scene.plates:
        values[_in_plate(p, plate, scene.rods)] = scanner.plate
    squares = (p - np.array(scene.head_mm)) ** 2
    for tissue, axes in _LAYERS:
        values[squares @ (1.0 / np.square(axes)) <= 1.0] = getattr(scanner, tissue)
    metal = np.zeros(values.shape, dtype=np.bool_)
    near_pins = np.abs(p[..., 2] - _PIN_Z_MM).min() < _PIN_REACH_MM
    for x, y in _POSTS_MM:
        metal |= (p[..., 0] - x) ** 2 + (p[..., 1] - y) ** 2 <= _POST_RADIUS_MM**2
        if near_pins:
            metal |= _near_segment(p, (x, y, _PIN_Z_MM), scene.head_mm, 0.55) <= _PIN_RADIUS_MM
    values[metal] = scanner.metal
    if scanner.modality == "CT" and near_pins:
        values += _streaks(p)
    return values


def _in_plate(p: Array, plate: str, rods: tuple[Rod, ...]) -> NDArray[np.bool_]:
    places = np.array([c for r in rods if r.plate == plate for c in (r.start_mm, r.end_mm)])
    if not len(places):
        return np.zeros(p.shape[:-1], dtype=np.bool_)
    center = (places.min(axis=0) + places.max(axis=0)) / 2
    half = np.full(3, _PLATE_MM[1] / 2)
    half[1 if plate == "anterior" else 0] = _PLATE_MM[0] / 2
    x, y, z = (np.abs(p[..., n] - center[n]) <= half[n] for n in range(3))
    return np.asarray(x & y & z)


def _near_segment(
    p: Array, start: tuple[float, ...], toward: tuple[float, ...], fraction: float
) -> Array:
    """Distance of points from the first part of a segment."""
    a = np.array(start)
    along = fraction * (np.array(toward) - a)
    offset = p - a
    t = np.clip(offset @ along / (along @ along), 0.0, 1.0)
    offset -= t[..., None] * along
    return np.asarray(np.sqrt(np.einsum("...k,...k", offset, offset)))


def _streaks(p: Array) -> Array:
    """Dark and bright bands between the metal pins, where a CT slice cuts them."""
    values = np.zeros(p.shape[:2])
    near = np.abs(p[..., 2] - _PIN_Z_MM) < 4.0
    if not near.any():
        return values
    for n, (x, y) in enumerate(_POSTS_MM):
        for other in _POSTS_MM[n + 1 :]:
            along = np.subtract(other, (x, y))
            length = float(np.hypot(*along))
            beside = ((p[..., 0] - x) * along[1] - (p[..., 1] - y) * along[0]) / length
            values += np.where(near, -150.0 * np.cos(beside) * np.exp(-((beside / 3.0) ** 2)), 0.0)
    return values


def _seen_rods(scene: Scene, scanner: Scanner, x: Array, y: Array, z: Array) -> Pixels:
    """How much of each voxel (slices, rows, columns) is rod, from samples within the voxel."""
    part = (np.arange(_PART) + 0.5) / _PART - 0.5
    dz, dy, dx = np.meshgrid(part, part, part, indexing="ij")
    step = np.array([scanner.pixel_mm, scanner.pixel_mm, scanner.thickness_mm])
    within = np.stack([dx.ravel(), dy.ravel(), dz.ravel()], axis=1) * step
    shown = np.zeros((len(z), len(y), len(x)), dtype=np.float32)
    reach = int(np.ceil(_NEAR_MM / scanner.pixel_mm))
    around = np.arange(-reach, reach + 1)
    for rod in scene.rods:
        ends = scene.patient_from_leksell([rod.start_mm, rod.end_mm])
        if scene.distortion is not None:
            ends = scene.distortion.displayed(ends)
        low, high = sorted(ends[:, 2])
        for k in np.flatnonzero((z > low - 3.0) & (z < high + 3.0)):
            at = ends[0] + (ends[1] - ends[0]) * (z[k] - ends[0, 2]) / (ends[1, 2] - ends[0, 2])
            i = np.rint((at[0] - x[0]) / scanner.pixel_mm).astype(int) + around
            j = np.rint((at[1] - y[0]) / scanner.pixel_mm).astype(int) + around
            yy, xx = np.meshgrid(y[j], x[i], indexing="ij")
            voxels = np.stack([xx, yy, np.full(xx.shape, z[k])], axis=-1)
            samples = _leksell(scene, voxels[:, :, None, :] + within)
            distance = _near_segment(samples, rod.start_mm, rod.end_mm, 1.0)
            inside = (distance <= scanner.rod_radius_mm).mean(axis=-1)
            window = shown[k, j[0] : j[-1] + 1, i[0] : i[-1] + 1]
            np.maximum(window, inside, out=window)
    return shown


def _noisy(image: Array, scanner: Scanner, rng: np.random.Generator) -> Array:
    """Correlated noise for CT; the magnitude of a complex signal with white noise for MR."""
    from scipy.ndimage import gaussian_filter

    noise = rng.normal(0.0, 1.0, image.shape)
    if scanner.modality == "CT":
        # Neighbouring pixels of a reconstructed image share their noise.
        noise = gaussian_filter(noise, 0.7)
        return np.asarray(image + noise * (scanner.noise / noise.std()))
    imaginary = rng.normal(0.0, scanner.noise, image.shape)
    return np.asarray(np.hypot(image + scanner.noise * noise, imaginary))
