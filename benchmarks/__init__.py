"""Measured speed, `./run bench`: one file a figure, ratios inside one run, so that another machine tells the same story.

A figure is a module with GOAL (one sentence), SIZES (the sizes it takes by default) and `measure(asked) -> Iterator[Line]`.
What it stands on is filled once a size (ground.py) and served by the real server process (serving.py).
"""
