"""Step 3 of the homework: two layers, 30 hidden units with ReLU, cross-entropy."""

import torch

from scratchmnist import load_mnist

HIDDEN, LR, EPOCHS, BATCH = 30, 0.1, 8, 16

# The data: 5,000 training pictures, of which 1,000 are held out to judge by.
(images, labels), _ = load_mnist()  # images [5000, 784], labels [5000]
targets = (labels[:, None] == torch.arange(10)).float()  # one-hot [5000, 10]
order = torch.randperm(5000, generator=torch.Generator().manual_seed(0))
valid, train = order[:1000], order[1000:]


def log_softmax(z):  # [B, 10]
    z = z - z.amax(1, keepdim=True)
    return z - z.exp().sum(1, keepdim=True).log()


def judge(rows):
    """The loss, and the share of digits that is right."""
    z = (images[rows] @ W_1 + b_1).clamp(min=0) @ W_2 + b_2  # [N, 10]
    loss = -(targets[rows] * log_softmax(z)).sum(1).mean()
    return loss.item(), (z.argmax(1) == labels[rows]).float().mean().item()


# Initialise the weights.
generator = torch.Generator().manual_seed(0)
W_1 = torch.randn(784, HIDDEN, generator=generator) * (2 / 784) ** 0.5
W_2 = torch.randn(HIDDEN, 10, generator=generator) * (2 / HIDDEN) ** 0.5
b_1, b_2 = torch.zeros(1, HIDDEN), torch.zeros(1, 10)

for epoch in range(EPOCHS):
    shuffled = train[torch.randperm(4000, generator=generator)]  # a new order in each epoch
    for batch in shuffled.split(BATCH):
        x, y = images[batch], targets[batch]  # [B, 784], [B, 10]
        z_1 = x @ W_1 + b_1  # compute predictions [B, H]
        a = z_1.clamp(min=0)  # [B, H]
        z = a @ W_2 + b_2  # [B, 10]
        d_z = (log_softmax(z).exp() - y) / len(x)  # compute the gradients [B, 10]
        d_W_2, d_b_2 = a.T @ d_z, d_z.sum(0, keepdim=True)  # [H, 10], [1, 10]
        d_z_1 = (d_z @ W_2.T) * (z_1 > 0)  # [B, H]
        d_W_1, d_b_1 = x.T @ d_z_1, d_z_1.sum(0, keepdim=True)  # [784, H], [1, H]
        W_1, b_1 = W_1 - LR * d_W_1, b_1 - LR * d_b_1  # update the weights
        W_2, b_2 = W_2 - LR * d_W_2, b_2 - LR * d_b_2
    train_loss, train_accuracy = judge(train)  # log
    valid_loss, valid_accuracy = judge(valid)
    print(
        f"epoch {epoch + 1}: loss {train_loss:.3f} in training, {valid_loss:.3f} held out; "
        f"accuracy {train_accuracy:.1%} and {valid_accuracy:.1%}"
    )
