"""An Airflow home of its own for these tests, set before anything imports Airflow."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
HOME = Path(tempfile.mkdtemp(prefix="tuquan-dags-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

os.environ["AIRFLOW_HOME"] = str(HOME)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(PROJECT / "dags")
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(PROJECT / "plugins")
os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] = "xem:viewer,can-bo:user,lanh-dao:op,quan-tri:admin"
os.environ["AIRFLOW__API__BASE_URL"] = "http://testserver"
os.environ["AIRFLOW__API_AUTH__JWT_SECRET"] = "only-for-these-tests-and-long-enough-for-hs512-" * 2
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{HOME}/airflow.db"


@pytest.fixture(scope="session")
def bag():
    """The DAGs as Airflow reads them from dags/."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(PROJECT / "dags")


@pytest.fixture(scope="session")
def airflow_app():
    """Airflow's own API server with our plugin in it, on an empty metadata database."""
    from airflow.api_fastapi.app import create_app
    from airflow.utils.db import initdb

    initdb()
    return create_app(apps="core")


@pytest.fixture
def browser(airflow_app):
    """Return a client that is signed in as somebody, as a browser is: by Airflow's cookie. None: nobody."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from starlette.testclient import TestClient

    def sign_in(role):
        client = TestClient(airflow_app, follow_redirects=False)
        if role is not None:
            user = SimpleAuthManagerUser(username=NAMES[role], role=role)
            client.cookies.set("_token", get_auth_manager().generate_jwt(user))
        return client

    return sign_in


NAMES = {"viewer": "xem", "user": "can-bo", "op": "lanh-dao", "admin": "quan-tri"}
