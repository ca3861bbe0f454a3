"""MNIST classifiers from nothing but tensors.

The package's whole flow, in one line:
`load_mnist -> minibatches -> forward -> loss -> backward -> sgd_step -> accuracy`.
"""

from scratchmnist.data import Digits, encode, load_mnist, minibatches, one_hot, split
from scratchmnist.files.homework import homework_dataloaders
from scratchmnist.files.models import load, save
from scratchmnist.files.pictures import read_digit, read_digits
from scratchmnist.files.subset import export_pngs
from scratchmnist.gradients import check_gradients, numerical_gradient
from scratchmnist.layers import linear, relu
from scratchmnist.losses import cross_entropy, log_softmax, log_sum_exp, mse, softmax
from scratchmnist.metrics import accuracy, confusion_matrix, nearest_digit, predicted_digits
from scratchmnist.network import Layer, forward, init_layers, stack_replicas
from scratchmnist.pages.results import record, show, table
from scratchmnist.training import History, evaluate, fit, sgd_step

__all__ = [
    "Digits",
    "History",
    "Layer",
    "accuracy",
    "check_gradients",
    "confusion_matrix",
    "cross_entropy",
    "encode",
    "evaluate",
    "export_pngs",
    "fit",
    "forward",
    "homework_dataloaders",
    "init_layers",
    "linear",
    "load",
    "load_mnist",
    "log_softmax",
    "log_sum_exp",
    "minibatches",
    "mse",
    "nearest_digit",
    "numerical_gradient",
    "one_hot",
    "predicted_digits",
    "read_digit",
    "read_digits",
    "record",
    "relu",
    "save",
    "sgd_step",
    "show",
    "softmax",
    "split",
    "stack_replicas",
    "table",
]
