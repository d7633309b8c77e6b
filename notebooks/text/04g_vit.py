# %% [markdown]
# # A small vision transformer
#
# A **vision transformer** cuts a picture into small squares, its **patches**, and lets every patch look at every other one.
# No kernel slides from pixel to pixel. So it is not told what a convolution knows by construction: that neighbours belong
# together, and that an eye is an eye wherever it is. Not even where in the picture a patch lies, unless we tell it.
# **How much does such a network need to know about places?**
#
# **What you will learn**
# - patches, tokens and positions: how a picture becomes a sequence;
# - to write attention with several heads, and the block around it;
# - what positions are worth;
# - why a simple counter misses a part of its cost, and how that part grows;
# - what all families of these notebooks reach with one recipe, beside their cost, and what that cannot tell.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (the recipe, pairs of unseen people, paired runs) and
# [notebook 03](03_convolution_costs.ipynb) (what a convolution costs, and how it is counted).
#
# **Time and place**: 1 minute to run, 85 minutes to read and do, 60 more for the open task. No GPU, no network, 1.0 GB of memory.

# %% tags=["imports"]
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib import (
    backbones,
    cost,
    data,
    evaluation,
    exercises,
    guard,
    losses,
    record,
    training,
    viz,
)

# %% [markdown]
# ## A digit in pieces
#
# The patches of a picture are cut out row by row, and may be put back in any order.


# %%
def cut(images, patch):
    """Images (N, C, H, W) -> patches (N, tokens, C * patch * patch), row by row."""
    return nn.functional.unfold(images.float(), patch, stride=patch).mT


def shuffled(images, patch, seed=0):
    """The same patches in another order."""
    patches = cut(images, patch)
    generator = torch.Generator().manual_seed(seed)
    patches = patches[:, torch.randperm(patches.shape[1], generator=generator)]
    return nn.functional.fold(patches.mT, images.shape[-2:], patch, stride=patch)


# %% tags=["illustration"]
train_digits, test_digits = data.digits()
whole = test_digits.images[150:1000:200][:4].float()  # four digits
rows = [whole, *(shuffled(whole, patch) for patch in (14, 7, 4))]
title = "Which digits? As they are, and their patches of 14, 7 and 4 pixels shuffled"
figure = viz.image_grid(
    torch.cat(rows).to(torch.uint8), title=title, columns=4, credit=test_digits.source
)
alt = "Four digits in the top row; below, the same cut into squares that are shuffled."
viz.show(figure, alt=alt)

# %% [markdown]
# Some of the shuffled digits can still be guessed, from what a single patch shows. That is all that a transformer without
# positions has: for it, a digit and its shuffled patches are one and the same. We shall build the network, and then train
# it with and without knowledge of places.
#
# ## The table
#
# What a patch is turned into is a **token**: a vector that the blocks of the network work on. A transformer has few
# numbers: the side of a patch, the width of a token, the depth, the heads, and the hidden width of the second half of a
# block. **DeiT-tiny** (Touvron et al. 2021) is made for 224x224 pixels. For aligned faces of 112x112 we halve the patch:
# the same number of tokens, and nearly the same network.

# %%
TINY = {"dim": 192, "depth": 12, "heads": 3, "mlp": 768}
DEIT_TINY = {"side": 224, "patch": 16, **TINY}
FACES = {"side": 112, "patch": 8, **TINY}
for name, sizes in {"DeiT-tiny": DEIT_TINY, "for faces": FACES}.items():
    print(f"{name}: {(sizes['side'] // sizes['patch']) ** 2} tokens, {sizes}")

# %% [markdown]
# Drawn from the library's network, it is short: one convolution makes the tokens, a pile of equal blocks works on them,
# and their mean becomes the embedding. Look at the shapes beside the arrows: unlike a convolutional network, this one
# keeps its width and the number of its tokens from the first block to the last.

# %% tags=["illustration"]
title = "A vision transformer for faces, from the image to the embedding"
viz.show(*viz.network_diagram("vit_tiny", title=title))

# %% [markdown]
# ## From image to tokens
#
# Cut the image into patches, flatten each, and multiply it by one matrix. That is what a convolution does whose stride is
# as large as its kernel, and so it is usually written. Here are a few numbers of the first token, either way.

