"""The homework with the assignment's own dataloaders: one pass over them trains three models."""

import sys

import torch
from fastai.vision.all import *

EPOCHS = 3

# The assignment's loading code. `.sorted()` and `num_workers=0` (no further processes) are ours.
path = Path(sys.argv[1]) if len(sys.argv) > 1 else untar_data(URLs.MNIST)
set_seed(0)
items = L()
for part in ("training", "testing"):
    for digit in range(10):
        items += (path / part / str(digit)).ls().sorted().shuffle()[:500]
dataloaders = DataBlock(
    blocks=(ImageBlock(PILImageBW), CategoryBlock),
    get_y=parent_label,
    splitter=GrandparentSplitter(train_name="training", valid_name="testing"),
).dataloaders(items, bs=16, num_workers=0)
print(f"{dataloaders.train.n} training images, {dataloaders.valid.n} validation images")


def plain(x, y):  # TensorImageBW [B, 1, 28, 28], TensorCategory [B] -> [B, 784], [B]
    return x.as_subclass(torch.Tensor).flatten(1), y.as_subclass(torch.Tensor)


def softmax(z):  # [B, K]
    z = (z - z.amax(1, keepdim=True)).exp()
    return z / z.sum(1, keepdim=True)


W, b = torch.randn(784, 1) * (2 / 784) ** 0.5, torch.zeros(1, 1)  # the digit as a number
V, c = torch.randn(784, 10) * (2 / 784) ** 0.5, torch.zeros(1, 10)  # one layer, ten classes
W_1, b_1 = torch.randn(784, 30) * (2 / 784) ** 0.5, torch.zeros(1, 30)  # two layers
W_2, b_2 = torch.randn(30, 10) * (2 / 30) ** 0.5, torch.zeros(1, 10)
for _ in range(EPOCHS):
    for x, y in (plain(*batch) for batch in dataloaders.train):  # [B, 784], [B]
        targets = (y[:, None] == torch.arange(10)).float()  # one-hot [B, 10]
        d_out = 2 / len(x) * (x @ W + b - y[:, None])  # [B, 1]
        W, b = W - 0.01 * (x.T @ d_out), b - 0.01 * d_out.sum(0, keepdim=True)
        d_out = (softmax(x @ V + c) - targets) / len(x)  # [B, 10]
        V, c = V - 0.1 * (x.T @ d_out), c - 0.1 * d_out.sum(0, keepdim=True)
        z_1 = x @ W_1 + b_1  # [B, 30]
        a = z_1.clamp(min=0)
        d_out = (softmax(a @ W_2 + b_2) - targets) / len(x)  # [B, 10]
        d_z_1 = (d_out @ W_2.T) * (z_1 > 0)  # [B, 30]; first this, then W_2 changes
        W_2, b_2 = W_2 - 0.1 * (a.T @ d_out), b_2 - 0.1 * d_out.sum(0, keepdim=True)
        W_1, b_1 = W_1 - 0.1 * (x.T @ d_z_1), b_1 - 0.1 * d_z_1.sum(0, keepdim=True)

x, y = (torch.cat(parts) for parts in zip(*(plain(*batch) for batch in dataloaders.valid)))
number = (x @ W + b).round().clamp(0, 9)[:, 0]  # [5000]
two = (x @ W_1 + b_1).clamp(min=0) @ W_2 + b_2  # [5000, 10]
print(f"the digit as a number: {(number == y).float().mean():.1%} of the test images are right")
print(f"one layer, ten classes: {((x @ V + c).argmax(1) == y).float().mean():.1%}")
print(f"two layers, ten classes: {(two.argmax(1) == y).float().mean():.1%}")
