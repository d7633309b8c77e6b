# %% [markdown]
# # An audit of five papers
#
# A table in a paper is a list of claims, and many of them can be checked at a desk. Parameters can be counted. A mean can
# be formed again. A rate of whole pairs gives away how many pairs there were. It takes no data set and no training.
#
# We do it for the five papers that this course follows, and build the tool for the next one. A word on tone: the authors
# are people, who published enough to be checked. A table that cannot be wrong says nothing. We check numbers, we try hard
# to find a reading under which they are right, and we say what stays strong. At the end we do it to ourselves.
#
# **What you will learn**
# - to write a claim as data: what is said, how to compute it, and a verdict that follows;
# - to find the confusion matrix behind printed rates;
# - to tell whether two printed accuracies differ by more than luck, and when a table cannot tell;
# - to find out which network, and which rule of counting, left a printed number;
# - that "cannot be told" is a verdict, and how to earn it.
#
# **What you need before**: notebooks 03 and 10; 03b and 07 help.
#
# **Time and place**: 1 minute to run, 45 minutes to read and do. No GPU, no network, about 1 GB of memory.

# %% tags=["imports"]
import math
from itertools import product

import numpy as np
import pandas as pd
from IPython.display import display

from course_lib import audit, backbones, cost, evaluation, exercises, viz, weights
from course_lib.audit import basch, lee
from course_lib.audit import hassanpour_kowsari_tables as tables

# %% [markdown]
# ## One claim, by hand
#
# The AIM article on MobileFaceNets says two things that can be counted: that MobileFaceNet has 0.99 million parameters,
# and that ShuffleNet "has many more". We build both and count: as they are trained, and as they are deployed, with batch
# norm folded into the convolutions.

# %%
ours, theirs = (
    cost.count(backbones.create(name), (112, 112))
    for name in ("mobilefacenet", "shufflenet")
)
parameters = {"trained": ours.parameters, "folded": ours.folded_parameters}
ratio = {
    "trained": theirs.parameters / ours.parameters,
    "folded": theirs.folded_parameters / ours.folded_parameters,
}
print({name: f"{count:,}" for name, count in parameters.items()})
print(
    "ShuffleNet over MobileFaceNet:",
    {name: f"{value:.2f}" for name, value in ratio.items()},
)

# %% [markdown]
# The article does not say which way it counts. So there are two **readings**, and they differ in the second digit. Here
# is our rule for the whole audit.
#
# - A **number** has the benefit of the doubt. It holds if it comes out under *one* reading.
# - A **statement** must hold under *every* reading. If it holds under some, the paper does not tell.
#
# What rounds to the printed digits counts as equal. And nobody writes a verdict down: it follows from the values. In the
# library a `Claim` is data: the paper, the place, the words, what is expected, and a function that recomputes it.


# %%
def my_verdict(readings, fits, is_number):
    agree = [fits(value) for value in readings.values()]
    if agree and (all(agree) or is_number and any(agree)):
        return "holds"
    return "does not hold" if agree and not any(agree) else "cannot be told"


for values in (
    dict(enumerate(v)) for n in range(4) for v in product((5.0, 7.0), repeat=n)
):
    for make, expected in ((audit.number, "5"), (audit.statement, audit.printed("5"))):
        claim = make(
            "A paper", "Table 1", "five", expected, lambda values=values: values
        )
        assert str(claim.check().verdict) == my_verdict(
            values, claim.expected.fits, make is audit.number
        )

first_claims = (
    audit.number(
        "AIM article",
        "Architectures",
        "MobileFaceNet has",
        "0.99 million",
        lambda: parameters,
    ),
    audit.statement(
        "AIM article",
        "Performance",
        "ShuffleNet has more (ratio)",
        audit.above("1"),
        lambda: ratio,
    ),
)
shown = ["claim", "printed", "recomputed", "verdict"]
print(pd.DataFrame(audit.audit(first_claims).table())[shown].to_string(index=False))

# %% [markdown]
# ## Rates remember their pairs
#
# Lee et al. compare MobileFaceNet with SE-LResNet100E-IR by five rates with four decimals each. The test is not named.
# But pairs come whole, and
#
# $$\text{recall} = \frac{TP}{TP + FN}, \quad \text{specificity} = \frac{TN}{TN + FP}, \quad
# \text{precision} = \frac{TP}{TP + FP}, \quad \text{accuracy} = \frac{TP + TN}{\text{all}}.$$
#
# Suppose the test has as many pairs as LFW: 3,000 of one person and 3,000 of two. Then there are some nine million
# confusion matrices. How many of them print as the table does?


