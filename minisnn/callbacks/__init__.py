"""Callbacks: functions and objects that follow a training and may end it.

A callback is any function ``callback(net, epoch)``, called after each epoch with its `Epoch`; one
that returns True (or anything true) ends the training. `Callback` is the base of those that need
more of the training, or have a state that belongs in its checkpoint.
"""

from ..training.callback import Callback, Training
from .csv_log import CSVLog
from .early_stopping import EarlyStopping
from .tensorboard import TensorBoard

__all__ = ["CSVLog", "Callback", "EarlyStopping", "TensorBoard", "Training"]
