from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """Argon2id at 19 MiB, two passes, one lane: OWASP's recommended minimum, some 35 ms of one core.

    Django's own default (100 MiB, eight lanes) allows seven sign-ins a second on two cores; a city signs in at 07:30.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


class DemonstrationArgon2id(Argon2id):
    """The same under another name, for installations that are demonstrations.

    Demonstration accounts have passwords that everybody knows. Outside of a demonstration no hasher has this name, so
    on the day the same database is used without one, they open nothing.
    """

    algorithm = "demonstration"
