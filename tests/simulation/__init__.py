"""Berceau on one thread: real services, a clock that nobody waits for, and a bus that does what it likes.

The handlers, rounds, doors, relays, readers and the sender are those of production; only what they stand on is ours:
SQLite in memory, a broker, an SMS provider and a clock. One integer seed decides everything: who does what and when,
which message is late, doubled or lost on its way, which process dies between which two effects. At the end all troubles
stop, what is due is done, and the books are checked.

    python -m tests.simulation 17              one seed, with its journal; exit code 1 if a check failed
    python -m tests.simulation 0..299          many, with the branches they reached

A test that fails names its seed; the first command shows it again, alone, on any machine.
"""
