"""Hangs the review page (``tuquan.review_page``) into Airflow: a link in its navigation, its users and its roles.

The one place that knows how Airflow's API server says who asks. Its module ``core_api.security`` is no documented
interface, so ``tests/dags/test_review_page.py`` holds it to what is used here.

Every process of Airflow imports this file, each task too, so what the page needs is imported when it is first asked.
"""

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/duyet"
AIRFLOW = "tuquan.airflow"  # where a request carries Airflow's own application


class LazyPage:
    """The review page as an ASGI application that is made by the first request."""

    def __init__(self) -> None:
        self._page = None

    def page(self):
        """Return the application itself."""
        if self._page is None:
            self._page = make_page()
        return self._page

    async def __call__(self, scope, receive, send) -> None:
        await self.page()({**scope, AIRFLOW: scope["app"]}, receive, send)


def make_page():
    """Return the page with Airflow's users in front of it and Airflow's public API behind it."""
    from typing import Annotated, Any

    import httpx
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import AssetDetails, DagAccessEntity, DagDetails
    from airflow.api_fastapi.core_api.security import GetUserDep
    from fastapi import Depends, HTTPException, Request

    from tuquan import handoffs
    from tuquan.review_page.app import make_app
    from tuquan.review_page.people import Person
    from tuquan.vocabulary.phrases import phrase

    def who(user: GetUserDep) -> Person:
        """Say what Airflow lets this user do with our DAGs; who may not see them may not read here either.

        A reviewer may work with the DAG that builds. An approver may answer the question of the one that publishes,
        and bring forth the asset that is a release.
        """
        auth = get_auth_manager()

        def may(method: str, dag_id: str, entity: DagAccessEntity | None = None) -> bool:
            details = DagDetails(id=dag_id)
            return auth.is_authorized_dag(method=method, access_entity=entity, details=details, user=user)

        if not (may("GET", handoffs.BUILD) and may("GET", handoffs.PUBLISH)):
            raise HTTPException(403, phrase("page.forbidden"))
        return Person(
            name=user.get_name(),
            may_decide=may("PUT", handoffs.BUILD),
            may_approve=may("PUT", handoffs.PUBLISH, DagAccessEntity.HITL_DETAIL)
            and auth.is_authorized_asset(method="PUT", details=AssetDetails(id=handoffs.RELEASE), user=user),
        )

    async def identify(person: Annotated[Person, Depends(who)]) -> Person:
        return person

    async def ask(request: Request, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        """Ask Airflow's API in the name of the person, inside this process: what it would refuse them, it refuses."""
        proof = {name: request.headers[name] for name in ("authorization", "cookie") if name in request.headers}
        inside = httpx.ASGITransport(app=request.scope[AIRFLOW], raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=inside, base_url=str(request.base_url.replace(path="/"))) as client:
            answer = await client.request(method, path, json=body, headers=proof)
        is_told = answer.headers.get("content-type", "").startswith("application/json")
        return answer.status_code, answer.json() if is_told else answer.text

    return make_app(identify, ask)


class ReviewPage(AirflowPlugin):
    """One page in the navigation, for everybody who may see the DAGs."""

    name = "tuquan_review_page"
    fastapi_apps: ClassVar[list] = [{"app": LazyPage(), "url_prefix": PREFIX, "name": "tuquan review page"}]
    external_views: ClassVar[list] = [
        {
            "name": "Duyệt",  # the navigation has room for one word
            "href": f"{PREFIX}/",
            "destination": "nav",
            "url_route": "duyet",
            "nav_top_level": True,
        }
    ]
