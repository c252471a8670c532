"""Full load for a long time: whether memory or latency grow.

`make soak` serves a small model, so that very many requests fit into the time: it tests the front
end, the handler and the worker's loop, not the network.

model     writes the small model
run       sends requests, window by window, and reads the memory
trend     the slope of figures over time and over requests
report    the table and the plot
"""
