"""Measures what the project claims; nothing here is shipped.

One sub-package per question:

speed      against other servers and against the limit without one (`make bench`)
tune       the fastest settings for this machine (`make tune`)
faults     what clients see when something breaks (`make faults`)
soak       whether memory or latency grow under long load (`make soak`)
quality    accuracy, calibration and robustness of what is served (`make quality`)
training   the speed of training, and what each setting of a recipe is worth
lab        shared tools: starts servers, generates load, watches processes
"""
