"""The paper, offline: pulse out of free jazz drumming, and networks that go on from it.

Lem, A Generative Model of Pulse Percept: Analyzing Performances of Free Jazz Drumming using
Dynamic Beat Tracking and Recurrent Neural Networks, 2017.

envelope -> tempo -> beats (Ellis 2007) -> symbols -> networks -> generation, scores, plots.
"""
