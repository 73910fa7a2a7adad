"""Every adapter: exchanges, storage, auth, transport, bus, clock, ids.

Each imports `twap.ports` and its own libraries; never the domain, never another plugin.
"""
