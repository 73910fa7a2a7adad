"""Every way in: HTTP, WebSocket, command line, dashboard, client; settings, and the container of all parts.

Imports every room.
"""
