"""Means that others published, to be marked in the figure; each with its source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """A mean over patients; `index` is the field of `Row` that it stands beside."""

    index: str
    value: float
    what: str
    source: str


_SMALL = "8 vestibular schwannomas, manual"
_AVM = "arteriovenous malformations"
_METS = "25 metastases"
_CENTER = "133 vestibular schwannomas, one centre"
# Sources: PMC6018045; JACMP 2020, PMC7497913; PMC6774479; Cureus abstract 1655; and one centre's
# 430 plans of December 2013 to May 2023 (abstract), of which only the means are known here.
PUBLISHED: tuple[Published, ...] = (
    Published("paddick_index", 0.72, _SMALL, "PMC6018045"),
    Published("paddick_index", 0.824, f"{_AVM}, expert", "PMC7497913"),
    Published("paddick_index", 0.855, f"{_AVM}, IntuitivePlan", "PMC7497913"),
    Published("gradient_index", 3.71, _SMALL, "PMC6018045"),
    Published("gradient_index", 2.92, _CENTER, "abstract on 430 plans, 2013-2023"),
    Published("gradient_index", 2.85, f"{_AVM}, IntuitivePlan", "PMC7497913"),
    Published("gradient_index", 2.76, f"{_AVM}, expert", "PMC7497913"),
    Published("gradient_index", 2.75, f"{_METS}, inverse", "PMC6774479"),
    Published("gradient_index", 2.70, f"{_METS}, manual", "PMC6774479"),
    Published("beam_on_time_min", 20.2, "640 metastases, Lightning", "Cureus abstract 1655"),
    Published(
        "beam_on_time_min", 18.1, "640 metastases, plans before Lightning", "Cureus abstract 1655"
    ),
)
