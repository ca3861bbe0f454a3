"""Step 2 of the homework: one layer that gives ten scores, softmax, and cross-entropy."""

import torch

from scratchmnist import load_mnist

LR, EPOCHS, BATCH = 0.1, 10, 16

# The data: 5,000 training pictures, of which 1,000 are held out to judge by.
(images, labels), _ = load_mnist()  # images [5000, 784], labels [5000]
targets = (labels[:, None] == torch.arange(10)).float()  # one-hot rows [5000, 10]
order = torch.randperm(5000, generator=torch.Generator().manual_seed(0))
x_valid, y_valid = images[order[:1000]], targets[order[:1000]]
x_train, y_train = images[order[1000:]], targets[order[1000:]]  # [4000, 784], [4000, 10]


def log_softmax(logits):  # [B, K]
    shifted = logits - logits.amax(1, keepdim=True)  # the largest score first: no overflow
    return shifted - shifted.exp().sum(1, keepdim=True).log()


def judge(x, y_true):  # x [N, 784], y_true [N, 10]
    """The average surprise, and the share of images whose largest score is the right one."""
    log_probs = log_softmax(x @ weights + bias)  # [N, 10]
    loss = -(y_true * log_probs).sum(1).mean()
    right = log_probs.argmax(1) == y_true.argmax(1)  # [N]
    return loss.item(), right.float().mean().item()


# Initialise the weights.
generator = torch.Generator().manual_seed(0)
weights = torch.randn(784, 10, generator=generator) * (2 / 784) ** 0.5
bias = torch.zeros(1, 10)

for epoch in range(EPOCHS):
    order = torch.randperm(4000, generator=generator)  # a new order in each epoch
    for batch in order.split(BATCH):
        x, y_true = x_train[batch], y_train[batch]  # [B, 784], [B, 10]
        probs = log_softmax(x @ weights + bias).exp()  # compute predictions [B, 10]
        d_logits = (probs - y_true) / len(x)  # compute the gradients [B, 10]
        d_weights = x.T @ d_logits  # [784, 10]
        d_bias = d_logits.sum(0, keepdim=True)  # [1, 10]
        weights = weights - LR * d_weights  # update the weights
        bias = bias - LR * d_bias
    train_loss, _ = judge(x_train, y_train)  # log
    valid_loss, accuracy = judge(x_valid, y_valid)
    print(
        f"epoch {epoch + 1:2}: training loss {train_loss:.3f}, "
        f"held-out loss {valid_loss:.3f}, held-out accuracy {accuracy:.1%}"
    )
