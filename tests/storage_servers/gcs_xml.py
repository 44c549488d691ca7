"""What fake-gcs-server lacks: the XML API's ways to put an object, at once and in parts, which obstore uses.

Everything else is passed on to it, and it has every object: here, writes become those of the JSON API, conditions
included, and parts wait until all are there.
"""

from __future__ import annotations

import io
import secrets
from urllib.parse import quote, unquote

from aiohttp import web
from fault_proxy import FaultProxy

_SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class GcsXml(FaultProxy):
    """In front of the server at ``target``."""

    def __init__(self, target: str) -> None:
        super().__init__(target, keep_host=False)
        self._parts: dict[str, dict[int, bytes]] = {}

    async def _pass_on(self, request: web.Request, is_cut: bool) -> web.StreamResponse:
        query = request.query
        if request.method == "PUT" and "partNumber" in query:
            self._parts[query["uploadId"]][int(query["partNumber"])] = await request.content.read()
            return web.Response(headers={"ETag": f'"{query["partNumber"]}"'})
        if request.method == "PUT":
            return await self._put(request, await request.content.read())
        if request.method == "POST" and "uploads" in query:
            upload = secrets.token_hex(8)
            self._parts[upload] = {}
            return _xml("InitiateMultipartUploadResult", UploadId=upload)
        if request.method == "POST" and "uploadId" in query:
            listed = (await request.text()).count("<PartNumber>")
            parts = self._parts.pop(query["uploadId"])
            assert sorted(parts) == list(range(1, listed + 1)), "a part is missing"
            put = await self._put(request, b"".join(parts[number] for number in sorted(parts)))
            if put.status != 200:
                return put
            done = _xml("CompleteMultipartUploadResult", ETag=put.headers["ETag"])
            done.headers["x-goog-generation"] = put.headers["x-goog-generation"]
            return done
        if request.method == "DELETE" and "uploadId" in query:
            self._parts.pop(query["uploadId"], None)
            return web.Response(status=204)
        return await super()._pass_on(request, is_cut)

    async def _put(self, request: web.Request, data: bytes) -> web.Response:
        bucket, _, key = request.raw_path.partition("?")[0].lstrip("/").partition("/")
        url = f"{self._target}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(unquote(key), safe='')}"
        if generation := request.headers.get("x-goog-if-generation-match"):
            url += f"&ifGenerationMatch={generation}"
        async with self._session.post(url, data=io.BytesIO(data)) as answer:
            if answer.status != 200:
                return web.Response(status=answer.status, body=await answer.read())
            made = await answer.json()
        return web.Response(headers={"ETag": made["etag"], "x-goog-generation": str(made["generation"])})


def _xml(name: str, **fields: str) -> web.Response:
    inner = "".join(f"<{field}>{text}</{field}>" for field, text in fields.items())
    return web.Response(text=f'<{name} xmlns="{_SPACE}">{inner}</{name}>', content_type="application/xml")