# %% tolerance="0.5"
faces = data.orl_faces().resized(56, 48)
face = faces.images[120:121]
torch.manual_seed(0)
to_tokens = nn.Conv2d(1, 16, 8, stride=8).requires_grad_(False)
as_convolution = to_tokens(face.float()).flatten(2).mT
as_matrix = cut(face, 8) @ to_tokens.weight.flatten(1).T + to_tokens.bias
print("by a convolution:", *(f"{number:.1f}" for number in as_convolution[0, 0, :5]))
print("by a matrix:     ", *(f"{number:.1f}" for number in as_matrix[0, 0, :5]))
furthest = (as_convolution - as_matrix).abs().max().item()
tokens_differ = 100 * furthest / as_matrix.abs().max().item()
print(f"{as_matrix.shape[1]} tokens, which differ by {tokens_differ:.2f} %")

# %% tags=["guard"]
guard(
    "a convolution with the stride of its kernel is one matrix for every patch",
    tokens_differ < 0.1,
    tokens_differ=tokens_differ,
)

# %% tags=["illustration"]
patches = cut(face, 8)[0].to(torch.uint8).view(-1, 1, 8, 8)
figure = viz.image_grid(
    patches,
    title=f"What the transformer is given: {len(patches)} patches",
    columns=6,
    credit=faces.source,
)
alt = "A face cut into seven rows of six square patches, with gaps between them."
viz.show(figure, alt=alt)

# %% [markdown]
# ## Attention
#
# How does a token learn of the others? Every token asks a question (a **query** $q$), offers a label (a **key** $k$) and
# a content (a **value** $v$): three linear layers. The better a key fits a query, the more of its value is taken. That is
# **attention**:
#
# $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\Big(\frac{Q K^\top}{\sqrt{d}}\Big) V .$$
#
# The rows of $Q$ are the queries of all tokens, and $d$ is how many numbers a query has. The softmax runs over the keys:
# each token shares out what it takes. Several **heads** do that side by side, each on its part of the numbers.
#
# ### Exercise 1: attention with several heads
#
# Complete `attend`. Every transformer of this notebook will run it, also in training.
# - `queries`, `keys` and `values` have the shape (N, tokens, dim). Each image attends to its own tokens only.
# - The first of the `heads` has the first `dim // heads` numbers of every token, the second the next ones, and so on; `heads`
#   divides `dim`. Here $d$ is the width of **one** head.
# - Return (N, tokens, dim): what the first head returns on the left, then what the second returns, and so on.
#
# The solutions, with reasons, are in [solutions/04g_vit.py](solutions/04g_vit.py).


# %% tags=["exercise"]
def attend(queries, keys, values, heads): ...


# %% tags=["check"]
def by_pytorch(queries, keys, values, heads):
    three = torch.stack([queries, keys, values]).unflatten(3, (heads, -1))
    taken = nn.functional.scaled_dot_product_attention(*three.transpose(2, 3))
    return taken.transpose(1, 2).flatten(2)


def draw(rng):
    heads, d, tokens, n = rng.integers([1, 1, 2, 1], [4, 4, 6, 4]).tolist()
    return *torch.from_numpy(rng.normal(size=(3, n, tokens, heads * d))), heads


hints = (
    "Do it for one head first: scores (N, tokens, tokens), a softmax over the last.",
    "x.chunk(heads, dim=2) cuts each token; torch.cat(parts, dim=2) joins them again.",
    "(q @ k.mT / q.shape[2] ** 0.5).softmax(dim=2) @ v, for every head",
)
pair = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
cases = [(pair, pair, 2 * pair, 1), (pair, pair, pair, 2)]
exercises.check(attend, by_pytorch, cases, draw=draw, hints=hints)

# %% [markdown]
# The layer runs your function, as soon as there is one; until then it falls back on PyTorch's own, which the check compares
# yours with. Before it stand the three linear layers, written as one, and behind it a fourth.


# %%
class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.into = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x):
        queries, keys, values = self.into(x).chunk(3, dim=2)
        taken = attend(queries, keys, values, self.heads)
        if taken is None:  # not written yet
            taken = by_pytorch(queries, keys, values, self.heads)
        return self.out(taken)


# %% [markdown]
# ## The block
#
# Attention mixes **between** tokens. Then two linear layers work on each token **alone**. **Layer norm** stands before
# both: it subtracts the mean of a token's numbers and divides by their standard deviation, whatever the other images
# are. Between the two linear layers stands **GELU**, a smooth ReLU: $x$ times the share of a normal distribution that
# lies below $x$. And what came in is added to both.


