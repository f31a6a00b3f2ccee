"""One influence matrix by pyRadPlan, in the environment that has it: for `beside_pyradplan.py`.

Takes a case and a file, into which it writes times, counts, and what tells right from wrong.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

try:
    import pyRadPlan as prp  # noqa: N813
    import SimpleITK as sitk  # noqa: N813
except ImportError as error:
    sys.exit(f"{sys.executable} has no {error.name}: pip install 'pyRadPlan[numba]' there")

RADIUS_MM, TARGET_MM, SPACING_MM = 80.0, 30.0, 1.78
BEAMS = 9


def sphere() -> tuple[prp.CT, prp.StructureSet, dict, dict]:
    """Sphere of water; of interest are the voxels of a ball in it, with narrow bixels."""
    half = int(RADIUS_MM / SPACING_MM)
    axis = np.arange(-half, half + 1) * SPACING_MM
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    away = np.sqrt(x**2 + y**2 + z**2)
    image, mask = (
        sitk.GetImageFromArray(values)
        for values in (
            np.where(away <= RADIUS_MM, 0.0, -1000.0).astype(np.float32),
            (away <= TARGET_MM).astype(np.uint8),
        )
    )
    for one in (image, mask):
        one.SetSpacing([SPACING_MM] * 3)
        one.SetOrigin([axis[0]] * 3)
    ct = prp.CT(cube_hu=image)
    target = prp.cst.create_voi(voi_type="TARGET", name="ball", ct_image=ct, mask=mask)
    dose = {
        "dose_grid": ct.grid,
        # The water around the ball counts, its dose does not.
        "ignore_outside_densities": False,
        # So its memory is asked for once.
        "assumed_sparsity": float((away <= TARGET_MM).mean()),
    }
    return ct, prp.StructureSet(vois=[target], ct_image=ct), {"bixel_width": 4.0}, dose


def tg119() -> tuple[prp.CT, prp.StructureSet, dict, dict]:
    """The patient that comes with it, and what is set if a user sets nothing."""
    return *prp.load_tg119(), {}, {}


CASES = {"sphere": sphere, "tg119": tg119}


def main(case: str, answer: Path) -> None:
    ct, cst, steer, dose = CASES[case]()

    def influence(beams: int) -> tuple[prp.SteeringInformation, prp.dij.Dij, float, float]:
        angles = (np.arange(beams) * 360.0 / beams).tolist()
        steering = {"gantry_angles": angles, "couch_angles": [0.0] * beams, **steer}
        plan = prp.PhotonPlan(machine="Generic", prop_stf=steering, prop_dose_calc=dose)
        start = time.perf_counter()
        beamlets = prp.generate_stf(ct, cst, plan)
        between = time.perf_counter()
        result = prp.calc_dose_influence(ct, cst, beamlets, plan)
        return beamlets, result, between - start, time.perf_counter() - between

    influence(1)  # compiles
    beamlets, result, steering_s, seconds = influence(BEAMS)
    matrix = result.physical_dose.flat[0]
    grid, beam = result.dose_grid, beamlets.beams[0]
    voxels = np.unique(matrix.indices)
    k, j, i = np.unravel_index(voxels, (len(grid.z), len(grid.y), len(grid.x)))
    first = int(np.count_nonzero(np.asarray(result.beam_num) == 0))
    np.savez(
        answer,
        seconds=seconds,
        steering_s=steering_s,
        columns=matrix.shape[1],
        entries=matrix.nnz,
        smallest=matrix.data.min(),
        finite=np.isfinite(matrix.data).all(),
        # From the isocentre; the first beam comes from -y.
        at_mm=np.stack([grid.x[i], grid.y[j], grid.z[k]], axis=1) - beam.iso_center,
        source_mm=beam.sad,
        every=matrix.sum(axis=1)[voxels],
        first=matrix[:, :first].sum(axis=1)[voxels],
        versions=[prp.__version__, "numba" if "numba" in sys.modules else ""],
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
