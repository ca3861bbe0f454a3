"""Step 4 of the homework: one layer against two, cross-entropy, on the same images and seeds."""

import torch

from scratchmnist import load_mnist

EPOCHS, BATCH, RATES, SEEDS = 10, 16, (0.1, 0.2, 0.3), (0, 1, 2)

train, test = load_mnist()
order = torch.randperm(5000, generator=torch.Generator().manual_seed(0))
fitting, held_out = order[1000:], order[:1000]


def forward(x, layers):  # x [B, 784] -> what enters the last layer, and the scores [B, 10]
    for weights, bias in layers[:-1]:
        x = torch.relu(x @ weights + bias)  # [B, H]
    weights, bias = layers[-1]
    return x, x @ weights + bias


def accuracy(layers, images, labels):
    return (forward(images, layers)[1].argmax(1) == labels).float().mean().item()


def gradients(x, y, layers):  # y [B, 10], one-hot
    hidden, logits = forward(x, layers)
    d_logits = (logits.softmax(1) - y) / len(x)  # (p - y) / B  [B, 10]
    grads = [(hidden.T @ d_logits, d_logits.sum(0, keepdim=True))]
    if len(layers) == 2:
        d_z1 = d_logits @ layers[1][0].T * (hidden > 0)  # [B, H]
        grads.insert(0, (x.T @ d_z1, d_z1.sum(0, keepdim=True)))
    return grads


def train_network(shapes, images, labels, lr, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = [
        (torch.randn(d, h, generator=generator) * (2 / d) ** 0.5, torch.zeros(1, h))
        for d, h in shapes
    ]
    generator.manual_seed(seed)  # one seed, one order of the images, whatever the shapes
    targets = torch.eye(10)[labels]
    for epoch in range(EPOCHS):
        rate = lr if epoch < EPOCHS - 1 else lr / 10  # the last epoch lands
        for rows in torch.randperm(len(images), generator=generator).split(BATCH):
            grads = gradients(images[rows], targets[rows], layers)
            layers = [(w - rate * d_w, b - rate * d_b) for (w, b), (d_w, d_b) in zip(layers, grads)]
    return layers


runs = {}
for name, shapes in {"one layer": [(784, 10)], "two layers": [(784, 30), (30, 10)]}.items():
    trials = [train_network(shapes, *(t[fitting] for t in train), lr, seed=100) for lr in RATES]
    valid = [accuracy(layers, *(t[held_out] for t in train)) for layers in trials]
    lr = RATES[valid.index(max(valid))]  # chosen on held-out images
    runs[name] = [accuracy(train_network(shapes, *train, lr, seed), *test) for seed in SEEDS]
    print(f"{name}: test accuracy {100 * sum(runs[name]) / len(SEEDS):.1f} % at rate {lr}")
gains = [100 * (two - one) for one, two in zip(*runs.values())]
print(f"gain: {sum(gains) / len(SEEDS):.1f} points, in pairs", *(f"{gain:.1f}" for gain in gains))
