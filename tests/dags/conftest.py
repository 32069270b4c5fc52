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
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{HOME}/airflow.db"


@pytest.fixture(scope="session")
def bag():
    """The DAGs as Airflow reads them from dags/."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(PROJECT / "dags")
