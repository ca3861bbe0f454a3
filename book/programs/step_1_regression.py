"""Step 1 of the homework: one layer that says the digit as a number, mean squared error."""

import torch

from scratchmnist import load_mnist

LR, EPOCHS, BATCH = 0.01, 5, 16

# The data: 5,000 training pictures, of which 1,000 are held out to judge by.
(images, labels), _ = load_mnist()  # images [5000, 784], labels [5000]
order = torch.randperm(5000, generator=torch.Generator().manual_seed(0))
x_valid, y_valid = images[order[:1000]], labels[order[:1000], None].float()
x_train, y_train = images[order[1000:]], labels[order[1000:], None].float()  # [4000, 1]


def judge(x, y_true):  # x [N, 784], y_true [N, 1]
    """The loss, and the share of digits that is right after rounding."""
    y_pred = x @ weights + bias  # [N, 1]
    loss = (y_pred - y_true).square().mean()
    right = y_pred.round().clamp(0, 9) == y_true  # [N, 1]
    return loss.item(), right.float().mean().item()


# Initialise the weights.
generator = torch.Generator().manual_seed(0)
weights = torch.randn(784, 1, generator=generator) * (2 / 784) ** 0.5
bias = torch.zeros(1, 1)

for epoch in range(EPOCHS):
    order = torch.randperm(4000, generator=generator)  # a new order in each epoch
    for batch in order.split(BATCH):
        x, y_true = x_train[batch], y_train[batch]  # [B, 784], [B, 1]
        y_pred = x @ weights + bias  # compute predictions [B, 1]
        resid = y_pred - y_true
        d_y_pred = 2 / len(x) * resid  # compute the gradients [B, 1]
        d_weights = x.T @ d_y_pred  # [784, 1]
        d_bias = d_y_pred.sum(0, keepdim=True)  # [1, 1]
        weights = weights - LR * d_weights  # update the weights
        bias = bias - LR * d_bias
    train_loss, _ = judge(x_train, y_train)  # log
    valid_loss, accuracy = judge(x_valid, y_valid)
    print(
        f"epoch {epoch + 1}: training loss {train_loss:.2f}, "
        f"held-out loss {valid_loss:.2f}, held-out accuracy {accuracy:.1%}"
    )
