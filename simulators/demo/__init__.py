"""The demo: starts station, daemons and server as processes and walks them through."""
