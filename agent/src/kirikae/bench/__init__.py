"""Measured runs of local models, method `kirikae-4`: how one is made, at which depths, and what is told of it.

A run reads a prompt of so many tokens that the runtime has not seen before and generates 128. Each depth starts with
one or two runs that do not count. Then runs are made, of the depths in turn, until the medians are sure. Rates are the
runtime's own counters where it has any, else arrival times of the stream.
"""
