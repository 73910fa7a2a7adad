"""The HTTP half of a stand-in."""

import asyncio

from aiohttp import web


class RestSide:
    """Endpoints with weights, logged, limited, and subject to faults."""

    def add_rest(self):
        """Call `rest` for each endpoint."""
        raise NotImplementedError

    def rest(self, path, handler, weight=1, method="GET"):
        """Serve `handler(query)`, which returns a JSON-able answer or a Response; names in the path are
        part of the query. `weight` may be a function of the query."""

        async def answer(request):
            self.log.append({"method": method, "path": path, "query": dict(request.query)})
            fault, status = self.faults.take_http(path)
            if fault:
                headers = {"Retry-After": str(fault.options.get("retry_after", 1))}
                return web.Response(status=status, headers=headers, text="fault")
            cost = weight(request.query) if callable(weight) else weight
            if not self.requests.hit(cost):
                self.violation(f"too many requests: {path}")
                return self.too_many_requests()
            reply = handler({**request.query, **request.match_info})
            response = reply if isinstance(reply, web.Response) else web.json_response(reply)
            response.headers.update(self.rest_headers())
            slow = self.faults.find("slow_body")
            if slow and slow.options.get("path", "") in path:
                return await self._slowly(request, response, self.faults.take("slow_body"))
            return response

        self.app_routes.add_route(method, path, answer)

    @staticmethod
    async def _slowly(request, response, fault):
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        stream.content_length = len(response.body)
        await stream.prepare(request)
        half = len(response.body) // 2
        await stream.write(response.body[:half])
        await asyncio.sleep(fault.options.get("delay_seconds", 60))
        await stream.write(response.body[half:])
        return stream

    def rest_headers(self):
        return {}

    def too_many_requests(self):
        wait = int(self.requests.wait_seconds()) + 1
        return web.json_response({}, status=429, headers={"Retry-After": str(wait)})
