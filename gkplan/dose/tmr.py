"""`tmr`: the dose of all beams in a head of water, as in clinical planning, fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gkplan.dose.beams import Beams, sector_beams, shot_beams
from gkplan.dose.cells import RUN, Cells
from gkplan.dose.densities import Densities, ExtraDepth, densities_of
from gkplan.dose.engine import Array32
from gkplan.dose.lattice import GridInHead
from gkplan.dose.names import tmr_name
from gkplan.dose.tables import Tables
from gkplan.dose.tails import CARRIED_MM, HELMET_CARRIED_MM, TailNodes
from gkplan.frames import NEUTRAL_GAMMA_DEG, Array, RigidTransform
from gkplan.grid import Grid
from gkplan.head import DepthRule, Head, depth_rule
from gkplan.shot import Shot
from gkplan.unit import RadiationUnit

# Points within boxes of this edge share the coefficients of a beam; those of an influence, of
# which there are many for each beam, within larger ones.
_CELL_MM, _INFLUENCE_CELL_MM = 8.0, 20.0
# Fewer than the kernel can take: where points are dense the cells are then compact enough.
_INFLUENCE_POINTS = 192


@dataclass(frozen=True, slots=True, eq=False)
class TmrEngine:
    """Superposition of all beams: inverse square, attenuation to the real surface, profile.

    Parameters
    ----------
    unit, head : the machine and the head it irradiates
    rate_gy_per_min : calibration dose rate on the day of treatment
    transit : whether shots give dose while sectors and couch move (`Collimator.transit_min`)
    depth : "geometric": inside the surface all is water; "radiological": along the axis of each
        beam matter counts by its electrons

    Raises
    ------
    CaseError
        For radiological depth in a head without densities, see `densities_of`.
    PlanError
        For another depth.

    Notes
    -----
    The formula is that of `gkplan.dose.reference.beam_dose`, with which the kernels agree
    within 1e-4 of the maximum. Outside the surface the dose is 0. There is no build-up: within
    5 mm of the surface the dose is too high.
    """

    unit: RadiationUnit
    head: Head
    rate_gy_per_min: float
    transit: bool = False
    depth: DepthRule = "geometric"
    _tables: Tables = field(init=False, repr=False)
    _densities: Densities | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        depth_rule(self.depth)
        object.__setattr__(self, "_tables", Tables.of(self.unit))
        object.__setattr__(self, "_densities", self._densities_in(self.head))

    @property
    def name(self) -> str:
        return tmr_name(self.depth)

    def in_head(self, head: Head) -> TmrEngine:
        """The same engine for another head; quick, for the tables of the unit are shared."""
        return self._with(head, self._densities_in(head))

    def after(self, motion: RigidTransform) -> TmrEngine:
        """The same engine for the head after a rigid motion."""
        moved = self._densities and self._densities.moved(motion)
        return self._with(self.head.moved(motion), moved)

    def _densities_in(self, head: Head) -> Densities | None:
        return densities_of(head) if self.depth == "radiological" else None

    def _with(self, head: Head, densities: Densities | None) -> TmrEngine:
        other = copy(self)
        object.__setattr__(other, "head", head)
        object.__setattr__(other, "_densities", densities)
        return other

    def dose(self, points_mm: Array, shots: Sequence[Shot]) -> Array:
        """Dose (n,) in Gy at Leksell points (n, 3); 0 outside the head."""
        from gkplan.kernels.placed import MOST_POINTS

        points = np.ascontiguousarray(points_mm, dtype=np.float64)
        inside = np.flatnonzero(self.head.contains(points))
        beams = self.beams(shots)
        dose = np.zeros(len(points))
        cells = Cells.of(points[inside], _CELL_MM, MOST_POINTS)
        dose[inside] = self._at_points(points[inside], cells, beams, self._tables.whole)
        return dose

    def dose_on(self, grid: Grid, shots: Sequence[Shot], out: Array32 | None = None) -> Array32:
        """Dose in Gy at the voxel centres of a grid, (nk, nj, ni) float32; 0 outside the head.

        The sharp core of each beam is summed where it reaches, the smooth tails on a coarse
        lattice with a cubic spline between. Within 5e-4 of the maximum of the reference.
        """
        beams = self.beams(shots)
        dose = self.beams_on(self.place(grid), beams, out)
        return np.maximum(dose, 0.0, out=dose)

    def place(self, grid: Grid) -> GridInHead:
        """What of a grid lies in the head, and the lattice for the tails of the unit's beams."""
        return GridInHead.of(grid, self.head)

    def beams(self, shots: Sequence[Shot]) -> Beams:
        """The open beams of the shots in the head; `output` in Gy."""
        return shot_beams(self.unit, self.head, shots, self.rate_gy_per_min, self.transit)

    def beams_on(self, place: GridInHead, beams: Beams, out: Array32 | None = None) -> Array32:
        """What `dose_on` does, for any beams (an output may be negative: a change of dose)."""
        from gkplan.kernels.superposition import add_on_grid

        lattice = place.lattice
        tail = self._at_points(lattice.points, lattice.cells, beams, self._tables.grid.tail)
        dose = lattice.on_grid(tail, place.inside, out)
        add_on_grid(
            np.array(place.grid.origin_mm),
            np.array(place.grid.spacing_mm),
            place.edge,
            place.boxes,
            place.inside,
            *self._columns(beams, place.grid.corners()),
            self._tables.grid.core_mm,
            self._tables.grid.core,
            self._tables.decay,
            dose,
        )
        return dose

    def influence(
        self,
        points_mm: Array,
        isocenters_mm: Array,
        gamma_angle_deg: float = NEUTRAL_GAMMA_DEG,
        out: Array32 | None = None,
        plugged: Sequence[int] = (),
    ) -> Array32:
        """Dose rate of every single sector, (n_isocenters, n_sectors, n_collimators, n_points).

        Gy/min, float32, at Leksell points (n, 3) that are taken to lie inside the head; written
        to `out` if it is given. Sources that are `plugged` (from 1) give none.

        Raises
        ------
        ValueError
            For an `out` of another shape or kind, or numbers that are not finite.
        """
        from gkplan.kernels.influence import influence_at_points

        points = np.ascontiguousarray(points_mm, dtype=np.float64)
        isocenters = np.asarray(isocenters_mm, dtype=np.float64).reshape(-1, 3)
        shape = (len(isocenters), self.unit.n_sectors, len(self.unit.collimators), len(points))
        rates = np.empty(shape, dtype=np.float32) if out is None else out
        if rates.shape != shape or rates.dtype != np.float32 or not rates.flags.c_contiguous:
            raise ValueError(
                f"out: expected float32 of shape {shape} in the order of C, "
                f"got {rates.dtype} {rates.shape}, strides {rates.strides}"
            )
        if not rates.size:
            return rates
        if not np.isfinite(points).all():
            raise ValueError("points_mm: a number is not finite")
        beams, starts = sector_beams(
            self.unit, self.head, isocenters, gamma_angle_deg, self.rate_gy_per_min, plugged
        )
        cells = Cells.of(points, _INFLUENCE_CELL_MM, _INFLUENCE_POINTS)
        ordered = points[cells.order]
        largest = HELMET_CARRIED_MM if self.unit.has_helmets else CARRIED_MM
        nodes = TailNodes.of(ordered, cells, largest)
        influence_at_points(
            ordered,
            cells.places,
            cells.starts,
            cells.centers,
            nodes.offsets,
            nodes.spread,
            nodes.carried,
            RUN,
            starts,
            len(isocenters),
            *self._columns(beams, _bounds(points)),
            self._tables.cells.core_mm,
            self._tables.whole,
            self._tables.cells.core,
            self._tables.cells.tail,
            self._tables.decay,
            rates.reshape(len(isocenters), -1, len(points)),
        )
        return rates

    def influence_blocks(
        self,
        points_mm: Array,
        isocenters_mm: Array,
        memory_mb: float,
        gamma_angle_deg: float = NEUTRAL_GAMMA_DEG,
        plugged: Sequence[int] = (),
    ) -> Iterator[tuple[slice, Array32]]:
        """`influence` in blocks of isocentres that each take at most `memory_mb` (one at least).

        Gives which isocentres they are, and a view of one buffer that the next block overwrites.
        """
        isocenters = np.asarray(isocenters_mm, dtype=np.float64).reshape(-1, 3)
        shape = (self.unit.n_sectors, len(self.unit.collimators), len(points_mm))
        size = int(np.clip(memory_mb * 1e6 / (4 * np.prod(shape)), 1, len(isocenters)))
        buffer = np.empty((size, *shape), dtype=np.float32)
        for first in range(0, len(isocenters), size):
            part = slice(first, min(first + size, len(isocenters)))
            out = buffer[: part.stop - first]
            yield part, self.influence(points_mm, isocenters[part], gamma_angle_deg, out, plugged)

    def _at_points(
        self, points: Array, cells: Cells, beams: Beams, table: NDArray[np.int32]
    ) -> Array:
        from gkplan.kernels.lookup import FARTHEST_MM
        from gkplan.kernels.superposition import dose_at_points

        ordered = np.empty(len(points))
        everywhere = np.full(len(self._tables.grid.core_mm), FARTHEST_MM, dtype=np.float32)
        dose_at_points(
            points[cells.order],
            cells.starts,
            cells.centers,
            *self._columns(beams, _bounds(points)),
            everywhere,
            table,
            self._tables.decay,
            ordered,
        )
        dose = np.empty(len(points))
        dose[cells.order] = ordered
        return dose

    def _columns(
        self, beams: Beams, bounds_mm: Array
    ) -> tuple[Array, NDArray[np.int32], ExtraDepth]:
        """Beams as the kernels take them for points within bounds.

        `BEAM_COLUMNS`, the number of the profile, and what is added to the depth.
        """
        # The kernels would look up what is no number far outside of the tables.
        if not np.isfinite(beams.focus_mm).all():
            raise ValueError("an isocentre is not finite")
        extra = ExtraDepth.none(beams)
        if self._densities:
            extra = self._densities.extra_depth(beams, bounds_mm)
        hits = np.isfinite(beams.surface_mm)
        lift = np.exp(beams.attenuation_per_mm * self.unit.calibration.depth_mm)
        columns = np.stack(
            [
                *beams.focus_mm.T,
                *beams.directions.T,
                np.where(hits, beams.surface_mm, 0.0),
                1.0 / beams.virtual_distance_mm,
                beams.attenuation_per_mm,
                beams.output * lift * hits,
            ]
        )
        return columns, beams.profile, extra


def _bounds(points: Array) -> Array:
    """Box (2, 3) around points; of none a point."""
    return np.array([points.min(axis=0), points.max(axis=0)]) if len(points) else np.zeros((2, 3))
