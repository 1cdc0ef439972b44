"""The dashboard: the charts of the report, alive, beside customers, migrations, monitoring and models.

`data` alone asks the engine, and only reads; `pages` turn what it finds into components; `app` puts them into Flask.
"""
