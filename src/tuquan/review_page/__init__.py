"""The review page: what the office sees and decides in a browser, as one web application that knows nothing of Airflow.

``plugins/review_page.py`` hangs it into Airflow's API server, says who asks, and lends it the hands of Airflow's API.
"""
