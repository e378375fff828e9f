"""The command ``luheng-lpr``: alone in ``lpr`` in opening files and addresses."""
