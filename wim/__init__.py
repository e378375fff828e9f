"""Weigh-in-motion: bytes of a sensor line in, a signed verdict on a passage out.

Pure by law: no file, socket, thread, clock or environment is touched below this
package, except by ``wim.cli``, which is a command and not a library.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
