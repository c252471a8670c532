"""Full load for a long time: whether memory or latency grow.

`make soak` serves a small model, so that very many requests fit into the time: the front end, the
handler and the worker's loop are what is soaked, not the network.

model     writes the small model
run       asks, window by window, and looks at the memory
trend     the slope of figures over time and over requests
report    the table and the plot
"""