# %%
def my_matrices(rates, n):
    """All (TP, FN, FP, TN) of n + n pairs whose rates round to the printed ones."""
    tp, tn = np.ogrid[: n + 1, : n + 1]
    shares = {"recall": tp / n, "specificity": tn / n, "accuracy": (tp + tn) / (2 * n)}
    shares["precision"] = tp / np.maximum(tp + n - tn, 1)
    fits = np.ones((n + 1, n + 1), dtype=bool)
    for name, digits in rates.items():
        fits &= np.abs(100 * shares[name] - float(digits)) < 0.5000001 * 10 ** -len(
            digits.split(".")[1]
        )
    return [(int(i), int(n - i), int(n - j), int(j)) for i, j in np.argwhere(fits)]


HALF, matrices = 3000, {}
counted = {
    network: {name: rates[name] for name in lee.COUNTED}
    for network, rates in lee.RATES.items()
}
for network, rates in counted.items():
    found, library = my_matrices(rates, HALF), audit.confusions(rates, HALF, HALF)
    assert found == [(m.tp, m.fn, m.fp, m.tn) for m in library] and len(found) == 1
    matrices[network] = library[0]
    print(
        f"{network:13}",
        " ".join(f"{name} {digits}," for name, digits in rates.items()),
        library[0],
    )

# %% [markdown]
# **One** matrix each. We know now what the paper does not print: MobileFaceNet missed 16 genuine pairs and let in 3
# impostors, ResNet-100 missed 9 and let in none. Is it LFW? Let us try every other even split, and look at the fifth
# rate, F1.

# %%
splits = [
    n
    for n in range(1, 7001)
    if all(audit.confusions(rates, n, n) for rates in counted.values())
]
printed = {name: float(digits) for name, digits in lee.RATES["MobileFaceNet"].items()}
f1 = (
    2
    * printed["precision"]
    * printed["recall"]
    / (printed["precision"] + printed["recall"])
)
print("splits that print both rows:", splits)
print(
    f"F1 is printed as {printed['f1']}; from the counts {100 * matrices['MobileFaceNet'].f1:.4f}; from rates {f1:.4f}"
)
assert splits[0] == HALF and len(splits) == 2

# %% [markdown]
# Three thousand is the smallest half, and up to seven thousand only its double fits too. That is no proof that the test is
# LFW, but LFW has just that many. The F1 is off by one in the last digit, and we can say why: it was computed from a
# precision and a recall that were rounded before. All ten numbers hold.
#
# ## Is it more than luck?
#
# "ResNet-100 showed better performance", says the abstract: 19 errors against 9, of 6,000. Would other pairs of the same
# kind show the same? As if each network had had its own pairs, with $\bar p$ the share of both together,
#
# $$z = \frac{p_1 - p_2}{\sqrt{\bar p (1 - \bar p) \, (1/n_1 + 1/n_2)}} .$$


# %%
def my_z(right_a, right_b, n):
    pooled = (right_a + right_b) / (2 * n)
    z = (right_a - right_b) / n / math.sqrt(pooled * (1 - pooled) * 2 / n)
    return z, math.erfc(
        abs(z) / math.sqrt(2)
    )  # of a normal value at least so far from 0


PAIRS, right = 2 * HALF, {network: m.tp + m.tn for network, m in matrices.items()}
wrong = {network: PAIRS - count for network, count in right.items()}
lead = evaluation.difference_of_accuracies(
    right["ResNet-100"], PAIRS, right["MobileFaceNet"], PAIRS
)
assert np.allclose(
    my_z(right["ResNet-100"], right["MobileFaceNet"], PAIRS), (lead.z, lead.p)
)
print(f"errors {wrong}: z = {lead.z:.2f}, p = {lead.p:.2f}")

