"""Addresses beside the pages: login, logout, and the list of customers as a file."""

import tempfile
from collections.abc import Iterator
from typing import IO

from flask import Flask, Response, g, redirect, render_template, request, send_file, session
from werkzeug.wrappers import Response as Answer

from clientage.dashboard import access
from clientage.dashboard.access import Access
from clientage.dashboard.data import customers
from clientage.dashboard.data.customers import Wanted
from clientage.dashboard.data.source import Source
from clientage.errors import ClientageError, RequestError
from clientage.serving.guard import Limiter

TRIES = 10  # of a key, each minute and address


def routes(server: Flask, given: Access, source: Source, port: int) -> None:
    """Add them.

    Args:
        server: The application.
        given: Who may look.
        source: The tables.
        port: Where it listens.
    """
    tries = Limiter(TRIES, 1)

    @server.get("/login")
    def _form() -> Answer | str:
        wanted = access.landing(request.args.get("next", "/"))
        return redirect(wanted) if given.person() else _login(wanted)

    @server.post("/login")
    def _login_with() -> Answer | str | tuple[str, int]:
        wanted = access.landing(request.form.get("next", "/"))
        try:
            tries.require(request.remote_addr or "")
        except RequestError as error:
            return _login(wanted, f"{str(error)[0].upper()}{str(error)[1:]}"), error.status
        if not access.token_fits(request.form.get("token", "")):
            return _login(wanted, "This page was too old. Try again."), 403
        if access.log_in(request.form.get("key", ""), given.keys):
            return redirect(wanted, 303)
        return _login(wanted, "Wrong key. Ask the one who runs this dashboard for another."), 401

    @server.post("/logout")
    def _logout() -> Answer | tuple[str, int]:
        if not access.token_fits(request.form.get("token", "")):
            return "This page is too old. Load it again.\n", 403
        session.clear()
        g.ended = True
        answer = redirect("/login", 303)
        answer.delete_cookie(f"{access.TOKEN}-{port}")
        return answer

    @server.get("/export/customers.csv")
    def _export() -> Answer:
        file, wanted = tempfile.TemporaryFile(), Wanted.of(request.args)  # noqa: SIM115 - the answer closes it
        try:
            source.alone(lambda shop: _written(file, customers.listed(shop, wanted)))
        except ClientageError as error:
            file.close()
            return Response(f"{error}\n", 503, content_type="text/plain; charset=utf-8")
        return send_file(file, "text/csv; charset=utf-8", as_attachment=True, download_name="customers.csv")


def _written(file: IO[bytes], lines: Iterator[str]) -> None:
    """The whole list, before any of it is sent: the tables may be rewritten meanwhile."""
    file.seek(0)
    file.truncate()
    file.writelines(text.encode() for text in lines)
    file.seek(0)


def _login(wanted: str, said: str = "") -> str:
    return render_template("login.html", next=wanted, token=access.token(), said=said)
