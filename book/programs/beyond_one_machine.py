"""Four processes: gradients of shards, and two rings that add them up.

torchrun --standalone --nproc-per-node 4 beyond_one_machine.py
"""

import json

import torch
import torch.distributed as dist

from scratchmnist import cross_entropy, forward, init_layers, load_mnist, one_hot, sgd_step
from scratchmnist.parallel import processes

train, _ = load_mnist()
targets = one_hot(train.labels)


def gradient(rows, layers):
    """The gradient of the mean loss of these pictures, as one vector [n]."""
    x, y_true = train.images[rows].to(layers[0].bias.dtype), targets[rows]
    y_pred, backward = forward(x, layers)
    _, d_loss = cross_entropy(y_pred, y_true.to(y_pred.dtype))
    return torch.cat([t.flatten() for layer in backward(d_loss()) for t in layer])


def exchange(outgoing, right, incoming, left):
    """Send one tensor to the right, and fill another with what comes from the left."""
    sending = dist.isend(outgoing, right)
    dist.recv(incoming, left)
    sending.wait()
    return outgoing.numel()


def ring(vector, rank, count):
    """The sum of all processes' vectors [n], and how many numbers this one sent."""
    chunks = [chunk.clone() for chunk in vector.tensor_split(count)]
    right, left, sent = (rank + 1) % count, (rank - 1) % count, 0
    for step in range(2 * (count - 1)):
        mine, coming = (rank - step) % count, (rank - step - 1) % count
        received = torch.empty_like(chunks[coming])
        sent += exchange(chunks[mine], right, received, left)
        if step < count - 1:
            chunks[coming] += received  # once round: add up
        else:
            chunks[coming] = received  # once more: hand the sums on
    return torch.cat(chunks), sent


def ring_of_whole_vectors(vector, rank, count):
    """The same sum, up to rounding: every vector travels past every process."""
    right, left, sent = (rank + 1) % count, (rank - 1) % count, 0
    total, passing = vector.clone(), vector.clone()
    for _ in range(count - 1):
        received = torch.empty_like(vector)
        sent += exchange(passing, right, received, left)
        total, passing = total + received, received
    return total, sent


def difference(vector, exact):
    return ((vector - exact).norm() / exact.norm()).item()


def copies(vector, count):
    """How many different vectors the processes hold, and how far apart they are at most."""
    held = [torch.empty_like(vector) for _ in range(count)]
    dist.all_gather(held, vector)
    return len({tuple(v.tolist()) for v in held}), max((v - held[0]).abs().max() for v in held)


def shards(rank, count, found):
    """Float64: gradients of shards, added up, against the gradient of the whole batch."""
    layers = [type(layer)(*(t.double() for t in layer)) for layer in init_layers([784, 30, 10], 0)]
    for size in (1, 2, 4):
        group = dist.new_group(range(size))
        for batch in (64, 50):
            rows = torch.arange(batch)
            mine = rows.tensor_split(size)[min(rank, size - 1)]
            part = gradient(mine, layers)
            weighted, plain = part * (len(mine) / batch), part / size
            if rank < size:
                dist.all_reduce(weighted, group=group)
                dist.all_reduce(plain, group=group)
            whole = gradient(rows, layers)
            found[f"{batch} on {size}"] = difference(weighted, whole), difference(plain, whole)


def rings(rank, count, found, steps=50):
    """Float32: the two rings in training, the same pictures for both."""
    for one_ring in (ring, ring_of_whole_vectors):
        layers = init_layers([784, 30, 10], seed=0)
        for step in range(steps):
            rows = torch.arange(64 * step, 64 * (step + 1)) % len(train.labels)
            part = gradient(rows.tensor_split(count)[rank], layers) / count
            total, sent = one_ring(part, rank, count)
            sizes = [t.numel() for layer in layers for t in layer]
            parts = iter(total.split(sizes))
            grads = [type(layer)(*(next(parts).view(t.shape) for t in layer)) for layer in layers]
            layers = sgd_step(layers, grads, 0.1)
        network = torch.cat([t.flatten() for layer in layers for t in layer])
        different, apart = copies(network, count)
        found[one_ring.__name__] = {"sent": sent, "networks": different, "apart": apart.item()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = {}
    with processes() as (rank, count):
        shards(rank, count, found)
        rings(rank, count, found)
    if rank == 0:
        print(json.dumps(found))