# %%
class Block(nn.Module):
    def __init__(self, dim, heads, mlp):
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.attention = SelfAttention(dim, heads)
        norm, widen = nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, mlp)
        self.mlp = nn.Sequential(norm, widen, nn.GELU(), nn.Linear(mlp, dim))

    def forward(self, x):
        x = x + self.attention(self.norm(x))
        return x + self.mlp(x)


# %% [markdown]
# Here is what our block runs. Each half starts with layer norm, and each has an arrow that runs past it: without them, the
# tokens that came in would be gone. Inside attention, "chunk" and "stack" only sort what the first layer puts out into
# queries, keys, values and heads. (What the layers cost, you will count yourself below.)

# %% tags=["illustration"]
halves = {
    "the block": (Block(192, 3, 768), (196, 192)),
    "its attention": (SelfAttention(192, 3), (196, 192)),
}
title = "A transformer block, and the attention inside it"
viz.show(*viz.block_diagram(halves, title=title, costs=False))

# %% [markdown]
# ## The whole network
#
# Patches, **positions**, blocks, the mean of all tokens, one linear layer. The positions, also called **position
# embeddings**, are learned: one vector for each place, added to the token that sits there.


# %%
class Transformer(nn.Module):
    def __init__(
        self, side, patch, dim, depth, heads, mlp, embedding_dim=512, channels=3
    ):
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(1, (side // patch) ** 2, dim))
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.patches = nn.Conv2d(channels, dim, patch, stride=patch)
        self.blocks = nn.Sequential(*(Block(dim, heads, mlp) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, embedding_dim)

    def forward(self, images):
        x = self.patches(images).flatten(2).mT + self.positions
        return self.head(self.norm(self.blocks(x)).mean(dim=1))


# %% [markdown]
# Are these the parts of the library? `backbones.percent_apart` puts its weights into ours, in order, gives both the same
# random input, and returns the largest difference of the outputs, in per cent of their largest number.


# %%
def little(seed=0):
    sizes = {"dim": 48, "depth": 2, "heads": 4, "mlp": 96, "embedding_dim": 16}
    return backbones.create("vit_tiny", input_size=32, **sizes, seed=seed)


first = little().blocks[0]
mine = Transformer(32, 8, 48, 2, 4, 96, 16)
differs = {
    "attention": backbones.percent_apart(SelfAttention(48, 4), first.attention, 10, 48),
    "block": backbones.percent_apart(Block(48, 4, 96), first, 10, 48),
    "network": backbones.percent_apart(mine, little(), 3, 32, 32),
}
for name, percent in differs.items():
    print(f"{name}: the two outputs differ by {percent:.2f} %")

# %%
with torch.device("meta"):
    full = Transformer(**FACES)
parameters = sum(p.numel() for p in full.parameters())
by_library = backbones.describe("vit_tiny").parameters
print(f"for faces: {parameters:,} parameters, the library's {by_library:,}")

# %% tags=["guard"]
guard(
    "attention, block and network are the library's, and so is the count",
    max(differs.values()) < 0.02 and parameters == by_library,
    differs=differs,
    parameters=parameters,
    by_library=by_library,
)

# %% [markdown]
# ## Without positions, a shuffled picture is the same picture
#
# Nothing in a block depends on where a token stands: shuffle the tokens, and the outputs are shuffled likewise. The mean
# forgets the order. So all that the network knows of **places** is in the positions. We shuffle the patches of a random
# image, and see how far its embedding moves, with positions and with all of them set to zero.

# %%
as_it_is = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def moves_by(net):
    """How far shuffling moves the embedding, in % of its length."""
    before, after = net.eval()(as_it_is), net.eval()(shuffled(as_it_is, 8))
    return 100 * float((before - after).norm() / before.norm())


blind = little()
nn.init.zeros_(blind.positions)
moved = {"with positions": moves_by(little()), "without": moves_by(blind)}
for name, percent in moved.items():
    print(f"{name}: shuffling moves the embedding by {percent:.2f} % of its length")

# %% tags=["guard"]
guard(
    "without positions a shuffled image is the same, with them it is another",
    moved["without"] < 0.01 and moved["with positions"] > 0.2,
    moved=moved,
)

# %% [markdown]
# What is that worth? A small transformer learns digits, cut into patches of 7x7 pixels, with positions and without.
# **AdamW** divides the step of each weight by the recent size of its gradient; for transformers it is the usual optimizer.


# %%
PATCH, EPOCHS, BATCH, RATE = 7, 4, 100, 0.003


def named_after_training(positions, seed):
    """The share of unseen digits named rightly, in %."""
    torch.manual_seed(seed)
    net = Transformer(28, PATCH, 48, 2, 4, 96, embedding_dim=64, channels=1)
    if not positions:
        nn.init.zeros_(net.positions).requires_grad_(False)
    criterion = losses.Softmax(64, 10, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.AdamW(weights, RATE, weight_decay=0.1)
    steps = EPOCHS * -(-len(train_digits) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "seed": seed, "schedule": schedule}
    recipe |= {"optimizer": optimizer, "precision": "32-true"}
    training.fit(net, criterion, train_digits, **recipe)
    features = torch.from_numpy(training.embed(net, test_digits))
    chosen = criterion(features, test_digits.labels).logits.argmax(dim=1)
    return 100 * (chosen == test_digits.labels).float().mean().item()


# %% [markdown]
# How much will it help to know where the patches lie? Commit yourself, and run on.

# %% tags=["predict"]
guess = exercises.predict(
    ...,
    question="How many more digits in a hundred are named rightly with positions?",
    unit="points",
)

# %% tolerance="10 points"
SEEDS = range(3)
knows = [named_after_training(True, seed) for seed in SEEDS]
knows_not = [named_after_training(False, seed) for seed in SEEDS]
gain = evaluation.paired_difference(knows, knows_not)
print(f"positions are worth {gain.low:.1f} to {gain.high:.1f} points (95 % interval)")

# %% [markdown]
# A seed fixes the first weights and the order of the digits for both networks. So we look at the differences, one a seed, and
# at the interval of their mean.

# %% tolerance="3 points"
worth = np.mean(knows) - np.mean(knows_not)
print(f"means of {len(SEEDS)} runs: {np.mean(knows):.1f} % with positions,", end=" ")
print(f"{np.mean(knows_not):.1f} % without")
guess.reveal(worth, ".1f")
figure = viz.paired_differences(
    {f"patches of {PATCH}x{PATCH} pixels": (knows, knows_not)},
    title="It helps to know where the patches lie",
    xlabel="digits named rightly, with positions minus without, points",
    references={"no difference": 0.0},
)
alt = "Three dots, one a seed, and their mean with its interval, right of zero."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard("positions help to name digits", worth > 0, worth=worth)

# %% [markdown]
# Without positions the network still named most digits, as you may have done above. Three short runs with one small network
# show that places help here, and no more: how much they are worth elsewhere they cannot say.
#
# ### Explain: would patches of another size need positions more?
#
# What does the network know of places **inside** a patch? What do you expect of patches of 4x4 and of 14x14 pixels, and of a
# single patch as large as the picture?
#
# <details><summary>Model answer</summary>
#
# Inside a patch the network knows every place: each pixel has its own weight in the matrix that makes the token. Positions
# only tell where the patches themselves lie. A patch of 4x4 pixels shows a stroke that occurs in several digits, and what
# matters is where it lies; a quarter of a digit shows much more by itself. So one expects positions to help more with small
# patches: change `PATCH` and see. With one patch there is nothing to put in order: with and without positions would be
# the same network, up to a constant.
#
# </details>

# %% [markdown]
# ## What it costs
#
# ### Exercise 2: what a block costs
#
# Return the multiply-adds of one block for `tokens` tokens of width `dim` and a hidden width `mlp`, a whole number. Count
# the linear layers, for every token: three from `dim` to `dim` for queries, keys and values, one from `dim` to `dim` for
# what attention puts out, one to the hidden width and one back. Count the two matrix products of attention, scores and
# weighted values. Leave out biases, norms, the softmax and the sums. How many heads there are does not matter. Why not?


# %% tags=["exercise"]
def block_cost(tokens, dim, mlp): ...


# %% tags=["check"]
def by_counting(tokens, dim, mlp):
    x = torch.empty(tokens, dim, device="meta")  # a tensor without numbers
    with FlopCounterMode(display=False) as counter:
        (x @ x.T) @ x
        for c_in, c_out in ((dim, 3 * dim), (dim, dim), (dim, mlp), (mlp, dim)):
            x.new_empty(tokens, c_in) @ x.new_empty(c_in, c_out)
    return counter.get_total_flops() // 2  # a multiply-add is two of them


def draw(rng):
    return tuple(int(number) for number in rng.integers(1, [20, 20, 40]))


hints = (
    "A linear layer has one multiply-add for each of its weights, for every token.",
    "Scores: each of the tokens x tokens pairs takes dim. The weighted values as many.",
    "tokens * (4 * dim**2 + 2 * dim * mlp), and 2 * tokens**2 * dim for attention",
)
cases = [(7, 6, 10), (12, 4, 16), (1, 2, 3)]
exercises.check(block_cost, by_counting, cases, draw=draw, hints=hints)

# %% [markdown]
# ### What counters miss
#
# A simple counter hangs a hook on each module and knows what a convolution and a linear layer cost. But the two products
# of attention, $QK^\top$ and the one with $V$, are no modules. Such a hook does not see them.


# %%
@torch.no_grad()
def hook_count(net, *inputs):
    """Multiply-adds of the convolutions and linear layers, as hooks see them."""
    seen, handles = [], []

    def hook(module, given, output):
        seen.append(output.numel() * module.weight[0].numel())

    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            handles.append(module.register_forward_hook(hook))
    net(*inputs)
    for handle in handles:
        handle.remove()
    return sum(seen)


# %% [markdown]
# `cost.count` of the library sees the products, too.

# %%
by_hooks = hook_count(full, torch.empty(1, 3, 112, 112, device="meta"))
with torch.device("meta"):
    all_of_it = cost.count(full, (112, 112)).macs.conv_linear
n_tokens = (FACES["side"] // FACES["patch"]) ** 2
products = FACES["depth"] * 2 * n_tokens**2 * FACES["dim"]
print(f"hooks see {by_hooks:,} multiply-adds,")
print(f"the products of attention are {products:,},")
print(f"and there are {all_of_it:,} in all:")
print(f"hooks miss {100 * products / all_of_it:.0f} % of them")

# %% tags=["guard"]
guard(
    "what hooks see and the products of attention are all there is",
    by_hooks + products == all_of_it,
    by_hooks=by_hooks,
    products=products,
    all_of_it=all_of_it,
)

# %% [markdown]
# It gets worse with PyTorch's own `nn.MultiheadAttention`: its linear layers are not called as modules either.

# %%
ready_made = nn.MultiheadAttention(192, 3, batch_first=True)
x = torch.zeros(1, n_tokens, 192)
print("multiply-adds that hooks see there:", hook_count(ready_made, x, x, x))

# %% [markdown]
# ### How it grows
#
# The missed part grows with the **square** of the number of tokens, the rest in proportion to it. Halve the patch, and
# there are four times as many tokens: four times the linear work, sixteen times the attention.

# %%
PATCHES = (4, 7, 8, 14, 16, 28)


def work(side):
    """Patches that fit the side, and millions of multiply-adds of both kinds."""
    fitting = [patch for patch in PATCHES if side % patch == 0]
    tokens = np.array([(side // patch) ** 2 for patch in fitting])
    dim, depth, mlp = TINY["dim"], TINY["depth"], TINY["mlp"]
    linear = depth * tokens * (4 * dim**2 + 2 * dim * mlp) / 1e6
    attention = depth * 2 * tokens**2 * dim / 1e6
    return fitting, {"linear layers": linear, "attention's products": attention}


# %%
def cost_figure(side):
    fitting, millions = work(side)
    title = f"Smaller patches: attention's part grows fastest ({side}x{side} pixels)"
    axes = {"xlabel": "side of a patch in pixels", "ylabel": "million multiply-adds"}
    return viz.lines(millions, fitting, title=title, **axes, log_y=True)


fitting, millions = work(112)
of_attention = millions["attention's products"]
share_of_attention = 100 * of_attention / (of_attention + millions["linear layers"])
for patch, percent in zip(fitting, share_of_attention, strict=True):
    print(f"patches of {patch}: {percent:.0f} % of the work is attention's products")
crossing = (4 * TINY["dim"] ** 2 + 2 * TINY["dim"] * TINY["mlp"]) // (2 * TINY["dim"])
print(f"it is half of the work at {crossing:,} tokens")
alt = "Two falling curves over the side of the patch; attention's is the steeper one, "
alt += "and stays below the linear layers here."
viz.show(cost_figure(112), alt=alt)

# %% tags=["guard"]
guard(
    "with the smallest patches attention comes near half of the work",
    38 < share_of_attention[0] < 50 and share_of_attention[-1] < 5,
    share_of_attention=share_of_attention,
)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    cost_figure,
    [56, 112, 224],
    label="side of the image",
    start=224,
    alt="The two curves at twice the side: with small patches attention's is above.",
)

# %% [markdown]
# And beside MobileFaceNet?

# %%
mobile = cost.count(backbones.create("mobilefacenet"), (112, 112))
with torch.device("meta"):
    coarse_net = Transformer(**FACES | {"patch": 16})
    coarse = cost.count(coarse_net, (112, 112)).macs.conv_linear
times = {
    "parameters": parameters / mobile.parameters,
    "multiply-adds": all_of_it / mobile.macs.conv_linear,
    "multiply-adds with 16x16 patches": coarse / mobile.macs.conv_linear,
}
for what, ratio in times.items():
    print(f"{what}: {ratio:.1f} times those of MobileFaceNet")

# %% [markdown]
# Touvron et al. (2021) state 5M parameters for DeiT-tiny at 224x224. Ours has 5.5M, with a layer of 512 numbers in place of
# ImageNet's 1000 classes. It is **tiny among transformers**, and several times MobileFaceNet.
#
# ## All families beside each other
#
# This is the last of seven notebooks on families. What do the networks give for what they cost? A recorded run trained all
# face networks of `course_lib` with one recipe: thirty people of ORL, AdamW, a few epochs, three seeds. Each sees half the size
# it was designed for. With them comes **no network at all**: the cosine of the pixels themselves.

# %%
families = record("backbone_accuracy")
print(families["command"], "| recorded on", families["date"])
costs, recipe = families["figures"]["networks"], families["figures"]["settings"]
print(f"{len(costs)} networks, {recipe['epochs']} epochs, {recipe['pairs']} pairs")
own, verified = {}, {}
for run in families["figures"]["runs"]:
    in_training = run["accuracy"].get("training", np.nan)
    own.setdefault(run["name"], []).append(100 * in_training)
    verified.setdefault(run["name"], []).append(100 * run["accuracy"]["verification"])
baseline = np.mean(verified.pop("the pixels themselves"))
table = pd.DataFrame(costs).T[["family", "macs", "fp32_bytes"]]
table["M multiply-adds"] = (table.pop("macs") / 1e6).astype(float).round(0)
table["MB"] = (table.pop("fp32_bytes") / 1e6).astype(float).round(1)
table["own, %"] = [round(np.mean(own[name]), 1) for name in costs]
table["strangers, %"] = [round(np.mean(verified[name]), 1) for name in costs]
print(f"the pixels themselves: {baseline:.1f} % of the pairs of strangers")
table.sort_values("strangers, %", ascending=False)

# %% [markdown]
# "Own" are the training photographs that were named rightly at the end, the mean of three seeds. Which networks got far
# with them, and what did that take?

# %%
learned, behind, beaten = [], [], []
for name in costs:
    (learned if np.mean(own[name]) > 90 else behind).append(name)
    if np.mean(verified[name]) < baseline:
        beaten.append(name)
ends = [np.mean(verified[name]) for name in learned]
best, least = max(ends), min(ends)
macs = {name: costs[name]["macs"] / 1e6 for name in learned}
most_work, least_work = max(macs, key=macs.get), min(macs, key=macs.get)
times_the_work = macs[most_work] / macs[least_work]
n_beaten, beaten_behind = len(beaten), len(set(beaten) & set(behind))
print(f"{len(learned)} networks name more than 90 % of their own photographs,")
print(f"and reach {least:.1f} to {best:.1f} % on strangers; {len(behind)} do not")
print(f"below the pixels: {n_beaten}, of which {beaten_behind} did not learn")
of_vit = np.mean(own["vit_tiny"]), np.mean(verified["vit_tiny"])
print(f"vit_tiny names {of_vit[0]:.0f} % of its own, {of_vit[1]:.0f} % of pairs right")
print(f"{most_work} takes {times_the_work:.0f} times the multiply-adds of {least_work}")

# %% [markdown]
# Those that learned, one below the other, from the cheapest to the most expensive:

# %%
by_work = sorted(learned, key=macs.get)
quality = {name: verified[name] for name in by_work}
figure = viz.dots(
    {"mean of three runs, and their range": [np.mean(quality[n]) for n in by_work]},
    [f"{name}, {macs[name]:,.0f}M" for name in by_work],
    title="Networks that learned their photographs end close together, at any cost",
    xlabel="accuracy on strangers, %",
    intervals={
        "mean of three runs, and their range": (
            [min(quality[name]) for name in by_work],
            [max(quality[name]) for name in by_work],
        )
    },
    references={"the pixels themselves": baseline},
)
alt = "A row for each network, named with its millions of multiply-adds: the dots lie"
viz.show(figure, alt=f"{alt} close together, whatever the network costs.")

# %% tags=["guard"]
guard(
    "networks that learned end within ten points, at very different costs",
    best - least < 10 and times_the_work > 50 and 2 * beaten_behind > n_beaten,
    best=best,
    least=least,
    times_the_work=times_the_work,
    beaten_behind=beaten_behind,
    n_beaten=n_beaten,
)

# %% [markdown]
# Whether a network **learned its own photographs** in these few epochs mattered more here than what it costs. Those
# that did ended close together, over nearly two powers of ten of multiply-adds. Most of the networks below the pixels had
# not got far; those the figure leaves out.
#
# **That is no verdict on them, and none on the transformer.** Stopped after twelve epochs, `vit_tiny` named on average less
# than half of its own photographs: such a run measures how fast a network learns with one recipe, not what it can do. A convolution is
# given what a transformer has to find out, that neighbouring pixels belong together and that a pattern may be moved. So it is
# no surprise that it takes longer; the open task below finds out how much. With tens of millions of photographs, one came
# between two residual networks, see the end.
#
# A few hundred studio photographs do not tell a network for telephones from one for data centres. The papers' rankings come
# from millions of photographs. Mind the line, too: on ORL, **no network at all** is a strong opponent.
#
# ### Open task: how long does a transformer need? (60 minutes)
#
# Train a small transformer on thirty people of ORL until it names nine in ten of its own photographs, and a narrow
# MobileFaceNet of about as many multiply-adds until it does. `backbones.create("vit_tiny", patch=8, dim=48, depth=4, heads=4,
# mlp=96, …)` at 56x48 pixels costs what `backbones.create("mobilefacenet", width=1 / 4, …)` does. Start from `trained_network` of
# notebook 02, with AdamW for the transformer. How many epochs does each take? And which is better on strangers then?
#
# | What counts | Points |
# |---|---|
# | before the first run you wrote down what you expect, and how long you will train at most | 1 |
# | both networks end when they have learned, not after equal epochs; the curves of the training accuracy are shown | 2 |
# | at least two learning rates for each, and you say how you chose | 2 |
# | strangers: paired runs over at least three splits, each run shown, with the interval of the mean difference | 2 |
# | the paragraph keeps apart what the networks can do and how fast they learn it | 2 |

# %% [markdown]
# ## Summary
#
# - A patch is a token; attention lets each token take from all others; a second half works on each token alone.
# - Places are known through learned positions only. Without them, a shuffled digit is the same digit, and fewer digits are
#   named.
# - Attention's products have no module: hook counters miss them. They grow with the square of the number of tokens.
# - With one recipe on ORL, networks that learned their photographs ended close together, whatever they cost. A network that
#   was stopped before it had learned has not been compared.
#
# **What you can do with it**: `backbones.create("vit_tiny", patch=…, dim=…, depth=…)` builds transformers of any size, and
# `cost.count` sees what hooks miss.
#
# **Next**: [notebook 05](05_center_loss_digits.ipynb) goes on with the core of the course: the loss, and what center loss
# adds to softmax.
#
# ## What the papers report
#
# - Touvron et al. (2021, ICML, Table 1) report 5M parameters and 72.2 % top-1 on ImageNet for DeiT-Ti at 224x224.
# - The public model table of insightface (https://github.com/deepinsight/insightface) lists its ViT-T, another and larger
#   network, trained on the 42 million photographs of WebFace42M: 97.3 % TAR at a FAR of 1e-4 on IJB-C, where its
#   18-layer residual network has 95.8 % and its 50-layer one 97.5 %. We have not re-run it.
# - Dosovitskiy et al. (2021, ICLR, abstract) report that a vision transformer "attains excellent results compared to
#   state-of-the-art convolutional networks" when it is first trained "on large amounts of data".
