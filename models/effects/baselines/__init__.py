"""The networks of McCool 2018 as published, so that a table can tell what is gained.

baseline = train_baseline("lstm", open_pairs("fuzz"), minutes=2)
baseline.save(Path("lstm.npz"))
wet = load_baseline(Path("lstm.npz")).play(dry)
"""

from models.effects.baselines.baseline import Baseline, BaselineError, load_baseline
from models.effects.baselines.fit import train_baseline
from models.effects.baselines.nets import NETS

__all__ = ["NETS", "Baseline", "BaselineError", "load_baseline", "train_baseline"]
