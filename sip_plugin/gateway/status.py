"""A gateway's health and metrics over HTTP, for a supervisor and for Prometheus."""

from aiohttp import web

from bridge.gateway import Gateway
from sip_plugin.gateway.metrics import GatewayMetrics
from sip_plugin.service.metrics import CONTENT_TYPE


class StatusServer:
    """`async with StatusServer(gateway, host, port) as status:` serves until the block ends."""

    def __init__(self, gateway: Gateway, host: str, port: int) -> None:
        self._gateway = gateway
        self._metrics = GatewayMetrics(gateway)
        self._address = host, port
        app = web.Application(client_max_size=1024)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._exposition)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        self.url = ""

    async def __aenter__(self) -> "StatusServer":
        """Raises OSError."""
        await self._runner.setup()
        host, port = self._address
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        """200 while it takes calls, 503 when it ends."""
        gateway = self._gateway
        told = {
            "status": "ending" if gateway.closing else "ok",
            "connections": len(gateway.protocols),
            "calls": len(gateway.sids),
            "agents": sorted(gateway.agents),
        }
        return web.json_response(told, status=503 if gateway.closing else 200)

    async def _exposition(self, _: web.Request) -> web.Response:
        body = self._metrics.exposition()
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})
