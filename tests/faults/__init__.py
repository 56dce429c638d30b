"""What goes wrong in a machine room, done to real processes: killed, frozen, cut off, starved.

Nothing may be lost or doubled, and everything goes on by itself when the trouble ends.

`make test` runs a short form, `make faults` a long one (`FAULTS=long`); `FAULTS_SEED=…` plays a run's chances again.
"""
