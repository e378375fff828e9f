"""The commands of ``luheng-wim``: alone in ``wim`` in opening files and printing."""