intervals = {
    network: evaluation.wilson(count, PAIRS) for network, count in right.items()
}
bars = {
    name: (100 * ci.low, 100 * right[name] / PAIRS, 100 * ci.high)
    for name, ci in intervals.items()
}
title = f"19 errors or 9, of {PAIRS:,} pairs: the intervals overlap, p = {lead.p:.2f}"
figure = viz.estimates(bars, title=title, xlabel="accuracy, %, with its 95 % interval")
viz.show(
    figure,
    alt="Two dots with intervals: MobileFaceNet 99.68, ResNet-100 99.85; the intervals overlap.",
)
assert intervals["MobileFaceNet"].overlaps(intervals["ResNet-100"]) and list(
    wrong.values()
) == [19, 9]
assert lead.interval.low < 0 < lead.interval.high

# %% [markdown]
# But both networks saw **the same** pairs, and then pairs that both get wrong say nothing. Only those count on which they
# differ: $b$ that MobileFaceNet alone gets wrong, and $c$ that ResNet-100 alone does. If neither is better, each such pair
# is a fair coin. That is McNemar's test:
#
# $$p = 2 \sum_{k \le \min(b, c)} \binom{b + c}{k} \, 2^{-(b + c)} .$$
#
# The table gives $b - c$ and not $b + c$. All 9 errors of ResNet-100 may be among the 19, or none. So we try every case.


# %%
def my_mcnemar(b, c):
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    return min(1.0, 2 * tail)


weaker, stronger = wrong.values()
p_of = {
    shared: my_mcnemar(weaker - shared, stronger - shared)
    for shared in range(stronger + 1)
}
for shared, same in ((stronger, True), (0, False)):
    assert np.isclose(
        p_of[shared], evaluation.mcnemar(*lee.decisions(same_errors=same)).p
    )
needed = min(shared for shared, p in p_of.items() if p < 0.05)

# %%
lines = {"p of McNemar's test": list(p_of.values()), "0.05": [0.05] * len(p_of)}
title = f"With {needed} or more shared errors the lead is significant; the table tells not how many"
figure = viz.lines(
    lines,
    list(p_of),
    title=title,
    xlabel="pairs that both networks get wrong",
    ylabel="p",
)
viz.show(
    figure,
    alt="A falling curve: p is above 0.05 for few shared errors, and far below it when all nine are shared.",
)
assert p_of[0] > 0.05 > p_of[stronger] and needed == 4

# %% [markdown]
# So the verdict is **cannot be told**, and we know what is missing: one number, the pairs that both got wrong. (Pairs that
# are hard for one network are mostly hard for the other. We would bet on the paper. A bet is not a table.) When you
# publish a comparison, print $b$ and $c$: it costs one line.
#
# How many pairs does it take, if two networks are known by their accuracies alone? Choose the lead.

# %%
SIZES = [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000]


def pairs_needed_figure(points, base=99.7):
    """The interval of a lead over a network of 99.7 % accuracy, over the number of pairs."""
    ends = [audit.interval_ends(str(base + points), str(base), n) for n in SIZES]
    low, high = (
        np.array([end[name] for end in ends]) for name in ("low end", "high end")
    )
    clear = [
        f"shows from {n:,} pairs on"
        for n, end in zip(SIZES, low, strict=True)
        if end > 0
    ]
    title = f"A lead of {points:g} points {(clear or ['does not show here'])[0]}"
    series = {
        "the lead, and its 95 % interval": [points] * len(SIZES),
        "no lead": [0.0] * len(SIZES),
    }
    options = {"xlabel": "pairs", "ylabel": "percentage points", "log_x": True}
    return viz.lines(
        series,
        SIZES,
        title=title,
        bands={"the lead, and its 95 % interval": (low, high)},
        **options,
    )


viz.show(
    pairs_needed_figure(0.1),
    alt="A band around the lead narrows from left to right, until it leaves zero.",
)
assert "from 32,000 pairs" in pairs_needed_figure(0.1).get_suptitle().replace("\n", " ")

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    pairs_needed_figure,
    [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3],
    label="lead in points",
    start=0.1,
)

# %% [markdown]
# ## Which network left this number?
#
# Hassanpour and Kowsari print 236.75 "FLOPS" for MobileFaceNet and 456.89 for MMobileFaceNet, in which "all CNN layers"
# are doubled, and do not state the rule. Figure 1 has images of 112x112 and 512 numbers; Figure 2 draws 112x96 and 128. So
# we make a table of readings: networks down, rules across.

