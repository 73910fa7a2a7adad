"""Steering a stand-in over HTTP, for tests with real processes.

POST /control/fault  {"fault": kind, "symbol", "count", "seconds", and options}
POST /control/clear  end all faults
POST /control/step   {"count": 1, "symbol": optional}
GET  /control/book?symbol=&depth=   the true book, best first, and its sequence
GET  /control/history?symbol=       what was remembered by sequence
GET  /control/log                   what clients sent
GET  /control/state                 connections, subscriptions, violations, faults used
"""

from aiohttp import web


def add_routes(router, server):
    async def fault(request):
        options = await request.json()
        try:
            server.fault(options.pop("fault"), **options)
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({})

    async def clear(_request):
        server.clear_faults()
        return web.json_response({})

    async def step(request):
        options = await request.json() if request.can_read_body else {}
        await server.step(options.get("count", 1), options.get("symbol"))
        return web.json_response({})

    async def book(request):
        symbol = request.query.get("symbol")
        if symbol not in server.market.books:
            return web.json_response({"error": f"no such symbol: {symbol}"}, status=404)
        depth = request.query.get("depth")
        bids, asks, sequence = server.book(symbol, int(depth) if depth else None)
        return web.json_response({"symbol": symbol, "sequence": sequence, "bids": bids, "asks": asks})

    async def history(request):
        return web.json_response(server.history.get(request.query.get("symbol"), {}))

    async def log(_request):
        return web.json_response({"log": list(server.log), "connections": len(server.connections)})

    async def state(_request):
        return web.json_response(
            {
                "exchange": server.name,
                "symbols": list(server.market.symbols),
                "connections": len(server.connections),
                "accepted": server.accepted,
                "subscriptions": [list(each.subscriptions) for each in server.connections],
                "violations": server.violations,
                "faults_used": server.faults.used,
                "faults_active": [fault.kind for fault in server.faults.active],
            }
        )

    router.add_post("/control/fault", fault)
    router.add_post("/control/clear", clear)
    router.add_post("/control/step", step)
    router.add_get("/control/book", book)
    router.add_get("/control/history", history)
    router.add_get("/control/log", log)
    router.add_get("/control/state", state)
