"""What can go wrong at the start, said in one line to the person who typed the command."""


class StartError(Exception):
    """The world is not ready: a port is taken, a folder cannot be written, the database does not answer."""


def disk_trouble(doing: str, error: OSError) -> StartError:
    """The line for a full disk, a read-only folder and their kin, naming the file where the system names it."""
    where = f" ({error.filename})" if error.filename else ""
    return StartError(f"Cannot {doing}: {error.strerror or error}{where}.")
