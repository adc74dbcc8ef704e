"""Dagster's entry: loads everything in `defs/`, and nothing else."""

import warnings
from pathlib import Path

import dagster as dg

# Dagster's sensor decorator warns of a beta parameter that it passes on by itself.
warnings.filterwarnings("ignore", message=".*SensorDefinition", category=dg.BetaWarning)


@dg.definitions
def defs() -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors of the project."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