# %%
CANDIDATES = {
    "112x112, 512 numbers": {"embedding_dim": 512},
    "112x96, 128 numbers, as drawn": {"input_size": (112, 96)},
    "all doubled, 512 numbers": {"embedding_dim": 512, "width": 2},
    "all doubled, as drawn": {"input_size": (112, 96), "width": 2},
    "doubled only between the blocks": {
        "embedding_dim": 512,
        "width": 2,
        "expansion": 0.5,
        "stem_groups": 64,
    },
}
networks = {
    name: backbones.create("mobilefacenet", **options)
    for name, options in CANDIDATES.items()
}
macs = {
    name: cost.count(network, network.input_size).macs
    for name, network in networks.items()
}
rules = pd.DataFrame({name: vars(m) | {"twice": m.twice} for name, m in macs.items()}).T
print((rules / 1e6).round(2).to_string())

# %%
by_luck = {}
for digits, unit in (("236.75M", 0.01), ("456.89M", 0.01), ("1.1M", 0.1), ("4M", 1)):
    fits = rules.map(audit.printed(digits).fits)
    value = float(digits[:-1])
    by_luck[digits] = rules.size * np.log10(
        (value + unit / 2) / (value - unit / 2)
    )  # readings spread over one decade
    print(
        f"{digits:>7}: {by_luck[digits]:.2g} of {rules.size} fit by luck; here",
        *fits.stack()[fits.stack()].index,
    )
assert max(by_luck["236.75M"], by_luck["456.89M"]) < 0.001

# %% [markdown]
# Five digits, and one reading each among fifteen. Both numbers were really measured, on real networks. But neither is the
# network that is drawn, and in the second only the channels *between* the blocks were doubled (notebook 04b). So "236.75"
# holds, as Figure 1 describes it; "456.89 with all layers doubled" does not, and we can say what it is instead.
#
# **Charity has a price**: the more readings you try, the sooner one fits by luck. The table says how many of fifteen would,
# if they were spread evenly over a factor of ten. Five digits are a fingerprint. Two are a hint, and one is nothing.
#
# ## Means of what?
#
# The same paper sums up (Hassanpour and Kowsari 2023, section 4): SAM is "approximately 4%" above the baseline, and above
# SGD by "an average accuracy margin of 1.2%" at 1.1M parameters and by "roughly 1.4%" at 2.1M. Over which columns it does
# not say. Its two figures have nine rows and eighteen columns; one is the average of four others, and one benchmark
# stands in both. We form the means over five sets of columns.

# %%
SAID = {
    "SAM over the baseline": "4",
    "over SGD, small": "1.2",
    "over SGD, large": "1.4",
}
compared = (tables.BASELINE_PAIRS, tables.SMALL_PAIRS, tables.LARGE_PAIRS)
means = pd.DataFrame(
    {said: tables.mean_gain(pairs) for said, pairs in zip(SAID, compared, strict=True)}
)
print(means.round(2).to_string())
fits = pd.DataFrame(
    {said: means[said].map(audit.printed(digits).fits) for said, digits in SAID.items()}
)
print(
    "both 1.2 and 1.4:", *fits.index[fits["over SGD, small"] & fits["over SGD, large"]]
)
relative = {
    name.split(", ", 1)[1]: gain
    for name, gain in tables.mean_relative_gain(tables.BASELINE_PAIRS).items()
}
print(
    f"over the baseline, relative, the same columns: {relative[means.index[0]]:.1f} %"
)
assert fits.sum().tolist() == [0, 1, 2] and fits.iloc[0].tolist() == [False, True, True]

# %% [markdown]
# **One** set of columns gives both 1.2 and 1.4: the two figures together, the four groups of RFW as one average, the
# double benchmark once. So these two numbers hold. The "4" does not: in points it is 2.2 to 3.3. As a *relative* gain over
# the same columns it would be 4.1, but then the other two would be larger as well, and a single digit proves nothing.
#
# Two more things that one sees only in the whole table. Is SAM "consistently" ahead? And how much of the gain over the
# baseline, which was trained on other photographs, is SAM's?

