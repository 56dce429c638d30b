from django.contrib.postgres.fields import ArrayField
from django.db import models


class Step(models.Model):
    """Something to add to a counter: inserted, so that nobody waits for anybody, and gathered every few seconds."""

    id = models.BigAutoField(primary_key=True)
    name = models.TextField()
    labels = ArrayField(models.TextField())
    number = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.name} {self.labels}"


class Total(models.Model):
    """A counter, as far as its steps were gathered. Never goes down, whatever becomes of the rows it counted."""

    pk = models.CompositePrimaryKey("name", "labels")
    name = models.TextField()
    labels = ArrayField(models.TextField())
    number = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.name} {self.labels}"


class Beat(models.Model):
    """When a loop of a worker, any worker, last came to the end of its work without an error."""

    loop = models.TextField(primary_key=True)
    at = models.DateTimeField()
    every_seconds = models.FloatField()  # how long it sleeps at most between two looks

    def __str__(self) -> str:
        return self.loop
