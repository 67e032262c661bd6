"""Plots of cost against the number of recipients, as SVG."""

from __future__ import annotations

import matplotlib as mpl


mpl.use("svg")

from matplotlib import pyplot as plt


SERIES = {
    "bulk-cpu": ("cpu", 1.0, "seconds of CPU"),
    "bulk-memory": ("peak", 2.0**20, "MiB at the peak"),
}


def draw(growth, folder):
    """Draw a plot for each series, and return the paths of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "the same plot is the same file"
    paths = []
    for name, (key, unit, label) in SERIES.items():
        figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
        counts = list(growth)
        for contender in next(iter(growth.values())):
            costs = [growth[count][contender][key] / unit for count in counts]
            axes.plot(counts, costs, marker="o", label=contender)
        axes.set(xlabel="recipients", ylabel=label, xscale="log")
        if key == "cpu":
            axes.set(yscale="log")
        else:
            axes.set(ylim=(0, None))
        axes.grid(alpha=0.3)
        axes.legend()
        path = folder / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
        paths.append(path)
    return paths