# %%
pairs = (*tables.SMALL_PAIRS, *tables.LARGE_PAIRS)
leads = np.array(
    [tables.EVERYTHING[better] - tables.EVERYTHING[worse] for better, worse in pairs]
)
leads_baseline = np.array(
    [tables.EVERYTHING[row] - tables.EVERYTHING["baseline"] for row in tables.SAM]
)
shares = tables.share_of_sam().values()
print(
    f"SAM over SGD: {(leads > 1e-9).sum()} of {leads.size} better, {(leads < -1e-9).sum()} worse"
)
print(
    f"SAM over the baseline: {(leads_baseline < -1e-9).sum()} of {leads_baseline.size} worse"
)
print(f"SAM's share of that gain: {min(shares):.0f} to {max(shares):.0f} %")
assert max(tables.ROWS, key=lambda row: tables.TABLE_3[row]["AgeDB30"]) == "baseline"

# %% [markdown]
# Against SGD, "consistently" holds: 63 of 64 better, and one draw. Each row is one training, so we do not know what another
# seed would do; but that is not nothing. Against the baseline it does not hold: on AgeDB-30 the baseline is the best of all
# nine rows. And about half of the gain over it, or more, came with
# the data.
#
# ## Announced, and not printed
#
# For RFW, four groups of people, the text announces an average "and its standard deviation", and the skewed error ratio
# SER: the largest error of a group over the smallest. Figure 4 prints the averages alone. We compute the rest.
#
# $$\text{STD} = \sqrt{\tfrac1m \sum_g (a_g - \bar a)^2}, \qquad
# \text{SER} = \frac{\max_g (100 - a_g)}{\min_g (100 - a_g)} .$$


# %%
def my_spread(accuracies):
    a = np.array(list(accuracies.values()))
    squares, errors = ((a - a.mean()) ** 2).sum(), 100 - a
    return (
        a.mean(),
        np.sqrt(squares / len(a)),
        np.sqrt(squares / (len(a) - 1)),
        errors.max() / errors.min(),
    )


spread = pd.DataFrame({row: my_spread(tables.by_group(row)) for row in tables.ROWS}).T
spread.columns = ["mean", "STD, population", "STD, sample", "SER"]
theirs = [
    vars(evaluation.summary_of_accuracies(tables.by_group(row))) for row in tables.ROWS
]
assert np.allclose(
    spread, pd.DataFrame(theirs)[["mean", "std_population", "std_sample", "ser"]]
)
print(spread.round(3).to_string())

# %%
baseline, others, sorted_rows = (
    spread.loc["baseline"],
    spread.drop("baseline"),
    spread.sort_values("mean"),
)
measures = {
    "STD, points": sorted_rows["STD, population"].tolist(),
    "SER, ratio": sorted_rows["SER"].tolist(),
}
title = "RFW: every row has a lower STD than the baseline, and a higher SER"
labels = {
    "xlabel": "mean accuracy of the four groups, %",
    "ylabel": "spread over the groups",
}
figure = viz.lines(measures, sorted_rows["mean"].tolist(), title=title, **labels)
viz.show(
    figure,
    alt="Two lines over mean accuracy: STD falls from 2.2 to 1.7; SER rises from 2.1 and stays above 2.2.",
)
assert (others["STD, population"] < baseline["STD, population"]).all() and (
    others["SER"] > baseline["SER"]
).all()


# %%
def drawn_again(row, n=6000, draws=20_000):
    """STD and SER (draws,) of tests like the printed one, with n pairs a group."""
    error_rates = [1 - value / 100 for value in tables.by_group(row).values()]
    generator = np.random.default_rng(tables.ROWS.index(row))
    errors = generator.binomial(n, error_rates, size=(draws, len(error_rates)))
    return {
        "STD": (100 * errors / n).std(axis=1),
        "SER": errors.max(axis=1) / errors.min(axis=1),
    }


again = {row: drawn_again(row) for row in tables.ROWS}
for measure in ("STD", "SER"):
    ends = {
        r: np.quantile(again[r][measure] - again["baseline"][measure], (0.025, 0.975))
        for r in others.index
    }
    print(
        measure,
        "differs beyond luck from the baseline's in:",
        [r for r, (low, high) in ends.items() if low * high > 0],
    )

# %% [markdown]
# Are the groups served more evenly than before? By the one measure yes, in all eight rows. By the other no, in all eight:
# errors became fewer everywhere, but fewest where they were few already. Two readings that disagree: **cannot be told**.
#
# And the last cell, which draws such tests again from the printed rates, adds a caution: with 6,000 pairs a group, most of
# these differences are within luck. A ratio of two small numbers jumps. Print SER with an interval, or not at all.
#
# ## When tables contradict themselves
#
# Some claims are checked by holding two pages side by side. TAR at FAR 1e-4 on IJB-C stands in Figure 3 and in Figure 4.
# And an accuracy on 6,000 pairs is a whole number of them.

