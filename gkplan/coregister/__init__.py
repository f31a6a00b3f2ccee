"""Rigid co-registration of two image series of one head."""

from gkplan.coregister.model import Coregistration, in_words
from gkplan.coregister.pictures import simpleitk
from gkplan.coregister.rigid import coregister

__all__ = ["Coregistration", "coregister", "in_words", "simpleitk"]
