"""The parts of a tumour, and the regions that the BraTS challenge measures."""

__all__ = ["EDEMA", "ENHANCING", "NECROTIC_CORE", "REGIONS"]

NECROTIC_CORE, EDEMA, ENHANCING = 1, 2, 3

REGIONS = {
    "necrotic_core": (NECROTIC_CORE,),
    "edema": (EDEMA,),
    "enhancing": (ENHANCING,),
    "tumor_core": (NECROTIC_CORE, ENHANCING),
    "whole_tumor": (NECROTIC_CORE, EDEMA, ENHANCING),
}