# %%
twice = {
    row: (tables.TABLE_3[row]["IJB-C 1e-4"], tables.TABLE_4[row]["IJB-C 1e-4"])
    for row in tables.ROWS
}
print(
    "IJB-C differs in:",
    {row: pair for row, pair in twice.items() if pair[0] != pair[1]},
)
print(
    "88.10 %:",
    audit.possible_counts("88.10", PAIRS),
    " 88.11 %:",
    audit.possible_counts("88.11", PAIRS),
)
endings = sum(
    bool(audit.possible_counts(f"90.{ending:02d}", PAIRS)) for ending in range(100)
)
print(f"of 100 endings {endings} are shares of {PAIRS:,}")
impossible = {
    kind: tables.impossible(rows)["one model"]
    for kind, rows in (("SAM", tables.SAM), ("SGD", tables.SGD))
}
print("accuracies that are no share of the pairs, of 40:", impossible)
assert all(
    (first == second) == ("SAM" in row) for row, (first, second) in twice.items()
)

# %% [markdown]
# The two figures agree wherever SAM was used, and in none of the other five rows. In the rows of SAM all accuracies are
# shares of whole pairs; in those of SGD eleven are not. A mean of two models would print so, or a list with other pairs:
# the paper does not say, and from outside **we do not know why**. The next step is a letter to the authors, not a theory.
#
# (88.10 and 88.11 are Kumar et al.'s accuracy with center loss, in their table and in their text. On 6,000 pairs only the
# first can be. What their "LFW-11500" is we do not know.)
#
# ## What cannot be told, and how to earn it
#
# **Who was seen before?** Basch et al. have about 7,000 people, two or three photographs of each, and report nearly 100 %
# of the test right after 7 epochs. A classifier cannot name anybody it has never seen. If photographs were parted at
# random, how many people of the test would be missing in the training?
#
# **Zero is not nothing.** ResNet-100 let in no impostor of 3,000, so its specificity is printed as 100 %. How large may its
# false accept rate be all the same? Zero of $n$ happens with a chance of $(1 - p)^n$. Where that is 5 %, $p \approx 3/n$:
# the **rule of three**. And at a FAR that a table names, count the impostors that decide.

# %%
generator, person = np.random.default_rng(0), np.arange(basch.IMAGES) % 7000
orders = [generator.permutation(person) for _ in range(20)]
seen = np.mean(
    [100 * np.isin(order[: basch.TEST], order[basch.TEST :]).mean() for order in orders]
)
ceilings = basch.ceilings()
print(
    f"{basch.TRAIN:,} and {basch.TEST:,} photographs, the most that can be right: simulated {seen:.0f} %, computed"
)
print({name: f"{top:.0f} %" for name, top in ceilings.items()})
assert abs(seen - ceilings["parted at random, about 7,000 people"]) < 0.5

bound = 1 - 0.05 ** (1 / HALF)
assert abs(bound - 3 / HALF) < 1e-5 and np.isclose((1 - bound) ** HALF, 0.05)
print(f"no impostor of {HALF:,}: a FAR of up to {bound:.1%} is possible")
for far in (1e-4, 1e-5, 1e-6):
    impostors = far * 15_638_932  # comparisons of IJB-C
    print(
        f"IJB-C at FAR {far:.0e}: {impostors:,.1f} impostors, known to within {1 / math.sqrt(impostors):.0%}"
    )

# %% [markdown]
# Parted at random, about nine in ten would be the ceiling, and "nearly 100 %" could not be. If every person was put in both
# parts on purpose, there is none. The paper does not say how it parted. The verdict is "cannot be told", and it comes with
# the question to ask.
#
# On IJB-C a FAR of 1e-5, the smallest that Hassanpour and Kowsari print, rests on enough impostors. At 1e-6, which one finds
# elsewhere, a dozen and a few decide. On LFW's pairs a FAR of 1e-4 means nothing.
#
# ## The whole audit
#
# All claims of all five papers stand in `course_lib/audit`, one file a paper. This runs every recomputation.

