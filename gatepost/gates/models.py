import uuid

from django.db import models
from django.db.models.functions import Now

from gatepost.roster.models import School


class Gate(models.Model):
    """A place where students come in and go out."""

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="gates")
    name = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["school", "name"], name="gates_gate_name_once")]

    def __str__(self) -> str:
        return self.name


class Reader(models.Model):
    """A device at a gate. It is known by its key, of which only a digest is kept (`keys`)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="readers")
    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, related_name="readers")
    name = models.TextField()
    key_digest = models.BinaryField(max_length=32, unique=True)
    card_rule = models.JSONField(default=dict)  # cards.numbers.CardRule: how its typed numbers are read
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)  # its key opens nothing any more
    rested_at = models.DateTimeField(null=True, blank=True)  # out of use (repair, holidays): its silence means nothing

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gate", "name"], name="gates_reader_name_once")]

    def __str__(self) -> str:
        return self.name


class ReaderHealth(models.Model):
    """The last word of a reader. Apart from `Reader`, because it changes with every batch."""

    reader = models.OneToOneField(Reader, primary_key=True, on_delete=models.CASCADE, related_name="health")
    heard_at = models.DateTimeField()  # our clock
    sent_at = models.DateTimeField()  # its clock
    queue = models.PositiveIntegerField()  # taps it still holds
    skew_ms = models.BigIntegerField()  # its clock less ours

    class Meta:
        verbose_name_plural = "reader health"

    def __str__(self) -> str:
        return str(self.pk)


class Tap(models.Model):
    """One card read at one reader, as it was handed in. Written by intake in SQL; never changed.

    Partitioned by `month`, which follows the reader's own time so that a repeat falls where the first one fell.
    """

    class Direction(models.TextChoices):
        IN = "in"
        OUT = "out"

    pk = models.CompositePrimaryKey("reader_id", "nonce", "month")
    month = models.DateField()
    school_id = models.IntegerField()
    reader_id = models.UUIDField()
    nonce = models.UUIDField()
    card = models.TextField()  # as the reader typed it
    uid = models.TextField()  # canonical, empty where `card` is no number under the reader's rule
    read_at = models.DateTimeField(null=True)  # the reader's clock; null where it was no time at all
    tapped_at = models.DateTimeField()  # `read_at` put right by the skew
    received_at = models.DateTimeField()
    skew_ms = models.BigIntegerField()
    direction = models.TextField(choices=Direction.choices, null=True)
    reason = models.TextField(blank=True)  # why it cannot be used; empty for a good one

    class Meta:
        db_table = "gates_tap"

    def __str__(self) -> str:
        return str(self.nonce)


class NextOf(models.Func):
    """The next number of a sequence."""

    function = "nextval"
    output_field = models.BigIntegerField()

    def __init__(self, sequence: str) -> None:
        super().__init__(models.Value(sequence))


class TapQueue(models.Model):
    """A tap that attendance has not followed yet. Written in the same commit as the tap, deleted with the work."""

    SHARDS = 16

    pk = models.CompositePrimaryKey("shard", "id")
    shard = models.SmallIntegerField()  # school id modulo SHARDS: one worker at a time follows a school
    id = models.BigIntegerField(db_default=NextOf("gates_tapqueue_id_seq"))  # in the order of their coming
    school_id = models.IntegerField()
    reader_id = models.UUIDField()
    nonce = models.UUIDField()
    uid = models.TextField()
    tapped_at = models.DateTimeField()
    received_at = models.DateTimeField()
    direction = models.TextField(null=True)

    class Meta:
        verbose_name_plural = "tap queue"

    def __str__(self) -> str:
        return str(self.nonce)
