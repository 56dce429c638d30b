"""How Gatepost is started on one machine: `gatepost up`, the PostgreSQL it brings along, and the doctor.

Knows processes, ports, files and locks; knows no school. Where Gatepost runs on many machines, nothing here is
needed but the doctor: the same web, intake and worker commands are then started by whatever the city uses for that.
"""