# %%
report = audit.audit(claim for claims in audit.PAPERS.values() for claim in claims)
counts = pd.DataFrame(report.counts()).T
print(counts.assign(all=counts.sum(axis=1)).to_string())
print(counts.sum().to_dict(), "of", len(report.findings))
title = f"{counts['holds'].sum()} of {len(report.findings)} claims hold, {counts['cannot be told'].sum()} cannot be told"
figure = viz.bars(
    {verdict: counts[verdict].to_dict() for verdict in counts}, title=title
)
viz.show(
    figure,
    alt="Three panels of bars, one a verdict, with five papers each. Most claims hold.",
)
assert 2 * counts["holds"].sum() > len(report.findings) and (counts > 0).all(axis=None)

# %%
with pd.option_context(
    "display.max_rows", None, "display.max_colwidth", None, "display.width", 1000
):
    display(pd.DataFrame(report.table()))

# %% [markdown]
# Do not read this figure as marks. A paper that prints two full tables offers more to check than one with a single row;
# and claims differ in weight. What stays strong, in each of them:
#
# - **Basch et al.**: the smallest of their counts is exact, and the three totals mean the same number of people, to half a
#   per cent. A fifth of the test right among some 7,000 people, after a pretraining on objects, is over a thousand times
#   guessing. And they report what failed.
# - **Hassanpour and Kowsari**: multiply-adds to five digits, all nine averages, SAM never behind SGD. They printed enough to
#   be checked, and much of what does not hold is description, not measurement.
# - **Kumar et al.**: center loss beats softmax by more than the choice of pairs can explain, at no cost in time.
# - **Lee et al.**: all ten rates come from whole pairs, with enough digits to rebuild the test. They say themselves that
#   cost was not measured.
# - **The AIM article**: its accuracies and parameters are those of the paper it reports.
#
# ## And ours?
#
# The course ships a network, with a card that prints numbers. The same rules for us: the digits as they stand on the
# card, and recompute. The accuracy itself would need LFW; its interval, and the files, need nothing.

# %%
NAME = "mobilefacenet_075_relu"
net, file, interval = (
    weights.load(NAME),
    weights.int8_file(NAME),
    evaluation.wilson(982, 1000),
)
ON_CARD = {
    "parameters": ("655,360", sum(p.numel() for p in net.parameters())),
    "bytes in 8 bits": ("843,260", file.stat().st_size),
    "low end of the interval, 32 bits": ("97.2 %", 100 * interval.low),
    "high end": ("98.9 %", 100 * interval.high),
}
claims = [
    audit.number("this course", "card", says, digits, lambda v=v: {"": v})
    for says, (digits, v) in ON_CARD.items()
]
ends = audit.interval_ends("98.2", "98.0", 1000)
claims.append(
    audit.statement(
        "this course",
        "card",
        "8 bits cost accuracy",
        audit.above("0 points"),
        lambda: ends,
    )
)
print(pd.DataFrame(audit.audit(claims).table())[shown].to_string(index=False))
assert all(
    digits.removesuffix(" %") in weights.card(NAME) for digits, _ in ON_CARD.values()
)

# %% [markdown]
# Our numbers hold, and what one might read into two of our rows cannot be told: on 1,000 pairs, two errors more or less
# show nothing.
#
# For the next paper, write a tuple of claims. Copy the digits as text. Give every reading you can think of a name. Let the
# verdict come out.
#
# ## Exercises
#
# Solutions: [solutions/14_paper_audit.py](solutions/14_paper_audit.py).
#
# ### Exercise 1: from rates to pairs
#
# A table prints `recall` and `specificity` in per cent, rounded to two decimals, of `n_genuine` and `n_impostor` pairs. Both
# counts are small enough for one answer. Return `(tp, fn, fp, tn)` as whole numbers.


# %% tags=["exercise"]
def pairs_behind(recall, specificity, n_genuine, n_impostor): ...


# %% tags=["check"]
def by_search(recall, specificity, n_genuine, n_impostor):
    rates = {"recall": f"{recall:.2f}", "specificity": f"{specificity:.2f}"}
    (found,) = audit.confusions(rates, n_genuine, n_impostor)
    return found.tp, found.fn, found.fp, found.tn


