"""The baseline without a network: what the trained one has to beat, and what runs where no weights are wanted."""

from classical.intensities import normalised
from classical.tumor import segment

__all__ = ["normalised", "segment"]
