"""The lease store on a real API server is a lease store like any other, in the operator's hands and in an agent's."""

from __future__ import annotations

import contextlib

import pytest
from store_conformance import StoreConformance
from store_objects import agents_store, new_names, operators_store


class _OnApiServer(StoreConformance):
    @pytest.fixture(autouse=True)
    def _server(self, api_server):
        self.server = api_server


class TestOperatorsStore(_OnApiServer):
    """Objects that are not there are created."""

    @contextlib.asynccontextmanager
    async def store(self):
        async with operators_store(self.server, new_names()) as store:
            yield store


class TestAgentsStore(_OnApiServer):
    """Objects are there, empty; nothing may be created, and nothing else be read."""

    @contextlib.asynccontextmanager
    async def store(self):
        async with agents_store(self.server, new_names(), shards=2) as store:
            yield store