hint = "recall * n_genuine / 100 is nearly whole: round it. Specificity is about impostors: it gives tn, the rest are fp."
exercises.check(
    pairs_behind,
    by_search,
    [(98.67, 99.33, 300, 300), (92.86, 99.17, 350, 600)],
    hint=hint,
)

# %% [markdown]
# ### Exercise 2: audit an invented table
#
# Nobody et al. (an invented paper) print two networks, tested on `n` pairs each: accuracies of `ours` and `other` per cent, as
# texts with two decimals, and "1.1M" parameters. You have counted, and `parameters` holds what you found by reading. Return
# three verdicts as texts: on the number "1.1M"; on `ours` as a number, which holds if some whole number of right pairs
# rounds to it; and on the statement that ours is better. For that take both ends of the 95 % interval of the
# difference, $\pm 1.96 \sqrt{p_1 (1 - p_1)/n + p_2 (1 - p_2)/n}$.


# %% tags=["exercise"]
def three_verdicts(parameters, ours, other, n): ...


# %% tags=["check"]
def by_the_library(parameters, ours, other, n):
    size = audit.number(
        "Nobody et al.", "Table 1", "parameters", "1.1M", lambda: parameters
    )
    ends = audit.interval_ends(ours, other, n)
    better = audit.statement(
        "Nobody et al.",
        "Abstract",
        "ours is better",
        audit.above("0 points"),
        lambda: ends,
    )
    share = "holds" if audit.possible_counts(ours, n) else "does not hold"
    return str(size.check().verdict), share, str(better.check().verdict)


readings = {"trained": 1_200_512, "folded": 1_049_999}
cases = [
    (readings, "97.43", "96.57", 700),
    ({"trained": 1_068_928}, "97.43", "96.57", 7000),
    ({}, "90.01", "97.50", 600),
]
hint = "A number needs one reading, a statement needs both ends on one side; without a reading nothing can be told."
exercises.check(three_verdicts, by_the_library, cases, hint=hint)

# %% [markdown]
# ## Summary
#
# - A claim is data: words, expectation, readings. The verdict follows. A number needs one reading, a statement all.
# - Rates of whole pairs give the pairs away. Four rates with four decimals left one confusion matrix of nine million.
# - Whether ten errors of 6,000 are luck depends on how many both networks share. Print the pairs on which they differ.
# - Many digits are a fingerprint: they name the network and the rule. One digit fits anything.
# - STD and SER can disagree on what is even, and on four groups both are uncertain.
# - "Cannot be told" is earned: show a reading under which it holds and one under which it does not, and name the question.
#
# ## What the papers report
#
# - Basch et al., *Face Recognition in Deep Learning with Minimal Resources*, Table 1: Inception v3 27M without and 40.1M
#   with the classification layer, MobiFace 0.77M and 738M, DeepFace 127M and 157M. Section 3: 15,000 and 5,000 photographs
#   of CelebA, about 7,000 people; nearly 100 % after 7 epochs with ImageNet's weights, MobiFace around 20 %.
# - Hassanpour and Kowsari (2023), *Lightweight Face Recognition: An Improved MobileFaceNet Model*, Figures 1 to 4 and
#   section 4; the text calls them Tables 2 to 4.
# - Kumar et al., *Memory Optimized Deep Learning based Face Recognition*, Table 1: LFW-11500, 5749 classes, softmax
#   86.32 %, center loss 88.10 % (88.11 % in section 4.2), 1 MB, 400, 350, 38 and 100 ms on M1 to M4.
# - Lee et al. (2024), *Research on a Lightweight Deep Learning Model Suitable for Face Recognition for Mobile Devices*,
#   Table 1; their section 5 says that computational efficiency was not considered.
# - AIM, *Why MoblieFaceNet, The 'Lightweight' Model For Facial Recognition, Is A Total Game Changer*, on Chen et al.
#   (2018, arXiv:1804.07573): 99.28 % on LFW and 93.05 % on AgeDB-30, 99.55 % and 96.07 % with MS-Celeb-1M; ShuffleNet 98.70 %
#   and 89.27 %; distilled networks 97.32 % with 4.0 MB.
# - Methods: McNemar (1947) for pairs; Newcombe (1998) for differences; Brown and Heathers (2017), "The GRIM Test", for shares
#   of whole numbers; Wang and Deng (2020) for SER; Maze et al. (2018) for IJB-C.
