"""Step 5 of the homework: a knob turned. Two layers at six learning rates, judged by held-out
images; the best rate once more with all training images, and then, once, the test images."""

import torch

from scratchmnist import load_mnist

RATES, EPOCHS, BATCH, HIDDEN = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0), 10, 16, 30

train, test = load_mnist()
order = torch.randperm(5000, generator=torch.Generator().manual_seed(0))
fitting, held_out = order[1000:], order[:1000]


def judge(images, labels, W_1, b_1, W_2, b_2):
    logits = torch.relu(images @ W_1 + b_1) @ W_2 + b_2  # [N, 10]
    surprise = -logits.log_softmax(1)[torch.arange(len(labels)), labels]  # [N]
    return surprise.mean().item(), (logits.argmax(1) == labels).float().mean().item()


def train_network(images, labels, lr, seed=0):
    generator = torch.Generator().manual_seed(seed)
    W_1 = torch.randn(784, HIDDEN, generator=generator) * (2 / 784) ** 0.5
    W_2 = torch.randn(HIDDEN, 10, generator=generator) * (2 / HIDDEN) ** 0.5
    b_1, b_2 = torch.zeros(1, HIDDEN), torch.zeros(1, 10)
    targets = torch.eye(10)[labels]  # one-hot [N, 10]
    for epoch in range(EPOCHS):
        rate = lr if epoch < EPOCHS - 1 else lr / 10  # land: the last epoch is slow
        for rows in torch.randperm(len(images), generator=generator).split(BATCH):
            x, y = images[rows], targets[rows]
            z_1 = x @ W_1 + b_1  # [B, H]
            a = z_1.clamp(min=0)
            logits = a @ W_2 + b_2  # [B, 10]
            d_logits = (logits.softmax(1) - y) / len(x)
            d_z_1 = d_logits @ W_2.T * (z_1 > 0)  # before W_2 changes
            W_2 = W_2 - rate * a.T @ d_logits
            b_2 = b_2 - rate * d_logits.sum(0, keepdim=True)
            W_1 = W_1 - rate * x.T @ d_z_1
            b_1 = b_1 - rate * d_z_1.sum(0, keepdim=True)
    return W_1, b_1, W_2, b_2


by_rate = {}
for lr in RATES:
    network = train_network(train.images[fitting], train.labels[fitting], lr)
    loss, by_rate[lr] = judge(train.images[held_out], train.labels[held_out], *network)
    print(f"held-out accuracy at rate {lr:g}: {100 * by_rate[lr]:.1f} % (loss {loss:.3f})")

best = max(by_rate, key=by_rate.get)
loss, accuracy = judge(*test, *train_network(*train, best))
print(f"at rate {best:g}, all training images: test accuracy {100 * accuracy:.1f} %")
