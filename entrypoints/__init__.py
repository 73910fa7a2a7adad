"""Every way in: HTTP, WebSocket, command line, client; settings and the container that wires it all.

Imports every room.
"""
