"""What trains and judges the network; the container that runs it needs none of this (torch, MONAI, fastai)."""
