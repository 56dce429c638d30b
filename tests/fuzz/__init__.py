"""Bad input, by the thousand in `make test` and by the million in `make fuzz`: whatever comes, there is an answer.

`targets` take bytes and hold what comes of them to a promise; `guided` lets atheris look for bytes that reach new code.
Seeds are fixed, so a run can be played again; `FAULTS_SEED=…` chooses others.
"""
