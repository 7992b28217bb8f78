"""Figures as JSON lines on stdin, a Markdown table on stdout: medians over rounds, and mercato against the best peer.

A ratio above 1 says that mercato is ahead, whatever the metric: a metric that begins with `us` is a time."""

import json
import statistics
import sys

OURS = "mercato"


def number(value):
    """Three digits, or thousands with separators."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def table(lines):
    figures = {}
    for line in lines:
        figure = json.loads(line)
        of = figures.setdefault((figure["shape"], figure["metric"]), {})
        of.setdefault(figure["peer"], []).append(figure["value"])
    print("| what | metric | mercato | best peer | ratio | other peers |")
    print("|---|---|---:|---|---:|---|")
    for (shape, metric), peers in figures.items():
        medians = {peer: statistics.median(values) for peer, values in peers.items()}
        time = metric.startswith("us")
        ours = {peer: value for peer, value in medians.items() if peer.startswith(OURS)}
        others = sorted((value, peer) for peer, value in medians.items() if peer not in ours)
        others = others if time else others[::-1]
        own = (min if time else max)(ours.values(), default=None)
        best = others[0][0] if others else None
        ratio = "–"
        if own and best:
            ratio = f"{best / own if time else own / best:.2f}"
        texts = [f"{peer} {number(value)}" for value, peer in others]
        names = "; ".join(f"{number(value)}{peer.removeprefix(OURS)}" for peer, value in ours.items())
        cells = [shape, metric, names or "–", texts[0] if texts else "–", ratio, ", ".join(texts[1:]) or "–"]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    table(line for line in sys.stdin if line.startswith("{"))
