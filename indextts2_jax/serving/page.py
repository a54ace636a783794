"""The page at /: four files that are served as they are, and nothing from anywhere else."""

import pathlib

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

router = APIRouter(include_in_schema=False)

_FOLDER = pathlib.Path(__file__).resolve().parent / "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Permissions-Policy": "microphone=(self)",
}


@router.get("/")
async def index() -> Response:
    return FileResponse(_FOLDER / "index.html", media_type="text/html; charset=utf-8", headers=HEADERS)


@router.get("/page.js")
async def main_script() -> Response:
    return FileResponse(_FOLDER / "page.js", media_type="text/javascript; charset=utf-8", headers=HEADERS)


@router.get("/script.js")
async def script() -> Response:
    """The part of the page that speaks scripts."""
    return FileResponse(_FOLDER / "script.js", media_type="text/javascript; charset=utf-8", headers=HEADERS)


@router.get("/page.css")
async def style() -> Response:
    return FileResponse(_FOLDER / "page.css", media_type="text/css; charset=utf-8", headers=HEADERS)


@router.get("/favicon.ico")
async def icon() -> Response:
    return Response(status_code=204)
