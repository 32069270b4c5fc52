"""The routes of the review page. Every one of them asks who is there; what changes something asks for its form, too.

Nothing here opens the warehouse: pages come from snapshots, and decisions go into files that a step applies.
"""

import secrets
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from tuquan import handoffs, issued_workbooks, questions, settings, snapshot as snapshots, verdicts
from tuquan.questions import key_of
from tuquan.review_page import chart, forms
from tuquan.review_page.forms import Outcome
from tuquan.review_page.people import Ask, Identify, Person, is_own_form, token_for
from tuquan.snapshot import Snapshot
from tuquan.verdicts import Verdict
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.duties import answer_due
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import date_vi, in_vietnam, number_vi, period_vi, phrase, shown, time_vi

STYLE = Path(__file__).with_name("kieu.css")
# Nothing from elsewhere, no script at all, and no page of others around ours.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# States of a report, in the order in which they are to be looked at, each with the sign of its square in the grid.
SIGNS = {
    "missing": "–",
    "held": "?",
    "empty": "∅",
    "unchanged_copy": "=",
    "late": "!",
    "declared_nil": "0",
    "real": "✓",
}
LONGEST_NOTE = 1000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NEIGHBOURS = 3  # periods before and after that the page of a commune leads to


def make_app(identify: Identify, ask: Ask) -> FastAPI:
    """Return the application: ``identify`` says who asks, ``ask`` passes a question on to Airflow's API."""
    someone = Annotated[Person, Depends(identify)]

    def reviewer(person: someone) -> Person:
        if not person.may_decide:
            raise HTTPException(status.HTTP_403_FORBIDDEN, phrase("page.not_reviewer"))
        return person

    def approver(person: someone) -> Person:
        if not person.may_approve:
            raise HTTPException(status.HTTP_403_FORBIDDEN, phrase("page.not_approver"))
        return person

    def shown_period(time_period: str, _person: someone) -> Snapshot:
        found = snapshots.read(time_period)
        if found is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, phrase("page.no_period"))
        return found

    async def own_form(request: Request, person: someone) -> dict[str, str]:
        try:
            form = await forms.read_form(request)
        except forms.TooLarge:
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, phrase("page.too_large")) from None
        except forms.Unreadable:
            raise HTTPException(status.HTTP_415_UNSUPPORTED_MEDIA_TYPE, phrase("page.no_form")) from None
        if not is_own_form(request, person, form.get("the", "")):
            raise HTTPException(status.HTTP_403_FORBIDDEN, phrase("page.foreign_form"))
        return form

    period = Annotated[Snapshot, Depends(shown_period)]
    deciding = Annotated[Person, Depends(reviewer)]
    approving = Annotated[Person, Depends(approver)]
    filled_in = Annotated[dict[str, str], Depends(own_form)]

    # The whole application asks who is there, so that no route can forget it; nothing describes it to strangers.
    app = FastAPI(
        title=phrase("page.title"),
        dependencies=[Depends(identify)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @app.exception_handler(HTTPException)
    async def tell(request: Request, error: HTTPException) -> Response:
        return _told(request, error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def tell_invalid(request: Request, _error: RequestValidationError) -> Response:
        return _told(request, status.HTTP_404_NOT_FOUND, phrase("page.no_period"))

    @app.exception_handler(status.HTTP_404_NOT_FOUND)
    async def tell_nothing(request: Request, error: Exception) -> Response:
        detail = getattr(error, "detail", "")
        return _told(
            request, status.HTTP_404_NOT_FOUND, phrase("page.nothing_here") if detail == "Not Found" else detail
        )

    @app.get("/kieu.css")
    def style() -> FileResponse:
        return FileResponse(STYLE, media_type="text/css", headers={**HEADERS, "Cache-Control": "private, max-age=300"})

    @app.get("/")
    def list_periods(request: Request, person: someone) -> Response:
        waiting = Counter(verdict.time_period for verdict in verdicts.waiting())
        return _page(request, person, "periods.html", periods=snapshots.headings(), waiting=waiting)

    @app.get("/ky/{time_period}")
    def list_questions(request: Request, person: someone, seen: period, da_ghi: int = 0) -> Response:
        return _questions_page(request, person, seen, done=max(0, da_ghi))

    @app.post("/ky/{time_period}")
    def decide(request: Request, person: deciding, seen: period, form: filled_in) -> Response:
        asked = [name.removeprefix("xem.") for name in form if name.startswith("xem.")]
        outcome = forms.read_decisions(seen, form, person, asked)
        return _keep(request, person, seen, outcome, form)

    @app.post("/ky/{time_period}/xac-nhan")
    def confirm_many(request: Request, person: deciding, seen: period, form: filled_in) -> Response:
        outcome = forms.read_bulk(seen, form, person, _waiting(seen))
        return _keep(request, person, seen, outcome, form)

    def _keep(request: Request, person: Person, seen: Snapshot, outcome: Outcome, form: dict[str, str]) -> Response:
        kept = sum(verdicts.put(verdict) for verdict in outcome.verdicts)
        repeated = len(outcome.verdicts) - kept
        if outcome.errors or repeated or not outcome.filled:
            return _questions_page(
                request, person, seen, done=kept, repeated=repeated, outcome=outcome, form=form, code=422
            )
        return _see(request, f"/ky/{seen.time_period}?da_ghi={kept}")

    @app.get("/ky/{time_period}/tai-ve")
    def issue_workbook(person: deciding, seen: period) -> Response:
        content = issued_workbooks.issue(seen, person.name)
        if content is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, phrase("page.nothing_to_decide"))
        name = issued_workbooks.file_name(seen.time_period)
        return Response(
            content, headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}, media_type=XLSX
        )

    @app.post("/ky/{time_period}/ap-dung")
    async def apply_now(request: Request, _person: deciding, seen: period, _form: filled_in) -> Response:
        code, answer = await ask(
            request, "POST", f"/api/v2/dags/{handoffs.APPLY}/dagRuns", {"logical_date": None, "conf": {}}
        )
        if code >= status.HTTP_400_BAD_REQUEST:
            raise HTTPException(status.HTTP_502_BAD_GATEWAY, phrase("page.airflow_refused", answer=_said(answer)))
        return _see(request, f"/ky/{seen.time_period}")

    @app.get("/ky/{time_period}/tiep-nhan")
    def show_collection(request: Request, person: someone, seen: period) -> Response:
        districts = defaultdict(list)
        for place, report in enumerate(seen.reports):
            districts[report.district_name_vi].append((place, report))
        states = Counter(report.state for report in seen.reports)
        late = [report for report in seen.reports if report.state in ("missing", "held", "late")]
        late.sort(key=lambda report: (list(SIGNS).index(report.state), -report.consecutive_misses))
        return _page(
            request, person, "collection.html", seen=seen, districts=districts, states=states, late=late, signs=SIGNS
        )

    @app.get("/ky/{time_period}/phe-duyet")
    async def show_approval(request: Request, person: someone, seen: period) -> Response:
        return await _approval_page(request, person, seen)

    @app.post("/ky/{time_period}/phe-duyet")
    async def approve(request: Request, person: approving, seen: period, form: filled_in) -> Response:
        is_yes = form.get("chon") == handoffs.APPROVE
        note = form.get("ghi_chu", "").strip()
        if problem := _why_not(seen, person, form, note):
            return await _approval_page(request, person, seen, problem=problem, form=form)
        run = await _open_run(request, seen)
        if run is None:
            return await _approval_page(request, person, seen, problem=phrase("page.no_question"), form=form)
        answer = {
            "chosen_options": [handoffs.APPROVE if is_yes else handoffs.REJECT],
            "params_input": {"note": note},
        }
        code, told = await ask(request, "PATCH", f"{_question_of(run)}/hitlDetails", answer)
        if code >= status.HTTP_400_BAD_REQUEST:
            problem = phrase("page.airflow_refused", answer=_said(told))
            return await _approval_page(request, person, seen, problem=problem, form=form)
        return _see(request, f"/ky/{seen.time_period}/phe-duyet")

    @app.post("/ky/{time_period}/dua-ra")
    async def ask_again(request: Request, person: approving, seen: period, _form: filled_in) -> Response:
        if problem := _why_none(seen):
            return await _approval_page(request, person, seen, problem=problem)
        (first,) = handoffs.publications(seen.time_period, seen.digest)
        number = len(await _runs(request, seen)) + 1
        run_id = first["trigger_run_id"] + (f"__{number}" if number > 1 else "")
        asked = {"dag_run_id": run_id, "conf": first["conf"], "logical_date": None}
        code, answer = await ask(request, "POST", f"/api/v2/dags/{handoffs.PUBLISH}/dagRuns", asked)
        if code >= status.HTTP_400_BAD_REQUEST:
            problem = phrase("page.airflow_refused", answer=_said(answer))
            return await _approval_page(request, person, seen, problem=problem)
        return _see(request, f"/ky/{seen.time_period}/phe-duyet")

    @app.get("/ky/{time_period}/cong-bo")
    def show_releases(request: Request, person: someone, seen: period) -> Response:
        return _page(request, person, "releases.html", seen=seen)

    @app.get("/ky/{time_period}/xa/{area_key}")
    def show_commune(request: Request, person: someone, seen: period, area_key: str) -> Response:
        reports = [(place, report) for place, report in enumerate(seen.reports) if report.area_key == area_key]
        questions = [question for question in seen.questions if question.area_key == area_key]
        figures = seen.figures_of(area_key)
        if not reports and not questions and not figures:
            raise HTTPException(status.HTTP_404_NOT_FOUND, phrase("page.no_area"))
        name = reports[0][1] if reports else questions[0] if questions else None
        others = [code for code in _neighbours(seen.time_period) if _knows(code, area_key)]
        return _page(
            request,
            person,
            "commune.html",
            seen=seen,
            area_key=area_key,
            name=name.area_name_vi if name else area_key,
            reports=reports,
            questions=questions,
            figures=[(load_catalogue()[figure.indicator], figure) for figure in figures],
            others=others,
            signs=SIGNS,
        )

    @app.get("/ky/{time_period}/xa/{area_key}/bien-nhan/{place}")
    def show_receipt(seen: period, area_key: str, place: int) -> Response:
        report = seen.reports[place] if 0 <= place < len(seen.reports) else None
        if report is None or report.area_key != area_key or not report.receipt_path:
            raise HTTPException(status.HTTP_404_NOT_FOUND, phrase("page.no_receipt"))
        root = settings.load().receipts.resolve()
        path = (root / report.receipt_path).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise HTTPException(status.HTTP_404_NOT_FOUND, phrase("page.no_receipt"))
        return PlainTextResponse(path.read_text(encoding="utf-8"), headers=HEADERS)

    async def _approval_page(
        request: Request, person: Person, seen: Snapshot, problem: str = "", form: dict[str, str] | None = None
    ) -> Response:
        runs = await _runs(request, seen) if seen.digest else []
        return _page(
            request,
            person,
            "approval.html",
            code=409 if problem else 200,
            seen=seen,
            problem=problem,
            form=form or {},
            waiting=len(verdicts.waiting(seen.time_period)),
            is_open=any(run["is_open"] for run in runs),
            is_busy=any(run["state"] in ("queued", "running") and not run["is_open"] for run in runs),
            why_none=_why_none(seen),
            same_person=_same_person(seen, person),
            approve=handoffs.APPROVE,
            reject=handoffs.REJECT,
        )

    async def _runs(request: Request, seen: Snapshot) -> list[dict[str, Any]]:
        """Return the publications of this candidate, the newest first, and whether they wait for an answer."""
        run_id = handoffs.publish_run(seen.time_period, seen.digest)
        path = f"/api/v2/dags/{handoffs.PUBLISH}/dagRuns?run_id_pattern={quote(run_id)}&order_by=-run_after&limit=50"
        code, answer = await ask(request, "GET", path, None)
        if code != status.HTTP_200_OK:
            return []
        runs = []
        for found in answer["dag_runs"]:
            if found["dag_run_id"] != run_id and not found["dag_run_id"].startswith(f"{run_id}__"):
                continue
            is_open = False
            if found["state"] == "running":
                code, asked = await ask(request, "GET", f"{_question_of(found['dag_run_id'])}/hitlDetails", None)
                is_open = code == status.HTTP_200_OK and not asked["response_received"]
            runs.append({"run_id": found["dag_run_id"], "state": found["state"], "is_open": is_open})
        return runs

    async def _open_run(request: Request, seen: Snapshot) -> str | None:
        return next((run["run_id"] for run in await _runs(request, seen) if run["is_open"]), None)

    return app


def _question_of(run_id: str) -> str:
    return f"/api/v2/dags/{handoffs.PUBLISH}/dagRuns/{quote(run_id)}/taskInstances/{handoffs.APPROVAL}/-1"


def _said(answer: Any) -> str:
    return shown(str(answer.get("detail") if isinstance(answer, dict) else answer))[:300]


# Approval


def _why_none(seen: Snapshot) -> str:
    """Return why there is nothing to approve, or nothing."""
    if seen.digest is None:
        return phrase("page.not_judged")
    if not seen.is_current:
        return phrase("page.not_current")
    if seen.gate_status == "closed":
        return phrase("page.gate_closed")
    return phrase("page.released") if seen.is_released else ""


def _same_person(seen: Snapshot, person: Person) -> bool:
    names = {*seen.deciders, *(verdict.decided_by for verdict in verdicts.waiting(seen.time_period))}
    return verdicts.same(person.name) in {verdicts.same(name) for name in names}


def _why_not(seen: Snapshot, person: Person, form: dict[str, str], note: str) -> str:
    """Return why this answer cannot be given, or nothing."""
    is_yes = form.get("chon") == handoffs.APPROVE
    if form.get("chon") not in (handoffs.APPROVE, handoffs.REJECT):
        return phrase("page.no_choice")
    if form.get("dau") != seen.digest:
        return phrase("page.candidate_changed")
    if none := _why_none(seen):
        return none
    if len(note) > LONGEST_NOTE:
        return phrase("page.long_reason", limit=number_vi(LONGEST_NOTE))
    if not is_yes and not note:
        return phrase("page.no_reason")
    if is_yes and _same_person(seen, person):
        return phrase("approval.same_person", name=person.name)
    if is_yes and verdicts.waiting(seen.time_period):
        return phrase("page.still_waiting")
    if is_yes and seen.gaps and form.get("so_bo") != "co":
        return phrase("page.gaps_unseen")
    return ""


# Pages


def _waiting(seen: Snapshot) -> dict[str, Verdict]:
    """Return the decisions that wait, by the key of their question; the newest of each."""
    return {verdict.question_id: verdict for verdict in verdicts.waiting(seen.time_period)}


def _neighbours(time_period: str) -> list[str]:
    """Return the periods of the same length that are shown, those next to this one."""
    period = parse_period(time_period)
    alike = [
        one.time_period
        for one in snapshots.headings()
        if parse_period(one.time_period).frequency == period.frequency and one.time_period != time_period
    ]
    later = [code for code in alike if code > time_period][-NEIGHBOURS:]
    return [*later, *[code for code in alike if code < time_period][:NEIGHBOURS]]


def _knows(time_period: str, area_key: str) -> bool:
    found = snapshots.read(time_period)
    return found is not None and area_key in found.figures


def _questions_page(
    request: Request,
    person: Person,
    seen: Snapshot,
    done: int = 0,
    repeated: int = 0,
    outcome: Outcome | None = None,
    form: dict[str, str] | None = None,
    code: int = 200,
) -> Response:
    waiting = _waiting(seen)
    outcome = outcome or Outcome()
    left = [question for question in seen.open_questions() if not questions.is_done(question, waiting)]
    limits = (questions.REST, *questions.LIMITS)
    bulk = [(limit, len(questions.below(seen.questions, limit, waiting))) for limit in limits]
    kept = {verdict.question_id for verdict in outcome.verdicts}
    # What was typed beside a mistake is typed once only.
    typed = {
        name: value for name, value in (form or {}).items() if outcome.errors and name.split(".", 1)[-1] not in kept
    }
    return _page(
        request,
        person,
        "questions.html",
        code=code,
        seen=seen,
        waiting=waiting,
        left=len(left),
        needed=sum(question.is_needed for question in left),
        bulk=[(limit, count) for limit, count in bulk if count],
        done=done,
        repeated=repeated,
        errors=outcome.errors,
        typed=typed,
        is_empty=code != 200 and not outcome.filled and not outcome.errors,
    )


def _see(request: Request, path: str) -> RedirectResponse:
    return RedirectResponse(_root(request) + path, status.HTTP_303_SEE_OTHER, HEADERS)


def _root(request: Request) -> str:
    return request.scope.get("root_path", "").rstrip("/")


def _page(request: Request, person: Person, template: str, code: int = 200, **facts: Any) -> HTMLResponse:
    text = TEMPLATES.get_template(template).render(
        root=_root(request),
        person=person,
        token=token_for(person),
        form_id=secrets.token_urlsafe(12),
        **facts,
    )
    return HTMLResponse(text, code, HEADERS)


def _told(request: Request, code: int, message: str) -> Response:
    """Answer with one sentence: nobody is told more than that."""
    sentence = phrase("page.sign_in") if code == status.HTTP_401_UNAUTHORIZED else message
    root = _root(request)
    told = {"root": root, "house": root.rpartition("/")[0], "code": code, "message": sentence}
    page = TEMPLATES.get_template("message.html").render(told)
    return HTMLResponse(page, code, HEADERS)


def _percent(value: Any) -> str:
    return "–" if value is None else number_vi(value, 2)


def _period(code: str) -> str:
    return period_vi(parse_period(code))


def answer_due_vi(asked_at: datetime) -> str:
    """Say until when a commune answers what it was asked at ``asked_at`` (UTC)."""
    return phrase("page.answer_due", date=date_vi(answer_due(in_vietnam(asked_at).date())))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tuquan.review_page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "num": questions.figure_vi,
        "pct": _percent,
        "time": time_vi,
        "date": date_vi,
        "plain": forms.plain,
        "period": _period,
        "shown": shown,
    }
    told = (answer_due_vi, key_of, questions.choices_for, questions.effect_vi, questions.limit_vi, questions.usual_vi)
    environment.globals |= {"phrase": phrase, "draw": chart.draw, "chart": chart}
    environment.globals |= {function.__name__: function for function in told}
    return environment


TEMPLATES = _environment()
